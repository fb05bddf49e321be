import type { Logger } from '../../../std/telemetry.ts'
import type { Window, WindowState } from './plan.ts'

/** What looks tell of the windows. */
export interface PlanMetrics {
  /** The window is known to be committed: complete, or before all of its events could have come. */
  committedUpTo(window: Window & { readonly complete: boolean }): void
  /** What a look at the windows of a rollup found, of whatever age. */
  waiting(rollup: string, found: Waiting): void
}

interface Waiting {
  readonly dueWindows: number
  /** When the oldest of them begins; Infinity where there is none. */
  readonly dueSinceMs: number
  /** Those that a run takes again, as rows came since. */
  readonly windowsToRepeat: number
  readonly tooLateRows: number
  readonly aheadRows: number
}

interface LookedAt {
  readonly window: Window
  readonly state: WindowState
  readonly tooLate: number
  readonly ahead: number
  readonly isUnpublished: boolean
}

/** From so many on, results that a store lacks are told, until none is lacking. Ours: an hour of quarter hours. */
export const MANY_UNPUBLISHED = 4

export const isDue = (state: WindowState): boolean => state === 'due' || state === 'failed'

/** What came too late is dirty as well, and waits for who asks for it. */
const isToRepeat = ({ state, tooLate }: LookedAt): boolean => state === 'dirty' && tooLate === 0

/** Tells operators, after each look at a rollup's windows, what they have to know, once. */
export function createWindowNews(log: Logger, metrics: Pick<PlanMetrics, 'waiting'>) {
  const tooLateOf = rowsByLook(({ tooLate }) => tooLate)
  const aheadOf = rowsByLook(({ ahead }) => ahead)
  const unpublished = new Set<string>()

  function tellTooLate(rollup: string, notes: readonly LookedAt[]): number {
    const { events, more } = tooLateOf(rollup, notes)
    if (more !== undefined)
      log.warn(
        { rollup, ...more },
        'events came after their windows were sealed: `headgate aggregate --from … --to … --reprocess all` counts them',
      )
    return events
  }

  function tellAhead(rollup: string, notes: readonly LookedAt[]): number {
    const { events, more } = aheadOf(rollup, notes)
    if (more !== undefined)
      log.warn(
        { rollup, ...more },
        'events lie in windows that have not begun, as a clock was ahead when they came: they are counted then',
      )
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
    const [tooLateRows, aheadRows] = [tellTooLate(rollup, notes), tellAhead(rollup, notes)]
    const due = notes.filter(({ state }) => isDue(state))
    const dueSinceMs = due.reduce((ms, { window }) => Math.min(ms, window.fromMs), Number.POSITIVE_INFINITY)
    const windowsToRepeat = notes.filter(isToRepeat).length
    const dueWindows = due.length
    metrics.waiting(rollup, { dueWindows, dueSinceMs, windowsToRepeat, tooLateRows, aheadRows })
    tellUnpublished(rollup, notes.filter(({ isUnpublished }) => isUnpublished).length)
  }
}

/** So many rows, by rollup, and where they lie when they are more than at the last look. */
function rowsByLook(rowsOf: (note: LookedAt) => number) {
  const told = new Map<string, number>()
  return (rollup: string, notes: readonly LookedAt[]) => {
    const some = notes.filter((note) => rowsOf(note) > 0)
    const events = some.reduce((sum, note) => sum + rowsOf(note), 0)
    const isMore = events > (told.get(rollup) ?? 0)
    told.set(rollup, events)
    return { events, more: isMore ? { events, windows: some.length, ...spanOf(some) } : undefined }
  }
}

function spanOf(notes: readonly LookedAt[]): { readonly from: string; readonly to: string } {
  const iso = (ms: number) => new Date(ms).toISOString()
  const spans = notes.map(({ window }) => window).sort((a, b) => a.fromMs - b.fromMs)
  return { from: iso(Number(spans[0]?.fromMs)), to: iso(Number(spans.at(-1)?.toMs)) }
}
