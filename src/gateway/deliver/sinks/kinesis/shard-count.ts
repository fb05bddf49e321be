import type { Clock } from '../../../../std/clock.ts'
import { gauge } from '../../../../std/metrics/instruments.ts'
import type { Telemetry } from '../../../../std/telemetry.ts'
import { callFailureOf } from './errors.ts'

export interface ShardCount {
  /** As last learnt; undefined until it was once. */
  known(): number | undefined
  /** Asks again unless that was begun less than `ageMs` ago. Never waits, never throws. */
  freshen(ageMs: number): void
  /** Resolves when no question is under way. */
  settled(): Promise<void>
}

export interface ShardCountOptions {
  readonly count: () => Promise<number>
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** Remembers the shard count of a stream. A question that fails changes nothing: sending never depends on it. */
export function createShardCount({ count, clock, telemetry }: ShardCountOptions): ShardCount {
  let known: number | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  let asking: Promise<void> = Promise.resolve()
  /** With which code the last question failed. */
  let failing: string | undefined
  gauge(telemetry.metrics, 'headgate_sink_shards', (it) => it.set(known ?? 0))

  async function ask(): Promise<void> {
    try {
      const found = await count()
      if (found > 0 && found !== known)
        telemetry.log.info({ shards: found, before: known }, 'the shards were counted')
      // None are open while a stream is made or deleted: that says nothing about what it will take.
      if (found > 0) known = found
      failing = undefined
    } catch (error) {
      // Its code alone: what AWS says of a signature quotes the headers that were signed, a session token among them.
      const { code } = callFailureOf(error)
      if (code !== failing) telemetry.log.warn({ code, known }, 'the shards could not be counted')
      failing = code
    }
  }

  return {
    known: () => known,
    freshen(ageMs) {
      const nowMs = clock.monotonicMs()
      if (nowMs - askedMs < ageMs) return
      askedMs = nowMs
      asking = ask()
    },
    settled: () => asking,
  }
}
