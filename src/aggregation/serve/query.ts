import { createHash } from 'node:crypto'
import type { Static } from 'typebox'
import type { Clock } from '../../std/clock.ts'
import type { RollupDefinition } from '../rollup/definition.ts'
import { RELATIVE_ERROR, SCALE } from '../rollup/measure.ts'
import type { CommittedWindow, RollupStore } from '../rollup/store.ts'
import type { Completeness, MetricsAnswer, SeriesAnswer, TopAnswer } from './answers.ts'
import type { Cache } from './cache.ts'
import { durationText, type Selection, wrong } from './parameters.ts'
import { alignedRange, computeRanking, type RankingQuery } from './ranking.ts'
import { computeSeries, type SeriesQuery, stepsOf } from './series.ts'
import type { Span } from './time-zone.ts'

const DEFAULT_STEP_MS = 900_000

export interface QueryPorts {
  readonly store: Pick<RollupStore, 'windows' | 'series' | 'metrics'>
  /** A query is answered by the first that keeps its set. At least one. */
  readonly definitions: readonly RollupDefinition[]
  readonly cache: Cache
  readonly clock: Clock
}

export interface Queries {
  series(query: SeriesQuery): Promise<Static<typeof SeriesAnswer>>
  top(query: RankingQuery): Promise<Static<typeof TopAnswer>>
  metrics(query: Pick<Selection, 'app' | 'rollup'> & Span): Promise<Static<typeof MetricsAnswer>>
}

export function createQueries({ store, definitions, cache, clock }: QueryPorts): Queries {
  /** The computed part comes from the cache as long as the data is of the same generation; the rest is of this moment. */
  async function answer<T>(definition: RollupDefinition, query: Span, compute: () => Promise<T>) {
    const { id, grainMs } = definition
    const windows = await store.windows(id, query.fromMs, query.toMs)
    const dataGen = generationOf(windows)
    const key = JSON.stringify([id, query, dataGen])
    const computed: T = JSON.parse(await cache.through(key, async () => JSON.stringify(await compute())))
    return {
      from: query.fromMs,
      to: query.toMs,
      grain: durationText(grainMs),
      scale: SCALE,
      relError: RELATIVE_ERROR,
      completeness: completenessOf(windows, settled(query, grainMs, clock.nowMs()), grainMs),
      dataGen,
      ...computed,
    }
  }

  return {
    async series(asked) {
      const definition = definitionFor(definitions, asked)
      const step = asked.step ?? Math.max(DEFAULT_STEP_MS, definition.grainMs)
      const steps = stepsOf({ ...asked, step }, definition.grainMs)
      const values = valuesOf(asked, definition)
      const query = { ...asked, ...covering(steps), step, values, rollup: definition.id }
      const computed = await answer(definition, query, () => computeSeries(store, query, steps))
      return { step: step === 'day' ? '1d' : durationText(step), ...computed }
    },

    async top(asked) {
      const definition = definitionFor(definitions, asked)
      const query = { ...asked, ...alignedRange(asked, definition.grainMs), rollup: definition.id }
      return answer(definition, query, () => computeRanking(store, query, definition.grainMs))
    },

    async metrics({ app, rollup, fromMs, toMs }) {
      const definition = definitionFor(definitions, { rollup })
      const range = alignedRange({ fromMs, toMs }, definition.grainMs)
      const metrics = await store.metrics(definition.id, app, range.fromMs, range.toMs)
      return { metrics: [...metrics] }
    },
  }
}

function definitionFor(
  definitions: readonly RollupDefinition[],
  { rollup, set }: { readonly rollup?: string | undefined; readonly set?: string },
): RollupDefinition {
  const named = definitions.filter(({ id }) => rollup === undefined || id === rollup)
  const keeps = (definition: RollupDefinition) => definition.sets.some(({ name }) => name === set)
  const found = set === undefined ? named[0] : named.find(keeps)
  if (found !== undefined) return found
  if (named.length === 0)
    throw wrong('rollup', `expected one of ${definitions.map(({ id }) => id).join(', ')}`)
  const known = named.flatMap(({ sets }) => sets.map(({ name }) => name))
  throw wrong('set', `expected one of ${[...new Set(known)].join(', ')}`)
}

/** Sorted and without repetition, so that the same question finds the same answer in the cache. */
function valuesOf({ set, values }: SeriesQuery, { sets }: RollupDefinition): readonly string[] {
  if (sets.some(({ name, dimensions }) => name === set && dimensions.length === 0)) return ['']
  if (values.length === 0) throw wrong('value', 'needed for a set that has dimensions')
  return [...new Set(values)].sort()
}

const covering = (steps: readonly Span[]): Span => ({
  fromMs: Math.min(...steps.map(({ fromMs }) => fromMs)),
  toMs: Math.max(...steps.map(({ toMs }) => toMs)),
})

function generationOf(windows: readonly CommittedWindow[]): string {
  const hash = createHash('sha256')
  for (const { fromMs, generation, contentHash } of windows)
    hash.update(`${fromMs} ${generation} ${contentHash}\n`)
  return hash.digest('hex').slice(0, 16)
}

/** The part of a range whose windows should be committed: until one grain after its end, a window's run may be under way. */
function settled({ fromMs, toMs }: Span, grainMs: number, nowMs: number): Span {
  const untilMs = Math.floor(nowMs / grainMs) * grainMs - grainMs
  return { fromMs, toMs: Math.max(fromMs, Math.min(toMs, untilMs)) }
}

function completenessOf(windows: readonly CommittedWindow[], due: Span, grainMs: number): Completeness {
  const committed = windows.filter(({ fromMs }) => fromMs < due.toMs).length
  return {
    windows: windows.length,
    missing: (due.toMs - due.fromMs) / grainMs - committed,
    partial: windows.filter(({ complete }) => !complete).length,
    lateRows: windows.reduce((sum, { late }) => sum + late, 0),
    rejected: windows.reduce((sum, { rejected }) => sum + rejected, 0),
  }
}
