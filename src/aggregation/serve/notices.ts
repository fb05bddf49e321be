import type { TimeSpan } from '../../std/durations.ts'
import { didYouMean } from '../../std/input/did-you-mean.ts'
import type { DimensionSet } from '../rollup/model/definition.ts'
import type { ToldUnits } from '../rollup/model/units.ts'
import type { ContentsRequest, MetricsRequest, RollupStore, SeriesWindow } from '../rollup/stores/store.ts'
import { MAX_RANKED_WINDOWS } from './ranking.ts'

/** Between the values of the dimensions of a set, as the rollups write them. */
const JOIN = ' | '

interface Looking {
  readonly store: Pick<RollupStore, 'metrics' | 'apps'>
  readonly asking: {
    readonly signal: AbortSignal
    readonly ofAllApps: boolean
    readonly apps?: readonly string[]
  }
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
  /** No row was there to make the answer of. */
  readonly isEmpty: boolean
}

/** Why an answer has no row. It is not kept: whether it was would tell a reader of one app that another app has changed. */
export async function whyEmpty(
  { request, name, windows, isEmpty }: PerhapsEmpty,
  { told, isNone, sets, ...looking }: LookingWhy,
): Promise<readonly string[]> {
  const said = (notices: readonly string[]) =>
    name === undefined ? notices : notices.map((notice) => `${name}: ${notice}`)
  if (windows.some(({ units }) => units.length > 0)) {
    if (isNone) return said([NO_SUCH_UNIT])
    const isOfValues = request.values?.some((value) => value !== '') === true
    return isOfValues && isEmpty ? said([unknownValues(request.set, sets, told)]) : []
  }
  // A list of names is no reason for an answer that is right to come too late.
  if (windows.length > MAX_RANKED_WINDOWS) return said(['Nothing of this metric is in this range.'])
  const { rollup, app, metric, fromMs, toMs } = request
  const found = await looking.store.metrics({ rollup, app, fromMs, toMs }, looking.asking.signal)
  const names = { app, metric, metrics: found.map((each) => each.metric) }
  return said(await noticesIn({ rollup, fromMs, toMs }, names, looking))
}

/** Apps that are not configured may be in the range all the same: their names are for who may read them all. */
export async function noticesIn(
  range: Omit<MetricsRequest, 'app'>,
  names: Omit<EmptyAnswer, 'apps'>,
  { store, asking: { apps, ofAllApps, signal } }: Looking,
): Promise<readonly string[]> {
  const isUnknown = names.metrics.length === 0 && apps?.includes(names.app) === false
  const there = isUnknown && ofAllApps ? await store.apps(range, signal) : []
  return noticesOf({ ...names, apps: apps && [...apps, ...there] })
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
}

/**
 * Why there is nothing, in a sentence, where a name may be mistyped: an empty answer is right all the same, as the name may
 * be measured tomorrow. Never what was sent.
 */
function noticesOf({ app, metric, apps, metrics }: EmptyAnswer): readonly string[] {
  if (metrics.length === 0 && apps !== undefined && !apps.includes(app))
    return [`The app is neither configured nor in this range${ending(app, apps)}`]
  if (metrics.length === 0) return ['Nothing of this app is in this range.']
  if (metric === undefined || metrics.includes(metric)) return []
  return [`The metric is not among those of the app in this range${ending(metric, metrics)}`]
}

/** Where one value is asked for that a set does not have. */
const unknownValues = (set: string, sets: readonly DimensionSet[], { otherUnits }: ToldUnits): string =>
  `The set ${set} has no such value ${otherUnits === undefined ? '' : 'in this unit '}in this range; /query/top lists those that it has${writtenAs(set, sets)}.`

const NO_SUCH_UNIT =
  'Nothing of the metric is in this unit in this range; otherUnits lists those that it is in.'

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

const ending = (name: string, known: readonly string[]): string => didYouMean(name, known) || '.'
