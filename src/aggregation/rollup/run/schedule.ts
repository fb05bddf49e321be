import { sleep } from '../../../std/async/abort.ts'
import { createFailureNews } from '../../../std/async/failure-news.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import type { Logger } from '../../../std/telemetry.ts'

export interface ScheduleOptions {
  /** Before each look; while it rejects there is none. */
  readonly begin: () => Promise<void>
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
  /** A tick has fallen due, perhaps while the work of the last look goes on. */
  isDue(): boolean
  /** Ticks now, and does that work: the turn of the schedule, after which it is as long until the next tick. */
  takeTurn(work: () => Promise<void>, signal: AbortSignal): Promise<void>
  /** Ticks and works until the signal aborts. A failure is logged once, and the next tick tries again. */
  run(signal: AbortSignal): Promise<void>
}

/**
 * When to look, never what is due: that follows from the windows' own state, so a tick that is missed, late or doubled
 * changes nothing, and downtime is caught up by the first one after it.
 */
export function createSchedule({ begin, tick, work, tickMs, clock, log }: ScheduleOptions): Schedule {
  let alarm = new AbortController()
  let nextTickMs = clock.monotonicMs()
  const dueTick = () => (clock.monotonicMs() >= nextTickMs ? tick : undefined)
  const awaitNextTick = () => {
    nextTickMs = clock.monotonicMs() + tickMs
  }

  const news = createFailureNews()

  async function look(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    try {
      await begin()
      const due = dueTick()
      if (due) {
        awaitNextTick()
        await due()
      }
      await work()
      news.over()
    } catch (error) {
      // An orderly stop ends what is under way.
      if (signal.aborted && error instanceof AppError && error.code === 'cancelled') return
      news.tell(error, () =>
        log.error({ err: error }, 'the schedule cannot look for work now; it tries again'),
      )
    }
  }

  return {
    wake: () => alarm.abort(),
    isDue: () => dueTick() !== undefined,
    async takeTurn(work, signal) {
      await look(signal, work)
      awaitNextTick()
    },
    async run(signal) {
      while (!signal.aborted) {
        alarm = new AbortController()
        await look(signal, work)
        await sleep(tickMs, AbortSignal.any([signal, alarm.signal]))
      }
    },
  }
}
