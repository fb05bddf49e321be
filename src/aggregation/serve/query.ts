import type { Clock } from '../../std/clock.ts'
import { nearest, oneOf } from '../../std/input/did-you-mean.ts'
import { invalid } from '../../std/input/invalid.ts'
import type { LocalDay } from '../../std/input/time-zone.ts'
import type { RollupDefinition } from '../rollup/model/definition.ts'
import { RELATIVE_ERROR, SCALE } from '../rollup/model/measure.ts'
import type { ThresholdsByMetric } from '../rollup/model/thresholds.ts'
import type { MetricsRequest, RollupStore, SeriesRequest, SeriesWindow } from '../rollup/stores/store.ts'
import { completenessOf, generationOf } from './completeness.ts'
import { computeHistogram, computeSteps, type HistogramQuery } from './histogram.ts'
import { type EmptyAnswer, noticesOf, unknownValues, writtenAs } from './notices.ts'
import { durationText, type Selection, type SeriesStep } from './parameters.ts'
import type { Cache, KeptAnswer } from './query-cache.ts'
import { alignedRange, computeRanking, MAX_RANKED_WINDOWS, type RankingQuery } from './ranking.ts'
import { computeSeries, defaultStep, type SeriesQuery, stepsOf, wholeRange } from './series.ts'

export interface QueryPorts {
  readonly store: Pick<RollupStore, 'contents' | 'series' | 'metrics' | 'apps'>
  /** A query is answered by the first that keeps its set. At least one. */
  readonly definitions: readonly RollupDefinition[]
  /** What is good and what is poor, where that is known of a metric. */
  readonly thresholds: ThresholdsByMetric
  readonly cache: Cache
  readonly clock: Clock
}

export interface QueryContext {
  /** Aborts when the answer is wanted no more: what was begun ends soon. */
  readonly signal: AbortSignal
  /** Counts that are about all apps are told to who may read them all. */
  readonly ofAllApps: boolean
  /** Those that are configured and that the asker may read; left out, no app is told to be none. */
  readonly apps?: readonly string[]
}

/** Answers as JSON text: they may be large, and are written once, in slices. */
export interface Queries {
  /** A SeriesAnswer. */
  series(query: SeriesQuery, asking: QueryContext): Promise<string>
  /** A TopAnswer. */
  top(query: RankingQuery, asking: QueryContext): Promise<string>
  /** A HistogramAnswer or a StepsAnswer; or what the format says, alone. */
  histogram(query: HistogramQuery, asking: QueryContext): Promise<string>
  /** A MetricsAnswer. */
  metrics(query: Pick<Selection, 'app' | 'rollup'> & LocalDay, asking: QueryContext): Promise<string>
}

export function createQueries({ store, definitions, thresholds, cache, clock }: QueryPorts): Queries {
  /** What was computed comes from the cache as long as its rows are the same. */
  async function find(definition: RollupDefinition, query: SeriesRequest, { signal, compute }: Computing) {
    const { rollup, app, metric, set, fromMs, toMs } = query
    const windows = await store.contents({ rollup, app, metric, set, fromMs, toMs }, signal)
    const dataGen = await generationOf(windows, signal)
    const computed = await cache.through(JSON.stringify([definition.id, query, dataGen]), compute)
    return { windows, dataGen, computed }
  }

  /** What was computed, behind what is of this moment. */
  async function answer(
    definition: RollupDefinition,
    query: SeriesRequest & { readonly step?: SeriesStep | undefined },
    { compute, ...asking }: QueryContext & Computing,
  ): Promise<string> {
    const { grainMs, sets } = definition
    const { signal, ofAllApps } = asking
    const { windows, dataGen, computed } = await find(definition, query, { signal, compute })
    const { lateRows, rejected, ...ofWindows } = completenessOf(windows, query, {
      grainMs,
      nowMs: clock.nowMs(),
    })
    const { step } = query
    const head = {
      ...(step !== undefined && { step: step === 'day' ? '1d' : durationText(step) }),
      from: query.fromMs,
      to: query.toMs,
      grain: durationText(grainMs),
      scale: SCALE,
      relError: RELATIVE_ERROR,
      completeness: { ...ofWindows, ...(ofAllApps && { lateRows, rejected }) },
      dataGen,
      thresholds: thresholds.get(query.metric),
      ...(await whyEmpty(windows, computed, { query, sets, asking })),
    }
    return `${JSON.stringify(head).slice(0, -1)},${computed.text.slice(1)}`
  }

  /** Why an answer has no row. It is not kept: whether it was would tell a reader of one app that another app has changed. */
  async function whyEmpty(
    windows: readonly SeriesWindow[],
    { isEmpty }: KeptAnswer,
    { query, sets, asking }: Asked,
  ): Promise<{ readonly notices?: readonly string[] }> {
    if (windows.some(({ content }) => content !== undefined)) {
      const isOfValues = query.values?.some((value) => value !== '') === true
      return isOfValues && isEmpty ? { notices: [unknownValues(query.set, sets)] } : {}
    }
    // A list of names is no reason for an answer that is right to come too late.
    if (windows.length > MAX_RANKED_WINDOWS) return {}
    const { rollup, app, metric, fromMs, toMs } = query
    const found = await store.metrics({ rollup, app, fromMs, toMs }, asking.signal)
    return noticesIn(
      { rollup, fromMs, toMs },
      { app, metric, metrics: found.map((each) => each.metric) },
      asking,
    )
  }

  /** Apps that are not configured may be in the range all the same: their names are for who may read them all. */
  async function noticesIn(
    range: Omit<MetricsRequest, 'app'>,
    names: Omit<EmptyAnswer, 'apps'>,
    { apps, ofAllApps, signal }: QueryContext,
  ): Promise<{ readonly notices?: readonly string[] }> {
    const isUnknown = names.metrics.length === 0 && apps?.includes(names.app) === false
    const there = isUnknown && ofAllApps ? await store.apps(range, signal) : []
    const notices = noticesOf({ ...names, apps: apps && [...apps, ...there] })
    return notices.length === 0 ? {} : { notices }
  }

  return {
    async series(asked, asking) {
      const definition = definitionFor(definitions, asked)
      const { grainMs } = definition
      const step = asked.step ?? defaultStep(asked, grainMs)
      const values = valuesOf(asked, definition, definitions)
      const steps = stepsOf({ ...asked, step }, { grainMs, values: values.length })
      const query = { ...asked, ...covering(steps), step, values, rollup: definition.id }
      const work = { steps, signal: asking.signal, thresholds: thresholds.get(query.metric) }
      const compute = () => computeSeries(store, query, work)
      return answer(definition, query, { ...asking, compute })
    },

    async top(asked, asking) {
      const definition = definitionFor(definitions, asked)
      const query = { ...asked, ...alignedRange(asked, definition.grainMs), rollup: definition.id }
      return answer(definition, query, { ...asking, compute: () => computeRanking(store, query, asking) })
    },

    async histogram(asked, asking) {
      const { step, format } = asked
      if (step !== undefined && format !== 'json') throw invalid('format', 'must be json beside step')
      const definition = definitionFor(definitions, asked)
      const values = valuesOf(asked, definition, definitions)
      const rows = { grainMs: definition.grainMs, values: values.length }
      const steps = step === undefined ? wholeRange(asked, rows) : stepsOf({ ...asked, step }, rows)
      const query = { ...asked, ...covering(steps), values, rollup: definition.id }
      const work = { steps, signal: asking.signal }
      const compute = () => (step === undefined ? computeHistogram : computeSteps)(store, query, work)
      const computing = { ...asking, compute }
      if (format !== 'json') return (await find(definition, query, computing)).computed.text
      return answer(definition, query, computing)
    },

    async metrics({ app, rollup, fromMs, toMs }, asking) {
      const definition = definitionFor(definitions, { rollup })
      const range = { rollup: definition.id, ...alignedRange({ fromMs, toMs }, definition.grainMs) }
      const metrics = await store.metrics({ app, ...range }, asking.signal)
      const names = metrics.map(({ metric }) => metric)
      return JSON.stringify({ metrics, ...(await noticesIn(range, { app, metrics: names }, asking)) })
    },
  }
}

