import type { Clock } from '../../std/clock.ts'
import { invalid } from '../../std/input/invalid.ts'
import type { LocalDay } from '../../std/input/time-zone.ts'
import type { RollupDefinition } from '../rollup/model/definition.ts'
import { RELATIVE_ERROR, SCALE } from '../rollup/model/measure.ts'
import type { Thresholds, ThresholdsByMetric } from '../rollup/model/thresholds.ts'
import { type RowsOfUnit, type ToldUnits, toldUnits, unitCounts } from '../rollup/model/units.ts'
import type { MetricsRequest, RollupStore, SeriesRequest, SeriesWindow } from '../rollup/stores/store.ts'
import { definitionFor, dividedBy, valuesOf } from './asked-sets.ts'
import { completenessOf, generationOf, together } from './completeness.ts'
import { computeHistogram, computeSteps, type HistogramQuery } from './histogram.ts'
import { type EmptyAnswer, NO_SUCH_UNIT, noticesOf, unknownValues } from './notices.ts'
import { durationText, type Selection, type SeriesStep } from './parameters.ts'
import { type ChangesQuery, computeChanges } from './periods/changes.ts'
import { type CompareQuery, computeComparison } from './periods/compare.ts'
import type { Cache, KeptAnswer } from './query-cache.ts'
import {
  alignedPeriod,
  alignedRange,
  computeRanking,
  MAX_RANKED_WINDOWS,
  type RankingQuery,
} from './ranking.ts'
import { computeSeries, covering, defaultStep, type SeriesQuery, stepsOf, wholeRange } from './series.ts'

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
  /** A ComparisonAnswer. */
  compare(query: CompareQuery, asking: QueryContext): Promise<string>
  /** A ChangesAnswer. */
  changes(query: ChangesQuery, asking: QueryContext): Promise<string>
  /** A MetricsAnswer. */
  metrics(query: Pick<Selection, 'app' | 'unit' | 'rollup'> & LocalDay, asking: QueryContext): Promise<string>
}

