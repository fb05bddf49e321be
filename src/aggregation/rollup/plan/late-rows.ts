import { isImported } from '../../../lake/layout.ts'
import type { TimeSpan } from '../../../std/durations.ts'
import type { Manifest } from '../commit/manifest.ts'
import { rowsIn, type WindowInput } from '../commit/window-inputs.ts'
import type { CommittedWindow } from '../stores/store.ts'

/** What came for a window, and by what it is counted. */
export interface RowsOfWindow {
  readonly window: TimeSpan
  /** The newest generation under the rollup's present definition, unless a newer one of another counts. */
  readonly manifest: Manifest | undefined
  /** The objects that hold rows of the window now. */
  readonly inputs: readonly WindowInput[]
  /** Windows of another definition in a store hold all of its time. */
  readonly isCovered: boolean
  /**
   * Where it is covered: what those were not computed from and lies in their time, so that within a larger window each has
   * what came for any. Left out: nothing.
   */
  readonly uncounted?: readonly WindowInput[] | undefined
  /** A larger window in a store holds its time, and counts until windows like this one hold all of that. */
  readonly within?: CommittedWindow | undefined
}

export interface Times {
  readonly nowMs: number
  /** How long after its end a window is waited for. */
  readonly graceMs: number
  /** How long after its end rows re-open a window that is committed as complete; then it is sealed. */
  readonly horizonMs: number
}

/** Rows that came for a finished window after its horizon, none of which a run takes without being told: see docs/adr/0051. */
export function tooLateRows(facts: RowsOfWindow, times: Times): number {
  const { inputs } = facts
  if (!isFinished(facts)) return 0
  // One that came in time brings the window another generation, and that takes them all.
  return isNewsInTime(facts, times) ? 0 : rowsIn(freshInputs(facts).filter((each) => inputs.includes(each)))
}

/** Rows came since for what counts as finished: no number has them. */
export const lacksRows = (facts: RowsOfWindow): boolean => isFinished(facts) && freshInputs(facts).length > 0

const isFinished = ({ manifest, isCovered }: RowsOfWindow): boolean => manifest?.complete ?? isCovered

/** Rows came for what counts the window before that was sealed, or were imported. */
export function isNewsInTime(facts: RowsOfWindow, { nowMs, horizonMs }: Times): boolean {
  const { toMs } = countingSpan(facts)
  return freshInputs(facts).some(
    ({ key, arrivedMs }) => isImported(key) || Math.min(arrivedMs, nowMs) <= toMs + horizonMs,
  )
}

/** A larger window of before is computed anew with all of its time, or not at all. */
export const countingSpan = ({ window, manifest, within }: RowsOfWindow): TimeSpan =>
  manifest === undefined ? (within ?? window) : window

/** What the newest generation was not computed from. */
export function freshInputs({
  manifest,
  inputs,
  isCovered,
  uncounted = [],
}: RowsOfWindow): readonly WindowInput[] {
  if (manifest === undefined && isCovered) return uncounted
  const known = new Set(manifest?.inputs.keys)
  return inputs.filter(({ key }) => !known.has(key))
}
