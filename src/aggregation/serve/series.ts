import { setImmediate as othersFirst } from 'node:timers/promises'
import { AppError } from '../../std/errors.ts'
import type { RollupStore } from '../rollup/store.ts'
import type { Point } from './answers.ts'
import { durationText, type Selection, type Step, wrong } from './parameters.ts'
import { addRow, addTally, emptyTally, summarise } from './tally.ts'
import { localDays, type Span } from './time-zone.ts'

/** Most points in an answer, and most windows read for one: 17 months of quarter hours. */
export const MAX_POINTS = 3_000
export const MAX_WINDOWS = 50_000
const DAY_MS = 86_400_000

export interface SeriesQuery extends Selection {
  /** Merged into one series. Empty for the set without dimensions. */
  readonly values: readonly string[]
  /** Undefined: 15 minutes, or the grain where that is longer. */
  readonly step: Step | undefined
  /** Of a step of a day. */
  readonly timeZone: string
}

/** The steps that cover the range, aligned outward: an answer is then the same for everyone who asks within a step. */
export function stepsOf(
  { fromMs, toMs, step, timeZone }: Span & { readonly step: Step; readonly timeZone: string },
  grainMs: number,
): readonly Span[] {
  const stepMs = step === 'day' ? DAY_MS : step
  if ((toMs - fromMs) / grainMs > MAX_WINDOWS)
    throw tooLarge(`covers more than ${MAX_WINDOWS} windows of ${durationText(grainMs)}`)
  if ((toMs - fromMs) / stepMs > MAX_POINTS - 2) throw tooLarge(`has more than ${MAX_POINTS} steps`)
  if (step !== 'day') {
    if (step % grainMs !== 0) throw wrong('step', `must be a multiple of ${durationText(grainMs)}`)
    return fixedSteps(fromMs, toMs, step)
  }
  const days = localDays(fromMs, toMs, timeZone)
  if (days.some((day) => day.fromMs % grainMs !== 0))
    throw wrong('tz', `its days do not start on a window of ${durationText(grainMs)}`)
  return days
}

const tooLarge = (what: string) => new AppError('query_too_large', `The range ${what}.`)

function fixedSteps(fromMs: number, toMs: number, stepMs: number): readonly Span[] {
  const first = Math.floor(fromMs / stepMs)
  const count = Math.ceil(toMs / stepMs) - first
  return Array.from({ length: count }, (_, i) => ({
    fromMs: (first + i) * stepMs,
    toMs: (first + i + 1) * stepMs,
  }))
}

/** One point per step that has data, and one of the whole range, merged from the same histograms. */
export async function computeSeries(
  store: Pick<RollupStore, 'series'>,
  { rollup, app, metric, set, fromMs, toMs, values, quantiles }: SeriesQuery & { readonly rollup: string },
  steps: readonly Span[],
) {
  const request = { rollup, app, metric, set, fromMs, toMs }
  const found = await Promise.all(values.map((value) => store.series({ ...request, value })))
  const rows = found
    .flat()
    // Weights that all round to nothing: no average, no rank.
    .filter((row) => row.n > 0n)
    .sort((a, b) => a.windowFromMs - b.windowFromMs)

  const total = emptyTally()
  const points: Point[] = []
  let next = 0
  for (const step of steps) {
    const tally = emptyTally()
    for (let row = rows[next]; row && row.windowFromMs < step.toMs; row = rows[++next]) addRow(tally, row)
    if (tally.rows === 0) continue
    addTally(total, tally)
    points.push({ t: step.fromMs, ...summarise(tally, quantiles) })
    // Merging months takes long: requests that wait get their turn.
    await othersFirst()
  }
  return {
    unit: total.unit,
    points,
    total: points.length === 0 ? null : { t: fromMs, ...summarise(total, quantiles) },
  }
}