interface Computing extends Pick<QueryContext, 'signal'> {
  readonly compute: () => Promise<KeptAnswer>
}

interface Asked {
  readonly query: SeriesRequest
  readonly sets: RollupDefinition['sets']
  readonly asking: QueryContext
}

function definitionFor(
  definitions: readonly RollupDefinition[],
  { rollup, set }: { readonly rollup?: string | undefined; readonly set?: string },
): RollupDefinition {
  const named = definitions.filter(({ id }) => rollup === undefined || id === rollup)
  const keeps = (definition: RollupDefinition) => definition.sets.some(({ name }) => name === set)
  const found = set === undefined ? named[0] : named.find(keeps)
  if (found !== undefined) return found
  const [field, sent, known] =
    named.length === 0
      ? ['rollup', rollup, definitions.map(({ id }) => id)]
      : ['set', set, named.flatMap(({ sets }) => sets.map(({ name }) => name))]
  throw invalid(field, oneOf([...new Set(known)], String(sent), setMeant(named, String(sent))))
}

/** Who names a dimension means the first set that it is in. */
function setMeant(definitions: readonly RollupDefinition[], name: string): string {
  const sets = definitions.flatMap((definition) => definition.sets)
  const meant = nearest(
    name,
    sets.flatMap(({ dimensions }) => dimensions),
  )
  const set = sets.find(({ dimensions }) => dimensions.some((dimension) => dimension === meant))
  return set === undefined ? '' : `; did you mean "${set.name}"?`
}

/** Sorted and without repetition, so that the same question finds the same answer in the cache. */
function valuesOf(
  { set, values }: Pick<SeriesQuery, 'set' | 'values'>,
  { sets }: RollupDefinition,
  definitions: readonly RollupDefinition[],
): readonly string[] {
  if (sets.some(({ name, dimensions }) => name === set && dimensions.length === 0)) {
    // The empty text is the value of everything; another was meant for some other set.
    if (values.some((value) => value !== '')) throw invalid('value', needsSet(definitions))
    return ['']
  }
  if (values.length === 0)
    throw invalid(
      'value',
      `is missing: it must be a value of the set ${set}, as /query/top lists them${writtenAs(set, sets)}`,
    )
  return [...new Set(values)].sort()
}

/** What a value lacks that was sent without a set that has any. */
function needsSet(definitions: readonly RollupDefinition[]): string {
  const sets = definitions.flatMap((definition) => definition.sets)
  const names = sets.flatMap(({ name, dimensions }) => (dimensions.length === 0 ? [] : [name]))
  const [first] = names
  if (first === undefined) return 'cannot be asked for: no set of the rollups has dimensions'
  return `needs the set that it is of, such as set=${first}; sets with values are ${[...new Set(names)].join(', ')}`
}

const covering = (steps: readonly LocalDay[]): LocalDay => ({
  fromMs: Math.min(...steps.map(({ fromMs }) => fromMs)),
  toMs: Math.max(...steps.map(({ toMs }) => toMs)),
})
