import Type, { type Static } from 'typebox'
import { DAY_MS, HOUR_MS, MINUTE_MS, outward, type TimeSpan } from '../../std/durations.ts'
import { AppError } from '../../std/errors.ts'
import { invalid } from '../../std/input/invalid.ts'
import { localDays } from '../../std/input/time-zone.ts'
import type { Thresholds } from '../rollup/model/thresholds.ts'
import { mergedLengths } from '../rollup/model/window-spans.ts'
import type { RollupStore } from '../rollup/stores/store.ts'
import type { KeptAnswer } from './answer/query-cache.ts'
import { durationText, type Selection, type SeriesStep, spanText } from './parameters.ts'
import { eachStep } from './tally/rows.ts'
import {
  addAggregate,
  emptyAggregate,
  type SeriesAggregate,
  Shares,
  Summary,
  sharesOf,
  summarise,
} from './tally/tally.ts'

/** Most points in an answer. Ours: more than a chart has pixels. */
export const MAX_POINTS = 3_000
/** Most windows read for one answer: 7 months of quarter hours, some 3 s of processor time. */
export const MAX_SERIES_WINDOWS = 20_000
/** Most windows × values: of twenty values a month of quarter hours. */
export const MAX_ROWS = 60_000

export const Point = Type.Object({
  t: Type.Integer({ description: 'Start of the step, epoch ms.' }),
  ...Summary.properties,
  shares: Type.Optional(
    Type.Object(Shares.properties, { description: 'Of a metric with thresholds, shares of n: 1 together.' }),
  ),
  partial: Type.Optional(
    Type.Literal(true, {
      description:
        'A window of the step is still open: more may come, and what came is not in the total. While somebody asks, it is computed once a minute.',
    }),
  ),
})
export type Point = Static<typeof Point>

export interface SeriesQuery extends Selection {
  /** Merged into one series. Empty for the set without dimensions. */
  readonly values: readonly string[]
  /** Undefined: `defaultStep`. */
  readonly step: SeriesStep | undefined
  /** Needed when the step is a day. */
  readonly timeZone: string
}

/** What a query may leave open, decided. */
export interface DecidedQuery {
  readonly rollup: string
  readonly unit: string
}

/** What is meant without a zone. */
export const UTC = 'UTC'

const STEPS_MS = [1, 5, 15, 60, 180, 360, 720].map((minutes) => minutes * MINUTE_MS).concat(24 * HOUR_MS)
/** More points than these are no more to see: half the pixels of a chart on a small screen. Ours. */
const MOST_TO_SEE = 400

/** Where none is asked for: the finest that the grain has, and that a chart of the range has room for. */
export function defaultStep({ fromMs, toMs }: TimeSpan, grainMs: number): number {
  const fits = (stepMs: number) => (toMs - fromMs) / stepMs <= MOST_TO_SEE
  const coarser = STEPS_MS.filter((stepMs) => stepMs > grainMs && stepMs % grainMs === 0)
  return [grainMs, ...coarser].find(fits) ?? DAY_MS
}

/** How many rows a range may be made of. */
interface WindowRows {
  readonly grainMs: number
  /** Those merged, each of which has a row in a window. */
  readonly values: number
}

/** The range as one step, aligned outward to whole windows. */
export function wholeRange({ fromMs, toMs }: TimeSpan, rows: WindowRows): readonly TimeSpan[] {
  boundWindows({ fromMs, toMs }, DAY_MS, rows)
  return [outward({ fromMs, toMs }, rows.grainMs)]
}

const mostRead = (values: number) => Math.floor(Math.min(MAX_SERIES_WINDOWS, MAX_ROWS / values))

/** The most windows that may be read for a range that has more of the grain: the others have to be merged. */
export function boundOf({ fromMs, toMs }: TimeSpan, { grainMs, values }: WindowRows): number | undefined {
  const most = mostRead(values)
  return (toMs - fromMs) / grainMs > most ? most : undefined
}

