import type { Clock } from '../../std/clock.ts'
import { invalid } from '../../std/input/invalid.ts'
import { keptDefinition, type RollupDefinition } from '../rollup/model/definition.ts'
import { RELATIVE_ERROR, SCALE } from '../rollup/model/measure.ts'
import type { ThresholdsByMetric } from '../rollup/model/thresholds.ts'
import { metricsIn } from '../rollup/model/units.ts'
import type { RollupStore } from '../rollup/stores/store.ts'
import { type AskedAt, completenessOf, together } from './answer/completeness.ts'
import type { Cache } from './answer/query-cache.ts'
import { type AskedQuery, type Compute, type FoundAnswer, ofRange } from './asked-periods.ts'
import { definitionFor, dividedBy, refuseWithoutValues, valuesOf } from './asked-sets.ts'
import { configuredQueries } from './configured.ts'
import { findAnswer } from './found-answer.ts'
import { computeHistogram, computeSteps } from './histogram.ts'
import { inBoth, noticesIn, whyEmpty } from './notices.ts'
import { withOpenPoints } from './open-points.ts'
import { otherMetrics } from './other-sets.ts'
import { durationText } from './parameters.ts'
import { computeChanges } from './periods/changes.ts'
import { computeComparison } from './periods/compare.ts'
import type { AnswerText, Queries, QueryContext } from './query-port.ts'
import { alignedPeriod, alignedRange, computeRanking } from './ranking.ts'
import { computeReleases, fullestMetric } from './releases.ts'
import { boundOf, computeSeries, covering, defaultStep, stepsOf, wholeRange } from './series.ts'

export interface QueryPorts {
  readonly store: Pick<RollupStore, 'contents' | 'series' | 'metrics' | 'apps' | 'windows' | 'held'>
  /** What has come of windows that are not over: only where it is told as that. */
  readonly openStore: Pick<RollupStore, 'contents' | 'series'>
  /** A query is answered by the first that keeps its set. At least one. */
  readonly definitions: readonly RollupDefinition[]
  /** What is good and what is poor, where that is known of a metric. */
  readonly thresholds: ThresholdsByMetric
  readonly cache: Cache
  readonly clock: Clock
}

