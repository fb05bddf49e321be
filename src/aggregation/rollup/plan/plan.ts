import { isAhead } from '../../../std/clock.ts'
import { alignDown, HOUR_MS } from '../../../std/durations.ts'
import type { DamagedManifest, Manifest } from '../commit/manifest.ts'
import { endOfWindowsMs } from '../model/window-spans.ts'
import type { CommittedWindow } from '../stores/store.ts'
import {
  countingSpan,
  freshInputs,
  isNewsInTime,
  type RowsOfWindow,
  type Times,
  tooLateRows,
} from './late-rows.ts'

/** Half-open [fromMs, toMs), UTC, aligned to the grain of the rollup. */
export interface Window {
  readonly rollup: string
  readonly fromMs: number
  readonly toMs: number
  /** Set where it is only brought to the stores, as it was computed under that definition. */
  readonly definitionHash?: string
}

/** Tells windows apart, those of another grain or definition too: a run may have been asked for before that was changed. */
export const keyOf = ({ rollup, fromMs, toMs, definitionHash }: Window): string =>
  `${rollup}${definitionHash === undefined ? '' : `~${definitionHash}`}.${fromMs}.${toMs}`

/** All that decides whether a window is to be run. */
export interface WindowFacts extends RowsOfWindow {
  readonly window: Window
  /** Set when a newer generation exists that cannot be read. */
  readonly damaged?: DamagedManifest | undefined
  /** The newest that each store holds of the window's time: it, or one of another grain. */
  readonly stored: readonly (CommittedWindow | undefined)[]
  /** What counts and starts in it: itself, or in its place windows of another definition. */
  readonly counting: readonly CommittedWindow[]
  /** Others within the same larger window are newer than that: it has begun to be replaced. */
  readonly isReplacing?: boolean
  /** When the last run gave the window up, if that was after its newest generation. */
  readonly failedMs: number | undefined
}

/**
 * `open`: not over, grace included. `due`: over, and not committed as complete; or committed, and not in every store.
 * `dirty`: committed as complete, and rows came since. `failed`: given up by a run, or its manifest cannot be read.
 * `missing`: never committed, without rows to count, and older than the horizon, or than the first event (planner.ts).
 */
export type WindowState = 'open' | 'due' | 'committed' | 'dirty' | 'failed' | 'missing'
export type Reprocess = 'missing' | 'failed' | 'all'
/** `compute`: make a new generation and publish it. `publish`: bring the newest one to the stores that lack it. */
export type WindowAction = 'compute' | 'publish'
export type SkipReason =
  | 'committed'
  | 'open'
  | 'sealed'
  | 'in_the_future'
  | 'not_failed'
  | 'failed_recently'
  | 'settling'
  | 'next_tick'

export interface PlannedWindow extends Window {
  readonly step: WindowAction
}
export interface SkippedWindow {
  readonly window: Window
  readonly why: SkipReason
  /** Rows that came after a window was sealed. */
  readonly tooLate?: number
}
export interface Plan {
  readonly windows: readonly PlannedWindow[]
  readonly skipped: readonly SkippedWindow[]
  /** How many are skipped and why, where `skipped` does not have them all. */
  readonly skippedBy?: Readonly<Partial<Record<SkipReason, number>>> | undefined
}
type Decision = { readonly step: WindowAction } | Omit<SkippedWindow, 'window'>

/** The schedule tries a window again this long after a run gave it up: an outage heals without an operator. Ours. */
export const FAILED_PAUSE_MS = HOUR_MS
/** The longest that rows which came late wait for the next generation of their window. Ours. */
const MAX_DIRTY_PAUSE_MS = HOUR_MS

/** The windows of a rollup that touch [fromMs, toMs), in time order. */
export function windowsIn(
  rollup: string,
  grainMs: number,
  range: { fromMs: number; toMs: number },
): Window[] {
  const windows: Window[] = []
  const endMs = Math.min(range.toMs, endOfWindowsMs(grainMs))
  for (let fromMs = alignDown(range.fromMs, grainMs); fromMs < endMs; fromMs += grainMs) {
    windows.push({ rollup, fromMs, toMs: fromMs + grainMs })
  }
  return windows
}

export function windowState(facts: WindowFacts, times: Times): WindowState {
  const state = stateInLake(facts, times)
  return isUnpublished(facts) && (state === 'committed' || state === 'dirty') ? 'due' : state
}

/** A store lacks the newest generation: queries answer without it, or with an older one. */
export const isUnpublished = ({ manifest, stored }: WindowFacts): boolean =>
  manifest !== undefined && stored.some((held) => (held?.generation ?? 0) < manifest.generation)

/** The state as far as the lake tells it, whatever the stores hold. */
function stateInLake(facts: WindowFacts, times: Times): WindowState {
  const { window, manifest, failedMs } = facts
  if (failedMs !== undefined || facts.damaged !== undefined) return 'failed'
  if (!isOver(window, times)) return 'open'
  if (manifest === undefined) return isDone(facts, times) ? 'missing' : 'due'
  if (!manifest.complete) return 'due'
  return freshInputs(facts).length > 0 ? 'dirty' : 'committed'
}

/** Nothing is to be done for the window, now or later, as long as nothing arrives for it. */
export function isSettled(facts: WindowFacts, times: Times): boolean {
  const decision = scheduled(facts, times)
  if ('step' in decision) return false
  if (facts.within !== undefined && !isSealed(facts.within, times)) return false
  return decision.why === 'committed' || decision.why === 'sealed'
}