/** Refuses a range of too many windows, where all are merged that can be. */
function boundWindows(range: TimeSpan, stepMs: number, { grainMs, values }: WindowRows): void {
  const longestMs = mergedLengths(grainMs).find((lengthMs) => stepMs % lengthMs === 0) ?? grainMs
  const most = mostRead(values)
  if ((range.toMs - range.fromMs) / longestMs > most)
    throw tooLarge(most, `windows of ${durationText(longestMs)}`, { values, ms: most * longestMs })
}

/** The steps that cover the range, aligned outward: an answer is then the same for everyone who asks within a step. */
export function stepsOf(
  { fromMs, toMs, step, timeZone }: TimeSpan & { readonly step: SeriesStep; readonly timeZone: string },
  { grainMs, values }: WindowRows,
): readonly TimeSpan[] {
  const stepMs = step === 'day' ? DAY_MS : step
  // Days of other zones are made of hours.
  const wholeMs = step === 'day' && timeZone !== UTC ? HOUR_MS : stepMs
  boundWindows({ fromMs, toMs }, wholeMs, { grainMs, values })
  if ((toMs - fromMs) / stepMs > MAX_POINTS - 2)
    throw tooLarge(MAX_POINTS - 2, 'steps', { values: 1, ms: (MAX_POINTS - 2) * stepMs })
  if (step !== 'day') {
    if (step % grainMs !== 0)
      throw invalid(
        'step',
        `must be a multiple of ${durationText(grainMs)}, in which rollups count, such as ${durationText(grainMs)} or 1d`,
      )
    return fixedSteps({ fromMs, toMs }, step)
  }
  const days = localDays(fromMs, toMs, timeZone)
  if (days.some((day) => day.fromMs % grainMs !== 0))
    throw invalid(
      'tz',
      `must be a zone whose days begin with a window of ${durationText(grainMs)}, such as UTC`,
    )
  return days
}

/** From the begin of the first to the end of the last. */
export const covering = (steps: readonly TimeSpan[]): TimeSpan => ({
  fromMs: Math.min(...steps.map(({ fromMs }) => fromMs)),
  toMs: Math.max(...steps.map(({ toMs }) => toMs)),
})

const tooLarge = (most: number, what: string, { values, ms }: { values: number; ms: number }) => {
  const of = values > 1 ? ` for ${values} values` : ''
  const message = `The range covers more than ${most} ${what}${of}; ask for at most ${spanText(ms)}.`
  return new AppError('query_too_large', message)
}

export function fixedSteps({ fromMs, toMs }: TimeSpan, stepMs: number): readonly TimeSpan[] {
  const first = Math.floor(fromMs / stepMs)
  const count = Math.ceil(toMs / stepMs) - first
  return Array.from({ length: count }, (_, i) => ({
    fromMs: (first + i) * stepMs,
    toMs: (first + i + 1) * stepMs,
  }))
}

interface SeriesWork {
  readonly steps: readonly TimeSpan[]
  readonly signal: AbortSignal
  /** Those of the metric, where it has any. */
  readonly thresholds: Thresholds | undefined
}

/** One point per step that has data, and one of the whole range, merged from the same histograms. */
export async function computeSeries(
  store: Pick<RollupStore, 'series'>,
  { quantiles, ...query }: SeriesQuery & DecidedQuery,
  { steps, signal, thresholds }: SeriesWork,
): Promise<KeptAnswer> {
  const pointAt = (t: number, tally: SeriesAggregate): Point => ({
    t,
    ...summarise(tally, quantiles),
    ...(thresholds && { shares: sharesOf(tally, thresholds) }),
  })
  const total = emptyAggregate()
  const points: string[] = []
  const take = (fromMs: number, tally: SeriesAggregate) => {
    addAggregate(total, tally)
    points.push(JSON.stringify(pointAt(fromMs, tally)))
  }
  await eachStep(store, query, { steps, signal, take })
  const isEmpty = points.length === 0
  const head = JSON.stringify({ total: isEmpty ? null : pointAt(query.fromMs, total) })
  return { text: `${head.slice(0, -1)},"points":[${points.join(',')}]}`, isEmpty: [isEmpty] }
}
