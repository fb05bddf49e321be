import type { TimeSpan } from '../../std/durations.ts'
import { didYouMean, didYouMeanName } from '../../std/input/did-you-mean.ts'
import { type DimensionSet, OTHER } from '../rollup/model/definition.ts'
import { MAX_UNITS, type ToldUnits } from '../rollup/model/units.ts'
import type {
  ContentsRequest,
  MetricsRequest,
  RollupStore,
  SeriesRequest,
  SeriesWindow,
} from '../rollup/stores/store.ts'
import { type AskedAt, completenessOf, countParts, placeOf, startOfNewest } from './answer/completeness.ts'
import type { QueryContext } from './query-port.ts'
import { MAX_RANKED_WINDOWS } from './ranking.ts'

/** Between the values of the dimensions of a set, as the rollups write them. */
const JOIN = ' | '

interface Looking {
  readonly store: Pick<RollupStore, 'contents' | 'metrics' | 'apps' | 'windows' | 'held' | 'series'>
  readonly asking: QueryContext
  readonly at: AskedAt
}

interface LookingWhy extends Looking {
  readonly told: ToldUnits
  /** The unit that was asked for is not there. */
  readonly isNone: boolean
  readonly sets: readonly DimensionSet[]
}

interface PerhapsEmpty {
  readonly request: ContentsRequest & { readonly values?: readonly string[] | undefined }
  /** What the range is called, where there are several. */
  readonly name?: string | undefined
  readonly windows: readonly SeriesWindow[]
  /** Those of which is told already that they lack the set. */
  readonly lacking: ReadonlySet<string>
  /** No row was there to make the answer of. */
  readonly isEmpty: boolean
}

/** A notice about a range that is called so, where there are several. */
export const inPeriod = (name: string | undefined, notice: string): string =>
  name === undefined ? notice : `${name}: ${notice}`

/** Why an answer has no row. It is not kept: whether it was would tell a reader of one app that another app has changed. */
export async function whyEmpty(
  { request, name, windows, lacking, isEmpty }: PerhapsEmpty,
  { told, isNone, sets, ...looking }: LookingWhy,
): Promise<readonly string[]> {
  const said = (notices: readonly string[]) => notices.map((notice) => inPeriod(name, notice))
  if (windows.some(({ units }) => units.length > 0)) {
    if (isNone) return said([noSuchUnit(told)])
    const asked = request.values?.filter((value) => value !== '') ?? []
    if (asked.length === 0 || !isEmpty) return []
    const meant = await valueMeant({ ...request, unit: told.unit, values: asked }, windows, looking)
    return said([unknownValues(request.set, sets, { ...told, meant })])
  }
  if (lacking.size > 0) return []
  // A list of names is no reason for an answer that is right to come too late.
  if (countParts(windows) > MAX_RANKED_WINDOWS) return said(['Nothing of this metric is in this range.'])
  const { rollup, app, metric, fromMs, toMs } = request
  const found = await looking.store.metrics({ rollup, app, fromMs, toMs }, looking.asking.signal)
  if (metric === '' && found.length > 0)
    return said([noMetricOf(request.set), ...(await whatIsToCome(request, looking))])
  const names = { app, metric, metrics: found.map((each) => each.metric) }
  return said(await noticesIn({ rollup, fromMs, toMs }, names, looking))
}

/** Apps that are not configured may be in the range all the same: their names are for who may read them all. */
export async function noticesIn(
  range: Omit<MetricsRequest, 'app'>,
  names: Omit<EmptyAnswer, 'apps' | 'toCome'>,
  looking: Looking,
): Promise<readonly string[]> {
  const { apps, ofAllApps, signal } = looking.asking
  const isUnknown = names.metrics.length === 0 && apps?.includes(names.app) === false
  const there = isUnknown && ofAllApps ? await looking.store.apps(range, signal) : []
  const isThere =
    names.metrics.length > 0 && (names.metric === undefined || names.metrics.includes(names.metric))
  const toCome = isThere ? [] : await whatIsToCome(range, looking)
  return noticesOf({ ...names, apps: apps && [...apps, ...there], toCome })
}

/** Which windows of the range were not computed, or count only when others of their grain are: all of its numbers may come. */
async function whatIsToCome(
  { rollup, fromMs, toMs }: Omit<MetricsRequest, 'app'>,
  { store, asking, at }: Looking,
): Promise<readonly string[]> {
  const windows = await store.windows(rollup, fromMs, toMs, asking.signal)
  if (completenessOf({ windows }, { fromMs, toMs }, at).missing > 0) return [LACKING]
  const held = await store.held(rollup, fromMs, toMs)
  const there = new Set(windows.map(placeOf))
  if (held.some((window) => !there.has(placeOf(window)))) return [LACKING]
  const untilMs = Math.min(toMs, at.nowMs)
  const sinceMs = Math.max(startOfNewest(at), at.firstEventMs ?? 0, Number(windows.at(-1)?.toMs ?? 0))
  return sinceMs < untilMs ? [OPEN] : []
}

