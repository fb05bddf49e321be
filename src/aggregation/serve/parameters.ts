import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../std/durations.ts'
import { instant, rangeFrom } from '../../std/input/instant.ts'

/** Most quantiles in one query. Ours. */
export const MAX_QUANTILES = 10
/** Most values merged in one query. Ours: each is one more lookup in every window. */
export const MAX_VALUES = 20

/** Most sets by which a change is split. Ours: as many as a rollup may have. */
export const MAX_CHANGED_SETS = 20

/** A range, by default so long until now. */
export function parseRange(query: { from?: string; to?: string }, nowMs: number, lengthMs = DAY_MS) {
  const toMs = query.to === undefined ? nowMs : instant('to', query.to)
  const fromMs = query.from === undefined ? Math.max(0, toMs - lengthMs) : instant('from', query.from)
  return rangeFrom(fromMs, toMs)
}

/** A range of which both ends are named. */
export function parsePeriod<Name extends string>(
  query: Readonly<Record<Name, string>>,
  names: readonly [from: Name, to: Name],
) {
  const [fromMs, toMs] = [instant(names[0], query[names[0]]), instant(names[1], query[names[1]])]
  return rangeFrom(fromMs, toMs, names)
}

/** `1d` is a local day, of 23, 24 or 25 hours; anything else a fixed number of milliseconds. */
export type SeriesStep = 'day' | number

const UNIT_MS: Readonly<Record<string, number>> = { m: MINUTE_MS, h: HOUR_MS }

/** NaN for what is no step. */
export function parseStep(text: string): SeriesStep {
  if (text === '1d') return 'day'
  const match = /^([1-9]\d{0,3})([mh])$/.exec(text)
  const stepMs = Number(match?.[1]) * Number(UNIT_MS[String(match?.[2])])
  return stepMs <= DAY_MS ? stepMs : Number.NaN
}

/** None where the text is no list of quantiles, or one of too many. */
export function parseQuantiles(text: string): readonly number[] {
  const quantiles = text.split(',').map((one) => (/^0?\.\d{1,6}$/.test(one) ? Number(one) : 0))
  return quantiles.length <= MAX_QUANTILES && quantiles.every((q) => q > 0) ? quantiles : []
}

/** None where the text is no list of names, or one of too many. */
export function parseSets(text: string): readonly string[] {
  const names = text.split(',')
  return names.length <= MAX_CHANGED_SETS && names.every((name) => name !== '') ? names : []
}

/** `75`, `p75`, `99.9`: as people say percentiles. */
const PERCENTILE = /^p?(\d{1,2}(?:\.\d{1,4})?)$/i

/** `; did you mean q=0.75?` where every part of the text is a percentile, and they are not too many; or nothing. */
export function quantilesMeant(text: string, most = MAX_QUANTILES): string {
  const meant = text.split(',').map((one) => quantileMeant(one.trim()))
  return meant.length <= most && meant.every((q) => q > 0) ? `; did you mean q=${meant.join(',')}?` : ''
}

/** 0 for what is neither a quantile nor a percentile. */
function quantileMeant(text: string): number {
  const [quantile] = parseQuantiles(text)
  const percentile = Number(PERCENTILE.exec(text)?.[1] ?? 0)
  // Whoever writes 1 may mean the largest.
  return quantile ?? (percentile > 1 ? Number((percentile / 100).toFixed(6)) : 0)
}

/** As people write it: 15m, 1h. */
export const durationText = (ms: number): string =>
  ms % HOUR_MS === 0 ? `${ms / HOUR_MS}h` : `${ms / MINUTE_MS}m`

/** A length of time in words: the largest range that a query may have. */
export const spanText = (ms: number): string =>
  ms >= 2 * DAY_MS ? `${Math.floor(ms / DAY_MS)} days` : `${Math.floor(ms / HOUR_MS)} hours`

/** What every query names. Half-open, UTC epoch ms. */
export interface Selection {
  readonly app: string
  readonly metric: string
  /** Left out: that of most rows. */
  readonly unit?: string | undefined
  readonly set: string
  /** Answers to it; undefined: the first rollup that keeps the set. */
  readonly rollup?: string | undefined
  /** Left out: as that rollup does. */
  readonly bots?: 'exclude' | 'include' | undefined
  readonly fromMs: number
  readonly toMs: number
  readonly quantiles: readonly number[]
}
