import type { Clock } from '../../../std/clock.ts'
import { gauge } from '../../../std/metrics/instruments.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { Backlog } from '../../journal/backlog.ts'
import type { Sink } from '../sinks/stream.ts'
import type { SinkState } from './sink-state.ts'

/** Where events go that the stream cannot take for long, or not fast enough. */
export interface Fallback {
  readonly stream: Sink
  /** With more than this in the backlog the fallback helps, however well the stream does. */
  readonly maxBacklogBytes: number
  /** Left out: the events have been answered for, and can wait. */
  readonly thresholds?: FallbackThresholds
}

/** How much of a failing or slow stream is borne. */
export interface FallbackThresholds {
  /** The fallback opens when the stream has failed for so long, */
  readonly failingMs: number
  /** or when the oldest event has waited for so long, */
  readonly behindMs: number
  /** and closes when neither holds: below the threshold for opening, so that the two states do not alternate. */
  readonly caughtUpMs: number
  /** How often that is asked. */
  readonly checkMs: number
}

/** Whether the fallback is open. It is while the stream fails or falls behind; nobody has to close it. */
export interface FallbackSwitch {
  isOpen(): boolean
  /** From now on it opens at the first failure: there may be no time left to wait. */
  failFast(): void
}

export interface FallbackSwitchOptions extends Omit<Fallback, 'stream'> {
  readonly backlog: Backlog
  /** The state of the stream that the fallback stands in for. */
  readonly sink: SinkState
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/**
 * A sink that fails for a minute will not be back in a moment; nor one that is behind by as much.
 * Counting the backlog of a journal costs more than a call of `isOpen` should.
 */
const DEFAULT_THRESHOLDS: FallbackThresholds = {
  failingMs: 60_000,
  behindMs: 60_000,
  caughtUpMs: 30_000,
  checkMs: 1_000,
}
/**
 * Where somebody waits for an answer: the first failure is enough, and so is being behind by ten times what packing and a
 * call take, well before a call that hangs has failed (6 s).
 */
export const AWAITED_THRESHOLDS: FallbackThresholds = {
  failingMs: 0,
  behindMs: 2_000,
  caughtUpMs: 1_000,
  checkMs: 0,
}
const CAUGHT_UP_SHARE = 0.8

export function createFallbackSwitch(options: FallbackSwitchOptions): FallbackSwitch {
  const { backlog, maxBacklogBytes, sink, clock, telemetry, thresholds = DEFAULT_THRESHOLDS } = options
  /** What an earlier process left waits for this one since it began. */
  const startedMs = clock.monotonicMs()
  /** The arrival of the oldest event, and since when it is that. */
  let known = { oldestMs: undefined as number | undefined, sinceMs: startedMs }
  let { failingMs: patienceMs, checkMs: everyMs } = thresholds
  let open = false
  let checkedMs = Number.NEGATIVE_INFINITY
  gauge(telemetry.metrics, 'headgate_fallback_open', (it) => it.set(Number(open)))

  /** What seems to come from later than now came before the clock was put back: it waits since it is the oldest at least. */
  function behindOf(oldestMs: number | undefined): number {
    const [nowMs, atMs] = [clock.nowMs(), clock.monotonicMs()]
    if (oldestMs !== known.oldestMs) known = { oldestMs, sinceMs: atMs }
    if (oldestMs === undefined) return 0
    return oldestMs > nowMs ? atMs - known.sinceMs : Math.min(nowMs - oldestMs, atMs - startedMs)
  }

  function check(): void {
    const { bytes, oldestMs } = backlog.state()
    const behindMs = behindOf(oldestMs)
    const failingMs = sink.failingMs()
    if (open)
      open =
        failingMs !== undefined ||
        behindMs > thresholds.caughtUpMs ||
        bytes > maxBacklogBytes * CAUGHT_UP_SHARE
    else open = (failingMs ?? -1) >= patienceMs || behindMs >= thresholds.behindMs || bytes > maxBacklogBytes
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
        if (open) telemetry.log.warn(state, 'the stream fails or falls behind: the fallback is open')
        else telemetry.log.info(state, 'the stream has caught up: the fallback is closed')
      }
      return open
    },
    failFast() {
      patienceMs = 0
      everyMs = 0
    },
  }
}
