import { sleep } from '../../../std/async/abort.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import type { Logger } from '../../../std/telemetry.ts'

export interface ScheduleOptions {
  /** Looks for work of the schedule; undefined when only explicit runs are wanted. */
  readonly tick: (() => Promise<void>) | undefined
  /** Does the work there is. */
  readonly work: () => Promise<void>
  readonly tickMs: number
  readonly clock: Clock
  readonly log: Logger
}

export interface Schedule {
  /** There is work before the next tick. */
  wake(): void
  /** Ticks and works until the signal aborts. A failure is logged, and the next tick tries again. */
  run(signal: AbortSignal): Promise<void>
}

/**
 * When to look, never what is due: that follows from the windows' own state, so a tick that is missed, late or doubled
 * changes nothing, and downtime is caught up by the first one after it.
 */
export function createSchedule({ tick, work, tickMs, clock, log }: ScheduleOptions): Schedule {
  let alarm = new AbortController()
  let nextTickMs = clock.monotonicMs()

  async function look(signal: AbortSignal): Promise<void> {
    try {
      if (tick && clock.monotonicMs() >= nextTickMs) {
        nextTickMs = clock.monotonicMs() + tickMs
        await tick()
      }
      await work()
    } catch (error) {
      // An orderly stop ends what is under way.
      if (signal.aborted && error instanceof AppError && error.code === 'cancelled') return
      log.error({ err: error }, 'the schedule cannot look for work now; it tries again')
    }
  }

  return {
    wake: () => alarm.abort(),
    async run(signal) {
      while (!signal.aborted) {
        alarm = new AbortController()
        await look(signal)
        await sleep(tickMs, AbortSignal.any([signal, alarm.signal]))
      }
    },
  }
}