export function createQueries({ store, definitions, thresholds, cache, clock }: QueryPorts): Queries {
  const windowsOf = ({ rollup, app, metric, set, fromMs, toMs }: RangeOfSet, signal: AbortSignal) =>
    store.contents({ rollup, app, metric, set, fromMs, toMs }, signal)

  /** What was computed comes from the cache as long as its rows are the same. */
  async function find({ definition, query, periods, besides, compute }: Asked, signal: AbortSignal) {
    const found: FoundPeriod[] = []
    for (const period of periods) found.push({ ...period, windows: await windowsOf(period.request, signal) })
    const all = found.flatMap(({ windows }) => windows)
    for (const request of besides ?? []) all.push(...(await windowsOf(request, signal)))
    const ranked = unitsOf(found.flatMap(({ windows }) => windows))
    const told = toldUnits(ranked, query.unit)
    const unit = query.unit ?? told.unit
    const limits = thresholdsIn(query.metric, unit, ranked)
    const dataGen = await generationOf(all, unit, signal)
    const key = JSON.stringify([definition.id, query, unit, limits, dataGen])
    return { found, told, limits, dataGen, computed: await cache.through(key, () => compute(unit, limits)) }
  }

  /** Those of a metric, where the numbers are in the unit that they are in. */
  function thresholdsIn(metric: string, unit: string, ranked: readonly RowsOfUnit[]): Thresholds | undefined {
    const found = thresholds.get(metric)
    const [most] = ranked
    const isTheirs = most === undefined || unit === (found?.unit ?? most.unit)
    return found && isTheirs ? { good: found.good, poor: found.poor } : undefined
  }

  /** What was computed, behind what is of this moment. */
  async function answer(asked: Asked, asking: QueryContext): Promise<string> {
    const { grainMs, sets } = asked.definition
    const { found, told, limits, dataGen, computed } = await find(asked, asking.signal)
    const at = { grainMs, nowMs: clock.nowMs() }
    const { lateRows, rejected, ...ofWindows } = together(
      found.map(({ windows, request }) => completenessOf(windows, request, at)),
    )
    const notices: string[] = []
    const isNone = asked.query.unit !== undefined && asked.query.unit !== told.unit
    const work = { told, isNone, sets, asking }
    for (const period of found) notices.push(...(await whyEmpty(period, computed, work)))
    const head = {
      ...asked.head,
      grain: durationText(grainMs),
      scale: SCALE,
      relError: RELATIVE_ERROR,
      completeness: { ...ofWindows, ...(asking.ofAllApps && { lateRows, rejected }) },
      dataGen,
      ...told,
      thresholds: limits,
      ...(notices.length > 0 && { notices }),
    }
    return `${JSON.stringify(head).slice(0, -1)},${computed.text.slice(1)}`
  }

  /** Why an answer has no row. It is not kept: whether it was would tell a reader of one app that another app has changed. */
  async function whyEmpty(
    { request, name, windows }: FoundPeriod,
    computed: KeptAnswer,
    { told, isNone, sets, asking }: EmptyWork,
  ): Promise<readonly string[]> {
    const said = (notices: readonly string[]) =>
      name === undefined ? notices : notices.map((notice) => `${name}: ${notice}`)
    if (windows.some(({ units }) => units.length > 0)) {
      if (isNone) return said([NO_SUCH_UNIT])
      const isOfValues = request.values?.some((value) => value !== '') === true
      return isOfValues && isEmptyIn(computed, name) ? said([unknownValues(request.set, sets, told)]) : []
    }
    // A list of names is no reason for an answer that is right to come too late.
    if (windows.length > MAX_RANKED_WINDOWS) return []
    const { rollup, app, metric, fromMs, toMs } = request
    const found = await store.metrics({ rollup, app, fromMs, toMs }, asking.signal)
    const names = { app, metric, metrics: found.map((each) => each.metric) }
    return said(await noticesIn({ rollup, fromMs, toMs }, names, asking))
  }

  /** Apps that are not configured may be in the range all the same: their names are for who may read them all. */
  async function noticesIn(
    range: Omit<MetricsRequest, 'app'>,
    names: Omit<EmptyAnswer, 'apps'>,
    { apps, ofAllApps, signal }: QueryContext,
  ): Promise<readonly string[]> {
    const isUnknown = names.metrics.length === 0 && apps?.includes(names.app) === false
    const there = isUnknown && ofAllApps ? await store.apps(range, signal) : []
    return noticesOf({ ...names, apps: apps && [...apps, ...there] })
  }

  return {
    async series(asked, asking) {
      const definition = definitionFor(definitions, asked.rollup, [['set', asked.set]])
      const { grainMs } = definition
      const step = asked.step ?? defaultStep(asked, grainMs)
      const values = valuesOf(asked, definition, definitions)
      const steps = stepsOf({ ...asked, step }, { grainMs, values: values.length })
      const query = { ...asked, ...covering(steps), step, values, rollup: definition.id }
      const work = { steps, signal: asking.signal }
      const compute: Compute = (unit, limits) =>
        computeSeries(store, { ...query, unit }, { ...work, thresholds: limits })
      return answer(ofRange(definition, query, compute), asking)
    },

    async top(asked, asking) {
      const definition = definitionFor(definitions, asked.rollup, [['set', asked.set]])
      const query = { ...asked, ...alignedRange(asked, definition.grainMs), rollup: definition.id }
      const compute: Compute = (unit) => computeRanking(store, { ...query, unit }, asking)
      return answer(ofRange(definition, query, compute), asking)
    },

    async histogram(asked, asking) {
      const { step, format } = asked
      if (step !== undefined && format !== 'json') throw invalid('format', 'must be json beside step')
      const definition = definitionFor(definitions, asked.rollup, [['set', asked.set]])
      const values = valuesOf(asked, definition, definitions)
      const rows = { grainMs: definition.grainMs, values: values.length }
      const steps = step === undefined ? wholeRange(asked, rows) : stepsOf({ ...asked, step }, rows)
      const query = { ...asked, ...covering(steps), values, rollup: definition.id }
      const work = { steps, signal: asking.signal }
      const computeFrom = step === undefined ? computeHistogram : computeSteps
      const compute: Compute = (unit) => computeFrom(store, { ...query, unit }, work)
      const computing = ofRange(definition, query, compute)
      if (format !== 'json') return (await find(computing, asking.signal)).computed.text
      return answer(computing, asking)
    },

    async compare(asked, asking) {
      const { app, metric, a, b } = asked
      const definition = definitionFor(definitions, asked.rollup, [
        ['a.set', a.set],
        ['b.set', b.set],
      ])
      const { id: rollup, grainMs } = definition
      const side = (name: 'a' | 'b') => {
        const values = valuesOf({ ...asked[name], side: name }, definition, definitions)
        const range = covering(wholeRange(asked[name], { grainMs, values: values.length }))
        return { set: asked[name].set, values, ...range }
      }
      const query = { ...asked, a: side('a'), b: side('b'), rollup }
      const periods = [
        { name: 'a', request: { rollup, app, metric, ...query.a } },
        { name: 'b', request: { rollup, app, metric, ...query.b } },
      ]
      const compute: Compute = (unit, limits) =>
        computeComparison(store, { ...query, at: asked.at ?? limits?.good, unit }, asking.signal)
      return answer({ definition, query, head: {}, periods, compute }, asking)
    },

    async changes(asked, asking) {
      const { app, metric } = asked
      const named = asked.sets?.map((set) => ['sets', set] as const) ?? []
      const definition = definitionFor(definitions, asked.rollup, named)
      const { id: rollup, grainMs } = definition
      const { sets, total } = dividedBy(definition, asked.sets)
      const rows = { grainMs, sets: sets.length + 1 }
      const range = { base: alignedPeriod(asked.base, rows), now: alignedPeriod(asked.now, rows) }
      const query = { ...asked, ...range, sets, total, rollup }
      const request = (set: string, name: 'base' | 'now') => ({ rollup, app, metric, set, ...range[name] })
      const periods = (['base', 'now'] as const).map((name) => ({ name, request: request(total, name) }))
      const besides = sets.flatMap((set) => [request(set, 'base'), request(set, 'now')])
      const compute: Compute = (unit) => computeChanges(store, { ...query, unit }, asking)
      return answer({ definition, query, head: {}, periods, besides, compute }, asking)
    },

    async metrics({ app, unit, rollup, fromMs, toMs }, asking) {
      const definition = definitionFor(definitions, rollup, [])
      const range = { rollup: definition.id, ...alignedRange({ fromMs, toMs }, definition.grainMs) }
      const found = await store.metrics({ app, ...range }, asking.signal)
      const notices = await noticesIn(range, { app, metrics: found.map(({ metric }) => metric) }, asking)
      const metrics = found.flatMap(({ metric, units }) => {
        const told = toldUnits(units, unit)
        const rows = units.find((each) => each.unit === (unit ?? told.unit))?.rows
        return rows === undefined ? [] : [{ metric, ...told, rows }]
      })
      metrics.sort((a, b) => b.rows - a.rows)
      return JSON.stringify({ metrics, ...(notices.length > 0 && { notices }) })
    },
  }
}