export function createQueries(ports: QueryPorts): Queries {
  const { store, openStore, definitions, thresholds, cache, clock } = ports
  async function find(asked: AskedQuery, signal: AbortSignal): Promise<FoundAnswer> {
    const known = await findAnswer(asked, { store, openStore, thresholds, cache, clock }, signal)
    return asked.withOpen === undefined ? known : { ...known, computed: await asked.withOpen(known) }
  }

  const askedAt = ({ id, grainMs }: RollupDefinition, asking: QueryContext): AskedAt => ({
    ...{ grainMs, firstEventMs: asking.firstEventMs, nowMs: clock.nowMs() },
    lackingRows: asking.lackingRows?.get(id),
  })

  async function noticesOf(
    { definition, notices = [] }: AskedQuery,
    known: FoundAnswer,
    asking: QueryContext,
  ) {
    const { found, told, isNone, computed, open } = known
    const work = { store, told, isNone, sets: definition.sets, asking, at: askedAt(definition, asking) }
    const all = [...notices, ...(computed.notices ?? []), ...found.flatMap(({ otherSets }) => otherSets)]
    for (const [place, period] of found.entries()) {
      const windows = [...period.windows, ...open]
      all.push(...(await whyEmpty({ ...period, windows, isEmpty: computed.isEmpty[place] === true }, work)))
    }
    return all
  }

  /** As another program writes it, which has no room for anything else. */
  async function formatted(asked: AskedQuery, asking: QueryContext): Promise<AnswerText> {
    const known = await find(asked, asking.signal)
    return { text: known.computed.text, notices: await noticesOf(asked, known, asking) }
  }

  /** What was computed, behind what is of this moment. */
  async function answer(asked: AskedQuery, asking: QueryContext): Promise<AnswerText> {
    const known = await find(asked, asking.signal)
    const { found, told, limits, dataGen, computed } = known
    const at = askedAt(asked.definition, asking)
    const { dirty, lateRows, rejected, ...ofWindows } = together(
      found.map((period) => completenessOf(period, period.request, at)),
    )
    const notices = await noticesOf(asked, known, asking)
    const head = {
      ...asked.head,
      grain: durationText(at.grainMs),
      scale: SCALE,
      relError: RELATIVE_ERROR,
      completeness: { ...ofWindows, ...(asking.ofAllApps && { dirty, lateRows, rejected }) },
      dataGen,
      ...told,
      thresholds: limits,
      ...(notices.length > 0 && { notices }),
    }
    return { text: `${JSON.stringify(head).slice(0, -1)},${computed.text.slice(1)}` }
  }

  return {
    async series(asked, asking) {
      const definition = definitionFor(definitions, asked, [['set', asked.set]])
      const { grainMs } = definition
      const step = asked.step ?? defaultStep(asked, grainMs)
      const values = valuesOf(asked, definition, definitions)
      const rows = { grainMs, values: values.length }
      const steps = stepsOf({ ...asked, step }, rows)
      const query = { ...asked, ...covering(steps), step, values, rollup: definition.id }
      const work = { steps, signal: asking.signal }
      const compute: Compute = (unit, limits) =>
        computeSeries(store, { ...query, unit }, { ...work, thresholds: limits })
      const reading = { mergedWithin: steps, mostWindows: boundOf(asked, rows) }
      const withOpen = (known: FoundAnswer) => withOpenPoints(known, { store, openStore }, { query, ...work })
      return answer(ofRange({ definition, query, compute, withOpen, ...reading }), asking)
    },

    async top(asked, asking) {
      const definition = definitionFor(definitions, asked, [['set', asked.set]])
      const range = alignedRange(asked, definition.grainMs)
      const query = { ...asked, ...range, rollup: definition.id }
      const compute: Compute = (unit) => computeRanking(store, { ...query, unit }, asking)
      return answer(ofRange({ definition, query, compute, mergedWithin: [range] }), asking)
    },

    async histogram(asked, asking) {
      const { step, format } = asked
      if (step !== undefined && format !== 'json') throw invalid('format', 'must be json beside step')
      const definition = definitionFor(definitions, asked, [['set', asked.set]])
      const values = valuesOf(asked, definition, definitions)
      const rows = { grainMs: definition.grainMs, values: values.length }
      const steps = step === undefined ? wholeRange(asked, rows) : stepsOf({ ...asked, step }, rows)
      const query = { ...asked, ...covering(steps), values, rollup: definition.id }
      const work = { steps, signal: asking.signal }
      const computeFrom = step === undefined ? computeHistogram : computeSteps
      const compute: Compute = (unit) => computeFrom(store, { ...query, unit }, work)
      const reading = { mergedWithin: steps, mostWindows: boundOf(asked, rows) }
      const computing = ofRange({ definition, query, compute, ...reading })
      return format === 'json' ? answer(computing, asking) : formatted(computing, asking)
    },

    async compare(asked, asking) {
      const { app, metric, a, b } = asked
      const definition = definitionFor(definitions, asked, [
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
      const request = (name: 'a' | 'b') => {
        const mostWindows = boundOf(asked[name], { grainMs, values: query[name].values.length })
        return { rollup, app, metric, ...query[name], mergedWithin: [query[name]], mostWindows }
      }
      const periods = (['a', 'b'] as const).map((name) => ({ name, request: request(name) }))
      const compute: Compute = (unit, limits) =>
        computeComparison(store, { ...query, at: asked.at ?? limits?.good, unit }, asking.signal)
      const notices = inBoth(query.a, query.b)
      return answer({ definition, query, head: {}, periods, notices, compute }, asking)
    },

    async changes(asked, asking) {
      const { app, metric } = asked
      const named = asked.sets?.map((set) => ['sets', set] as const) ?? []
      const definition = definitionFor(definitions, asked, named)
      const { id: rollup, grainMs } = definition
      const { sets, total } = dividedBy(definition, asked)
      const rows = { grainMs, sets: sets.length + 1 }
      const range = { base: alignedPeriod(asked.base, rows), now: alignedPeriod(asked.now, rows) }
      const query = { ...asked, ...range, sets, total, rollup }
      const periodsOf = (set: string) =>
        (['base', 'now'] as const).map((name) => ({
          name,
          request: { rollup, app, metric, set, ...range[name], mergedWithin: [range[name]] },
        }))
      const periods = periodsOf(total)
      const besides = sets.flatMap(periodsOf)
      const compute: Compute = (unit) => computeChanges(store, { ...query, unit }, asking)
      return answer({ definition, query, head: {}, periods, besides, compute }, asking)
    },

    async releases(asked, asking) {
      const { app, set } = asked
      const definition = definitionFor(definitions, asked, [['set', set]])
      refuseWithoutValues(set, definition, definitions)
      const range = alignedRange(asked, definition.grainMs)
      const named = definition.sets.filter(({ name }) => name === set)
      const found = { sets: named, signal: asking.signal }
      const metric =
        asked.metric ?? (await fullestMetric(store, { rollup: definition.id, app, ...range }, found))
      const query = { ...asked, ...range, metric, rollup: definition.id }
      const compute: Compute = (unit) => computeReleases(store, { ...query, unit }, asking)
      const { head, ...computing } = ofRange({ definition, query, compute })
      return answer({ ...computing, head: { ...head, metric: metric === '' ? null : metric } }, asking)
    },

    ...configuredQueries({ store, definitions, clock, answer }),

    async metrics({ app, unit, rollup, bots, fromMs, toMs }, asking) {
      const definition = definitionFor(definitions, { rollup, bots }, [])
      const range = { rollup: definition.id, ...alignedRange({ fromMs, toMs }, definition.grainMs) }
      const found = await store.metrics({ app, ...range }, asking.signal)
      const names = { app, metrics: found.map(({ metric }) => metric) }
      const ofNames = await noticesIn(range, names, { store, asking, at: askedAt(definition, asking) })
      const windows = await store.windows(range.rollup, range.fromMs, range.toMs, asking.signal)
      const notices = [...ofNames, ...otherMetrics(windows, keptDefinition(definition))]
      const metrics = metricsIn(found, unit)
      return { text: JSON.stringify({ metrics, ...(notices.length > 0 && { notices }) }) }
    },
  }
}
