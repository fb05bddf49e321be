import type { Telemetry } from '../std/telemetry.ts'
import type { SkipObject } from './fs-tree.ts'

/** Whoever fills a folder with pipes fills no memory and no log. Ours. */
const MOST_NAMED = 1_000

/** What lies where others write, and is nothing that can be read. */
export interface PassedOver {
  readonly key: string
  readonly why: string
}

export interface SkippedObjects {
  readonly passOver: SkipObject
  /** What listings met since the last call: what was renamed or removed is not met again. */
  takeMet(): readonly PassedOver[]
}

/** Names each thing that is passed over once in the log, and, to whoever counts, all that are there now. */
export function skippedObjects({ log }: Pick<Telemetry, 'log'>): SkippedObjects {
  const known = new Set<string>()
  const met = new Map<string, string>()
  return {
    passOver(key, why) {
      if (met.size < MOST_NAMED) met.set(key, why)
      if (known.has(key) || known.size >= MOST_NAMED) return
      known.add(key)
      log.error({ key, why }, 'this lies in the lake and is passed over: it is nothing that can be read')
    },
    takeMet() {
      const found = Array.from(met, ([key, why]) => ({ key, why }))
      met.clear()
      return found
    },
  }
}
