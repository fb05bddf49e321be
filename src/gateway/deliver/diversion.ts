import { Gauge } from 'prom-client'
import type { Clock } from '../../std/clock.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { Backlog } from './backlog.ts'
import type { SinkState } from './sink-state.ts'
import type { Stream } from './stream.ts'

/** Where events go that the stream cannot take for long, or not fast enough. */
export interface Fallback {
  readonly stream: Stream
  /** With more than this in the backlog the fallback helps, however well the stream does. */
  readonly maxBacklogBytes: number
}

/** Whether the fallback is open. It is while the stream fails or falls behind; nobody has to close it. */
export interface Diversion {
  isOpen(): boolean
  /** From now on it opens at the first failure: there may be no time left to wait. */
  hurry(): void
}

export interface DiversionOptions {
  readonly backlog: Backlog
  readonly maxBacklogBytes: number
  /** The state of the stream that the fallback stands in for. */
  readonly sink: SinkState
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** A sink that fails for so long will not be back in a moment (design.md, Stream records); nor one that lags as much. */
const PATIENCE_MS = 60_000
/** Caught up. Below the thresholds for opening, so that the two states do not alternate. */
const CAUGHT_UP_MS = 30_000
const CAUGHT_UP_SHARE = 0.8
/** Counting the backlog costs more than a call of `isOpen` should. */
const CHECK_MS = 1_000

export function createDiversion(options: DiversionOptions): Diversion {
  const { backlog, maxBacklogBytes, sink, clock, telemetry } = options
  /** What an earlier process left waits for this one since it began. */
  const startedMs = clock.nowMs()
  let patienceMs = PATIENCE_MS
  let everyMs = CHECK_MS
  let open = false
  let checkedMs = Number.NEGATIVE_INFINITY
  new Gauge({
    name: 'headgate_fallback_open',
    help: '1 while events go to the fallback because the stream fails or falls behind.',
    aggregator: 'max',
    registers: [telemetry.metrics],
    collect() {
      this.set(Number(open))
    },
  })

  function check(): void {
    const { bytes, oldestMs } = backlog.state()
    const lagMs = oldestMs === undefined ? 0 : clock.nowMs() - Math.max(oldestMs, startedMs)
    const failingMs = sink.failingMs()
    if (open)
      open = failingMs !== undefined || lagMs > CAUGHT_UP_MS || bytes > maxBacklogBytes * CAUGHT_UP_SHARE
    else open = (failingMs ?? -1) >= patienceMs || lagMs >= PATIENCE_MS || bytes > maxBacklogBytes
  }

  return {
    isOpen() {
      const nowMs = clock.monotonicMs()
      if (nowMs - checkedMs < everyMs) return open
      checkedMs = nowMs
      const before = open
      check()
      if (open !== before) {
        const { bytes, events } = backlog.state()
        const state = { failingMs: sink.failingMs(), backlogBytes: bytes, backlogEvents: events }
        if (open) telemetry.log.warn(state, 'The stream fails or falls behind: the fallback is open')
        else telemetry.log.info(state, 'The stream has caught up: the fallback is closed')
      }
      return open
    },
    hurry() {
      patienceMs = 0
      everyMs = 0
    },
  }
}