/** What the schedule does, if it takes all at once: due windows, then late rows in growing intervals, then what a store lacks. */
export function planScheduled(facts: readonly WindowFacts[], times: Times): Plan {
  return planned(facts, (each) => scheduled(each, times))
}

/** What an explicit run does. It ignores the grace and may take the window that is still open. */
export function planRequested(facts: readonly WindowFacts[], reprocess: Reprocess, times: Times): Plan {
  return planned(facts, (each) => requested(each, reprocess, times))
}

/** The same without a range, which is no asking: what is old and counts under another definition stays as it is. */
export function planOfAll(facts: readonly WindowFacts[], reprocess: Reprocess, times: Times): Plan {
  return planned(facts, (each) => {
    const isToStay = each.isCovered && reprocess === 'missing' && windowState(each, times) === 'missing'
    return isToStay ? sealedWith(tooLateRows(each, times), each) : requested(each, reprocess, times)
  })
}

function planned(facts: readonly WindowFacts[], decide: (facts: WindowFacts) => Decision): Plan {
  const windows: PlannedWindow[] = []
  const skipped: SkippedWindow[] = []
  for (const each of [...facts].sort((a, b) => a.window.fromMs - b.window.fromMs)) {
    const decision = decide(each)
    if ('step' in decision) windows.push({ ...each.window, step: decision.step })
    else skipped.push({ ...skip(each.window, decision.why), ...decision })
  }
  return { windows, skipped }
}

function scheduled(facts: WindowFacts, times: Times): Decision {
  const { window, manifest, failedMs } = facts
  const pause = { nowMs: times.nowMs, mostMs: FAILED_PAUSE_MS }
  if (failedMs !== undefined && isAhead(failedMs + FAILED_PAUSE_MS, pause)) return { why: 'failed_recently' }
  if (facts.damaged) return facts.damaged.forGood ? { step: 'compute' } : { why: 'failed_recently' }
  if (!isOver(window, times)) return isAwaited(facts) ? { step: 'compute' } : publishOr('open', facts)
  const tooLate = tooLateRows(facts, times)
  if (tooLate > 0) return sealedWith(tooLate, facts)
  const state = stateInLake(facts, times)
  if (state === 'missing') return { why: 'sealed' }
  if (state !== 'dirty' || manifest === undefined) return stepFor(facts, times)
  // What came in time is taken at the seal at the latest.
  const isTime = times.nowMs >= window.toMs + times.horizonMs || !isSettling(manifest, times)
  return isTime ? { step: 'compute' } : publishOr('settling', facts)
}

function requested(facts: WindowFacts, reprocess: Reprocess, times: Times): Decision {
  const { window, failedMs } = facts
  if (window.fromMs > times.nowMs && facts.within === undefined) return { why: 'in_the_future' }
  if (reprocess === 'all' || facts.damaged) return { step: 'compute' }
  if (reprocess === 'failed' && failedMs === undefined) return { why: 'not_failed' }
  const tooLate = tooLateRows(facts, times)
  return tooLate === 0 || facts.manifest === undefined ? stepFor(facts, times) : sealedWith(tooLate, facts)
}

function sealedWith(tooLate: number, facts: WindowFacts): Decision {
  const decision = publishOr('sealed', facts)
  return 'step' in decision ? decision : { ...decision, tooLate }
}

function stepFor(facts: WindowFacts, times: Times): Decision {
  const { window, manifest } = facts
  const isStale = manifest === undefined || freshInputs(facts).length > 0
  if (isStale) return { step: 'compute' }
  if (!manifest.complete && isOver(window, times)) return { step: 'compute' }
  return publishOr('committed', facts)
}

/** A store that lacks the newest generation gets it, whatever else keeps the window from being computed. */
function publishOr(why: SkipReason, facts: WindowFacts): Decision {
  if (facts.manifest === undefined) return { why }
  return isUnpublished(facts) || facts.failedMs !== undefined ? { step: 'publish' } : { why }
}

export const skip = ({ rollup, fromMs, toMs }: Window, why: SkipReason): SkippedWindow => ({
  window: { rollup, fromMs, toMs },
  why,
})
const isOver = ({ toMs }: Window, { nowMs, graceMs }: Times) => nowMs >= toMs + graceMs
const isSealed = ({ toMs }: Pick<Window, 'toMs'>, { nowMs, horizonMs }: Times) => nowMs > toMs + horizonMs

/**
 * Never committed, and nothing is lost by that: it is old, and without rows or counted under another definition. Those
 * within one larger window take its place together or not at all, so they grow old together, and once some are there the
 * others follow: the rows of those count nowhere until then.
 */
const isDone = (facts: WindowFacts, times: Times) =>
  facts.isReplacing !== true &&
  isSealed(countingSpan(facts), times) &&
  (facts.isCovered ? !isNewsInTime(facts, times) : facts.inputs.length === 0)

/**
 * The larger window goes when those within it hold all of its time, so one that is not over is computed as it is now. So is
 * one that was counted while it was open, under another definition: under this one nobody knows that it is there.
 */
const isAwaited = ({ isCovered }: WindowFacts) => isCovered

/**
 * Whether late rows are still gathered for the next generation: they trickle, so each waits twice as long as the one
 * before, from a third of the window.
 */
function isSettling(manifest: Manifest, { nowMs }: Times) {
  const { fromMs, toMs, generation, completions = generation, createdMs } = manifest
  const pauseMs = Math.min(((toMs - fromMs) / 3) * 2 ** (completions - 1), MAX_DIRTY_PAUSE_MS)
  return isAhead(createdMs + pauseMs, { nowMs, mostMs: pauseMs })
}