/** What an empty answer was asked for, and what there is. */
interface EmptyAnswer {
  readonly app: string
  /** Left out: nobody asked for one. */
  readonly metric?: string
  /** Those that are configured or in the range, as far as the asker may know; undefined when that is not known. */
  readonly apps: readonly string[] | undefined
  /** Those of the app in the range. */
  readonly metrics: readonly string[]
  /** Which windows of the range are not computed, so that it may hold more. */
  readonly toCome: readonly string[]
}

/**
 * Why there is nothing, in a sentence, where a name may be mistyped: an empty answer is right all the same, as the name may
 * be measured tomorrow. Never what was sent.
 */
function noticesOf({ app, metric, apps, metrics, toCome }: EmptyAnswer): readonly string[] {
  if (metrics.length === 0 && apps !== undefined && !apps.includes(app))
    return [`The app is neither configured nor in this range${didYouMeanName(app, apps) || '.'}`, ...toCome]
  if (metrics.length === 0) return toCome.length > 0 ? toCome : ['Nothing of this app is in this range.']
  if (metric === undefined || metrics.includes(metric)) return []
  return [
    `The metric is not among those of the app in this range${didYouMeanName(metric, metrics) || '.'}`,
    ...toCome,
  ]
}

const LACKING =
  'Windows of this range are not computed, or not yet, as after a change of rollups or of their grain: what is in them is in no answer.'

const OPEN =
  'The newest window of this range is not computed yet: the schedule does so once it is over, and POST /aggregations/run at once.'

/** Where no metric is asked for, and none is there that the set is kept of. */
const noMetricOf = (set: string): string => `No metric of the app in this range has the set ${set}.`

interface UnknownValue extends ToldUnits {
  /** The question for another, or nothing. */
  readonly meant: string
}

/** Where one value is asked for that a set does not have. */
const unknownValues = (
  set: string,
  sets: readonly DimensionSet[],
  { otherUnits, meant }: UnknownValue,
): string =>
  `The set ${set} has no such value ${otherUnits === undefined ? '' : 'in this unit '}in this range${meant || `; /query/top lists those that it has${writtenAs(set, sets)}.`}`

/** A window keeps few units apart, those of most rows: what is of another may be there all the same. */
const noSuchUnit = ({ otherUnits = [] }: ToldUnits): string =>
  otherUnits.includes(OTHER)
    ? `Nothing of the metric is kept apart in this unit in this range: a window keeps the ${MAX_UNITS} of most rows, and all others are ${OTHER} together; otherUnits lists what there is.`
    : 'Nothing of the metric is in this unit in this range; otherUnits lists those that it is in.'

/** Windows whose values are compared with one that is not there. Ours. */
const WINDOWS_COMPARED = 8
/** Values that are compared with one that is not there. Ours: as many as a set of one window mostly has. */
const MOST_COMPARED = 1_000

/** The question for a value that was meant, by those of the newest windows, or nothing. */
async function valueMeant(
  { values: [asked = ''], ...request }: SeriesRequest & { readonly values: readonly string[] },
  windows: readonly SeriesWindow[],
  { store, asking }: Looking,
): Promise<string> {
  const known = new Set<string>()
  for (const { fromMs, toMs } of await newestWithRows(request, windows, { store, asking })) {
    for await (const rows of store.series(
      { ...request, mergedWithin: undefined, fromMs, toMs },
      asking.signal,
    ))
      for (const { value } of rows) if (known.size < MOST_COMPARED && value !== OTHER) known.add(value)
  }
  return didYouMean(asked, known)
}

/** Windows of the grain, the newest first: of some that are merged, which they are. */
async function newestWithRows(
  { rollup, app, metric, unit, set }: SeriesRequest,
  windows: readonly SeriesWindow[],
  { store, asking }: Pick<Looking, 'store' | 'asking'>,
): Promise<readonly SeriesWindow[]> {
  const found: SeriesWindow[] = []
  const isIn = ({ units }: SeriesWindow) => units.some((each) => each.unit === unit)
  for (const window of windows.filter(isIn).reverse()) {
    if (found.length >= WINDOWS_COMPARED) break
    const { merged, fromMs, toMs } = window
    const whole = { rollup, app, metric, set, fromMs, toMs }
    const parts = merged === undefined ? [window] : await store.contents(whole, asking.signal)
    found.push(...parts.filter(isIn).reverse())
  }
  return found.slice(0, WINDOWS_COMPARED)
}

/** What values of a set in a range are; without values, all of it. */
interface Side extends TimeSpan {
  readonly set: string
  readonly values: readonly string[]
}

/** Where the same measurements may be on both sides of a comparison, which takes them for independent of each other. */
export function inBoth(a: Side, b: Side): readonly string[] {
  const isApart = a.toMs <= b.fromMs || b.toMs <= a.fromMs
  const isOther = a.set === b.set && !a.values.some((value) => b.values.includes(value))
  return isApart || isOther ? [] : [IN_BOTH]
}

const IN_BOTH =
  'a and b overlap: what is measured in both makes intervals, p and the verdict less sure than they say. Ranges that are apart do not, nor do other values of one set.'

/** How the values of a set of several dimensions are written; nothing where that is plain. */
export function writtenAs(set: string, sets: readonly DimensionSet[]): string {
  const dimensions = sets.flatMap((each) => (each.name === set ? each.dimensions : []))
  return dimensions.length > 1 ? `, each written as "${dimensions.join(JOIN)}"` : ''
}
