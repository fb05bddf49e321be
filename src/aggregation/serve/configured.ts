import { problemDocument } from '../../http/problems.ts'
import type { Clock } from '../../std/clock.ts'
import { alignDown, type TimeSpan } from '../../std/durations.ts'
import { AppError } from '../../std/errors.ts'
import { inUnits } from '../../std/input/quantities.ts'
import type { RollupDefinition } from '../rollup/model/definition.ts'
import type { RollupStore } from '../rollup/stores/store.ts'
import { type Alert, judgedWindows, readBeforeMs } from './alerts/alert.ts'
import { computeAlert } from './alerts/compute-alert.ts'
import type { AskedQuery, Compute } from './asked-periods.ts'
import { countsAll, definitionFor } from './asked-sets.ts'
import { computeObjective } from './objectives/compute-objective.ts'
import { BURN_RANGES_MS, type Objective, rangeBefore } from './objectives/objective.ts'
import type { AnswerText, Queries, QueryContext } from './query-port.ts'
import { fixedSteps } from './series.ts'

interface ConfiguredPorts {
  readonly store: Pick<RollupStore, 'series' | 'windows'>
  readonly definitions: readonly RollupDefinition[]
  readonly clock: Clock
  readonly answer: (asked: AskedQuery, asking: QueryContext) => Promise<AnswerText>
}

/** Queries about what is configured: each answer is a list of the states of all that are asked about. */
export function configuredQueries(ports: ConfiguredPorts): Pick<Queries, 'objectives' | 'alerts'> {
  const { store, definitions, clock, answer } = ports

  /** All ends at once: with the newest window that is over, or the one before while nobody computed that yet. */
  async function newestOf({ metric, set }: OneConfigured, signal: AbortSignal): Promise<NewestRows> {
    const definition = definitionFor(definitions, { metric }, [['set', set]])
    const { id: rollup, grainMs } = definition
    const toMs = alignDown(clock.nowMs(), grainMs)
    const newest = await store.windows(rollup, toMs - grainMs, toMs, signal)
    return { store, definition, toMs: newest.length > 0 ? toMs : toMs - grainMs, signal }
  }

  async function listed<T extends OneConfigured>(
    { name, all, asked }: Listed<T>,
    asking: QueryContext,
  ): Promise<AnswerText> {
    const texts: string[] = []
    for (const one of all) texts.push(await told(one, { asked, asking }))
    return { text: `{"${name}":[${texts.join(',')}]}` }
  }

  /** One that reads too much is no reason to tell nothing of the others: it is told so in its place. */
  async function told<T extends OneConfigured>(
    one: T,
    { asked, asking }: Pick<Listed<T>, 'asked'> & { readonly asking: QueryContext },
  ): Promise<string> {
    try {
      return (await answer(asked(one, await newestOf(one, asking.signal)), asking)).text
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'query_too_large') throw error
      const { id, app, metric, set, value } = one
      return JSON.stringify({ id, app, metric, set, value, problem: problemDocument(error) })
    }
  }

  return {
    objectives: ({ objectives: all }, asking) =>
      listed({ name: 'objectives', all, asked: ofObjective }, asking),
    alerts: ({ alerts: all }, asking) => listed({ name: 'alerts', all, asked: ofAlert }, asking),
  }
}

type OneConfigured = Pick<Objective, 'id' | 'app' | 'metric' | 'set' | 'value'>

interface Listed<T> {
  readonly name: string
  readonly all: readonly T[]
  readonly asked: (one: T, rows: NewestRows) => AskedQuery
}

interface NewestRows {
  readonly store: Pick<RollupStore, 'series'>
  readonly definition: RollupDefinition
  readonly toMs: number
  readonly signal: AbortSignal
}

/** The state of an objective: its rows are of the longest of its ranges. */
function ofObjective(objective: Objective, { store, definition, toMs, signal }: NewestRows): AskedQuery {
  const { at, share: target, windowMs, set, value } = objective
  const isByValue = value === undefined && !countsAll(set, definition.sets)
  const query = { ...objective, rollup: definition.id, toMs, isByValue }
  const { fromMs } = rangeBefore(toMs, windowMs)
  const head = { at, target, window: inUnits('duration', windowMs), from: fromMs, to: toMs }
  const range = rangeBefore(toMs, Math.max(windowMs, ...Object.values(BURN_RANGES_MS)))
  const compute: Compute = (unit) => computeObjective(store, { ...query, unit }, { signal })
  return ofConfigured({ definition, query, head, compute }, range)
}

/** The state of an alert. */
function ofAlert({ criteria, ...alert }: Alert, { store, definition, toMs, signal }: NewestRows): AskedQuery {
  const { when, need, of, minCount } = alert
  const { id: rollup, grainMs } = definition
  const judgedMs = judgedWindows(alert) * grainMs
  const { fromMs: judgedFromMs } = rangeBefore(toMs, judgedMs)
  const range = rangeBefore(toMs, judgedMs + readBeforeMs({ criteria }, grainMs))
  const query = { ...alert, criteria, rollup, toMs }
  const head = { when, for: `${need} of ${of}`, minCount, from: judgedFromMs, to: toMs }
  const work = { steps: fixedSteps(range, grainMs), judgedFromMs, signal }
  const compute: Compute = (unit) => computeAlert(store, { ...query, unit }, work)
  return ofConfigured({ definition, query, head, compute }, range)
}

function ofConfigured(
  {
    query,
    head,
    ...asked
  }: Omit<AskedQuery, 'periods'> & { readonly query: OneConfigured & { readonly rollup: string } },
  range: TimeSpan,
): AskedQuery {
  const { id, app, metric, set, value, rollup } = query
  const values = value === undefined ? undefined : [value]
  const periods = [{ request: { rollup, app, metric, set, values, ...range, mergedWithin: [range] } }]
  return { ...asked, query, head: { id, app, metric, set, value, ...head }, periods }
}
