import type { Logger } from '../../../std/telemetry.ts'
import type { Window, WindowState } from './plan.ts'

/** What looks tell of the windows. */
export interface PlanMetrics {
  /** The window is known to be committed. */
  committedUpTo(window: Window): void
  /** What a look at the windows of a rollup found, of whatever age. */
  waiting(rollup: string, found: { readonly dueWindows: number; readonly tooLateRows: number }): void
}

interface LookedAt {
  readonly window: Window
  readonly state: WindowState
  readonly tooLate: number
  readonly isUnpublished: boolean
}

/** From so many on, results that a store lacks are told, until none is lacking. Ours: an hour of quarter hours. */
export const MANY_UNPUBLISHED = 4

export const isDue = (state: WindowState): boolean => state === 'due' || state === 'failed'

/** Tells operators, after each look at a rollup's windows, what they have to know, once. */
export function createWindowNews(log: Logger, metrics: Pick<PlanMetrics, 'waiting'>) {
  const toldTooLate = new Map<string, number>()
  const unpublished = new Set<string>()

  function tellTooLate(rollup: string, notes: readonly LookedAt[]): number {
    const late = notes.filter(({ tooLate }) => tooLate > 0)
    const events = late.reduce((sum, { tooLate }) => sum + tooLate, 0)
    if (events > (toldTooLate.get(rollup) ?? 0)) {
      const spans = late.map(({ window }) => window).sort((a, b) => a.fromMs - b.fromMs)
      const [from, to] = [spans[0]?.fromMs, spans.at(-1)?.toMs].map((ms) =>
        new Date(Number(ms)).toISOString(),
      )
      log.warn(
        { rollup, events, windows: late.length, from, to },
        'events came after their windows were sealed: `headgate aggregate --from … --to … --reprocess all` counts them',
      )
    }
    toldTooLate.set(rollup, events)
    return events
  }

  /** As after a restore; a few that a crash left are no news. */
  function tellUnpublished(rollup: string, windows: number): void {
    if (windows >= MANY_UNPUBLISHED && !unpublished.has(rollup)) {
      unpublished.add(rollup)
      log.warn(
        { rollup, windows },
        'store/ lacks results that lie in the lake: they are published again, and until then queries answer without them',
      )
    }
    if (windows === 0 && unpublished.delete(rollup)) {
      log.info({ rollup }, 'store/ has all results that lie in the lake again')
    }
  }

  return (rollup: string, notes: readonly LookedAt[]): void => {
    const tooLateRows = tellTooLate(rollup, notes)
    metrics.waiting(rollup, { dueWindows: notes.filter(({ state }) => isDue(state)).length, tooLateRows })
    tellUnpublished(rollup, notes.filter(({ isUnpublished }) => isUnpublished).length)
  }
}
