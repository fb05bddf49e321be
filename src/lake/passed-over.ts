import { gauge } from '../std/metrics/instruments.ts'
import type { Telemetry } from '../std/telemetry.ts'
import type { SkipObject } from './fs-tree.ts'

/** Whoever fills a folder with pipes fills no memory and no log. Ours. */
const MOST_NAMED = 1_000

/** Names each thing that is passed over once, and counts them. */
export function skippedObjects({ log, metrics }: Telemetry): SkipObject {
  const known = new Set<string>()
  const passedOver = gauge(metrics, 'headgate_lake_passed_over')
  return (key, why) => {
    if (known.has(key) || known.size >= MOST_NAMED) return
    known.add(key)
    passedOver.set(known.size)
    log.error({ key, why }, 'this lies in the lake and is passed over: it is nothing that can be read')
  }
}