/** A range that is asked about, with its name where there are several. */
interface AskedPeriod {
  readonly request: RangeOfSet
  readonly name?: string
}

interface FoundPeriod extends AskedPeriod {
  readonly windows: readonly SeriesWindow[]
}

interface Asked {
  readonly definition: RollupDefinition
  /** All that the answer depends on, but for rows. */
  readonly query: Pick<Selection, 'metric' | 'unit'>
  /** What the answer begins with. */
  readonly head: object
  readonly periods: readonly AskedPeriod[]
  /** What it is made of besides, in the same windows. */
  readonly besides?: readonly RangeOfSet[]
  readonly compute: Compute
}

/** In the unit that was asked for, or found; with the thresholds that are in it. */
type Compute = (unit: string, limits: Thresholds | undefined) => Promise<KeptAnswer>
type RangeOfSet = Omit<SeriesRequest, 'unit'>

interface EmptyWork {
  readonly told: ToldUnits
  /** The unit that was asked for is not there. */
  readonly isNone: boolean
  readonly sets: RollupDefinition['sets']
  readonly asking: QueryContext
}

/** A question of one range, which the answer names. */
function ofRange(
  definition: RollupDefinition,
  query: RangeOfSet & Pick<Selection, 'unit'> & { readonly step?: SeriesStep | undefined },
  compute: Compute,
): Asked {
  const { step, fromMs, toMs } = query
  const length = step !== undefined && { step: step === 'day' ? '1d' : durationText(step) }
  const head = { ...length, from: fromMs, to: toMs }
  return { definition, query, head, periods: [{ request: query }], compute }
}

function unitsOf(windows: readonly SeriesWindow[]): readonly RowsOfUnit[] {
  const counts = unitCounts()
  for (const { units } of windows) units.forEach(counts.add)
  return counts.ranked()
}

/** Whether there was no row in the range of this name. */
const isEmptyIn = ({ text, isEmpty }: KeptAnswer, name: string | undefined): boolean =>
  name === undefined ? isEmpty : JSON.parse(text)[name].n === 0
