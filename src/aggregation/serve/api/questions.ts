import type { Clock } from '../../../std/clock.ts'
import { didYouMean } from '../../../std/input/did-you-mean.ts'
import { invalid } from '../../../std/input/invalid.ts'
import type { Alert } from '../alerts/alert.ts'
import type { Objective } from '../objectives/objective.ts'
import {
  parsePeriod,
  parseQuantiles,
  parseRange,
  parseSets,
  parseStep,
  type Selection,
} from '../parameters.ts'
import type { AnswerText, Queries, QueryContext } from '../query-port.ts'
import type {
  ChangesParameters,
  CompareParameters,
  ConfiguredParameters,
  HistogramParameters,
  MetricsParameters,
  ReleasesParameters,
  SeriesParameters,
  TopParameters,
} from './query-parameters.ts'

/** What each query about an app asks, from its parameters as they were sent; they are valid. Answers are JSON text. */
export function questionsOf(queries: Queries, clock: Clock, { objectives, alerts }: ConfiguredLists) {
  /** Nothing but what was parsed: it becomes part of a cache key, where `to=now` must not differ each second. */
  function selectionOf(
    query: TopParameters | SeriesParameters | HistogramParameters,
  ): Omit<Selection, 'quantiles'> {
    const { app, metric, unit, set, rollup, bots } = query
    return { app, metric, unit, set, rollup, bots, ...parseRange(query, clock.nowMs()) }
  }

  return {
    series: async (query: SeriesParameters, asking: QueryContext) =>
      queries.series(
        { ...selectionOf(query), ...stepsIn(query), quantiles: parseQuantiles(query.q) },
        asking,
      ),

    histogram: async (query: HistogramParameters, asking: QueryContext) =>
      queries.histogram({ ...selectionOf(query), ...stepsIn(query), format: query.format }, asking),

    async compare(query: CompareParameters, asking: QueryContext) {
      const { app, metric, unit, rollup, bots, at, sequential } = query
      const [a, b] = [sideOf(query, 'a'), sideOf(query, 'b')]
      const asked = {
        ...{ app, metric, unit, rollup, bots, q: Number(query.q), a, b },
        ...{ at: at === undefined ? undefined : Number(at), sequential: sequential === 'true' },
      }
      return queries.compare(asked, asking)
    },

    async changes(query: ChangesParameters, asking: QueryContext) {
      const { app, metric, unit, q, rollup, bots, sets: sent } = query
      const now = parsePeriod(query, ['from', 'to'])
      const base = parsePeriod(query, ['base.from', 'base.to'])
      const asked = { app, metric, unit, rollup, bots, q: Number(q), now, base }
      return queries.changes({ ...asked, sets: sent === undefined ? undefined : parseSets(sent) }, asking)
    },

    async top(query: TopParameters, asking: QueryContext) {
      const [limit, minN] = [Number(query.limit), Number(query.minN)]
      const quantiles = parseQuantiles(query.q)
      return queries.top({ ...selectionOf(query), quantiles, by: query.by, limit, minN }, asking)
    },

    async releases(
      { app, metric, unit, set, rollup, bots, limit, ...times }: ReleasesParameters,
      asking: QueryContext,
    ) {
      const range = parseRange(times, clock.nowMs())
      const asked = { app, metric, unit, set, rollup, bots, limit: Number(limit), ...range }
      return queries.releases(asked, asking)
    },

    async objectives(query: ConfiguredParameters, asking: QueryContext) {
      const asked = askedOf('objectives', { all: objectives, query, asking })
      return asked.length > 0
        ? queries.objectives({ objectives: asked }, asking)
        : noneOf('objectives', { all: objectives, query, asking })
    },

    async alerts(query: ConfiguredParameters, asking: QueryContext) {
      const asked = askedOf('alerts', { all: alerts, query, asking })
      return asked.length > 0
        ? queries.alerts({ alerts: asked }, asking)
        : noneOf('alerts', { all: alerts, query, asking })
    },

    async metrics({ app, unit, rollup, bots, ...times }: MetricsParameters, asking: QueryContext) {
      return queries.metrics({ app, unit, rollup, bots, ...parseRange(times, clock.nowMs()) }, asking)
    },
  }
}

const sideOf = (query: CompareParameters, name: 'a' | 'b') => ({
  set: query[`${name}.set` as const],
  values: [query[`${name}.value` as const] ?? []].flat(),
  ...parsePeriod(query, [`${name}.from`, `${name}.to`]),
})

/** What is configured, and how it is called there. */
export interface ConfiguredLists {
  readonly objectives: readonly Objective[]
  readonly alerts: readonly Alert[]
}

interface AskedOfConfigured<T> {
  readonly all: readonly T[]
  readonly query: ConfiguredParameters
  readonly asking: QueryContext
}

type OfApp = Pick<Objective, 'id' | 'app'>

/** Those that the asker may read, of an app that is still configured. */
function askedOf<T extends OfApp>(
  name: keyof ConfiguredLists,
  { all, query: { app, id }, asking: { apps, ofAllApps } }: AskedOfConfigured<T>,
): readonly T[] {
  const readable = new Set(apps)
  const own = all.filter((each) => readable.has(each.app) && (app === undefined || each.app === app))
  const named = own.filter((each) => id === undefined || each.id === id)
  if (id === undefined || named.length > 0) return named
  const known = own.map((each) => each.id)
  const choices = known.length === 0 ? ', and there is none' : `: ${known.join(', ')}`
  throw invalid('id', `must be one of the ${name}${ofApps(ofAllApps)}${choices}${didYouMean(id, known)}`)
}

/** A token for some apps is told nothing of what is configured for others, not even that it is. */
const ofApps = (ofAllApps: boolean): string => (ofAllApps ? '' : ' of the apps that this token may read')

/** Why there is none: not what was sent, and nothing of apps that the asker may not read. */
function noneOf<T extends OfApp>(
  name: keyof ConfiguredLists,
  { query: { app }, ...asked }: AskedOfConfigured<T>,
): AnswerText {
  const others = askedOf(name, { ...asked, query: {} }).map((each) => each.app)
  const notice =
    app === undefined || others.length === 0
      ? `There are no ${name}${ofApps(asked.asking.ofAllApps)}: they are configured as aggregation.${name}.`
      : `None of the ${name} is of this app${didYouMean(app, others) || '.'}`
  return { text: JSON.stringify({ [name]: [], notices: [notice] }) }
}

const stepsIn = ({ value, step, tz }: SeriesParameters | HistogramParameters) => ({
  values: [value ?? []].flat(),
  step: step === undefined ? undefined : parseStep(step),
  timeZone: tz,
})
