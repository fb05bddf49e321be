import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Auth } from '../../http/auth.ts'
import { goneBefore, type QueryPool } from '../../http/query-pool.ts'
import type { Clock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { didYouMean } from '../../std/input/did-you-mean.ts'
import { asciiJson } from '../../std/json.ts'
import type { DimensionSet, RollupDefinition } from '../rollup/model/definition.ts'
import {
  parsePeriod,
  parseQuantiles,
  parseRange,
  parseSets,
  parseStep,
  type Selection,
} from './schema/parameters.ts'
import type { PipelineState } from './pipeline.ts'
import { documentsOf } from './schema/query-documents.ts'
import type {
  ChangesParameters,
  CompareParameters,
  HistogramParameters,
  MetricsParameters,
  SeriesParameters,
  TopParameters,
} from './schema/query-parameters.ts'
import type { AnswerText, Queries, QueryContext } from './query-port.ts'

export interface ServePorts {
  readonly queries: Queries
  readonly pool: QueryPool
  readonly auth: Auth
  readonly clock: Clock
  /** The rollups, whose sets can be asked for. */
  readonly definitions: readonly Pick<RollupDefinition, 'sets'>[]
  /** Ids of the apps configured at present. */
  readonly apps: () => readonly string[]
  readonly pipelineState: () => Promise<PipelineState>
  /** When the first event happened: Infinity where there is none, undefined where that is not known yet. */
  readonly firstEventMs: () => number | undefined
  /** Where the gateway takes events. */
  readonly gateway: () => { readonly host: string; readonly port: number }
  /** When the window that is open now is computed; undefined without a schedule. */
  readonly nextRunMs: () => number | undefined
}

/** JSON, as `notices` in the answers that have these. */
const NOTICES_HEADER = 'x-headgate-notices'

/** What dashboards and alerts read. Every route needs a token with the scope `read`. */
export async function serveRoutes(app: FastifyInstance, ports: ServePorts): Promise<void> {
  const { queries, pool, auth, clock } = ports
  const sets = setsOf(ports.definitions)
  const documents = documentsOf(sets.map(({ name }) => name))
  const reader = ({ headers }: FastifyRequest) => auth.authenticate(headers.authorization, 'read')
  /** JSON text about the app, when the token may read it and its turn has come. */
  async function answer(
    request: FastifyRequest<{ Querystring: { app: string } }>,
    reply: FastifyReply,
    ask: (asking: QueryContext) => Promise<AnswerText>,
  ) {
    const { name, mayRead, ofAllApps } = reader(request)
    const apps = ports.apps().filter(mayRead)
    if (!mayRead(request.query.app))
      throw new AppError(
        'app_not_in_token',
        `The token is for other apps${didYouMean(request.query.app, apps) || '.'}`,
      )
    const asker = { token: name, gone: goneBefore(reply) }
    const { text, notices = [] } = await pool.ask(asker, (signal) =>
      ask({ signal, ofAllApps, apps, firstEventMs: ports.firstEventMs() }),
    )
    if (notices.length > 0) reply.header(NOTICES_HEADER, asciiJson(notices))
    return reply.type('application/json; charset=utf-8').send(text)
  }
  // Before anything of the request is looked at.
  app.addHook('onRequest', async (request) => {
    reader(request)
  })

  app.get<{ Querystring: SeriesParameters }>('/query/series', {
    schema: documents.series,
    handler: (request, reply) =>
      answer(request, reply, async (asking) => {
        const { query } = request
        const quantiles = parseQuantiles(query.q)
        return queries.series({ ...selectionOf(query, clock), ...stepsIn(query), quantiles }, asking)
      }),
  })

  app.get<{ Querystring: HistogramParameters }>('/query/histogram', {
    schema: documents.histogram,
    handler: (request, reply) =>
      answer(request, reply, async (asking) => {
        const { query } = request
        const { format } = query
        return queries.histogram({ ...selectionOf(query, clock), ...stepsIn(query), format }, asking)
      }),
  })

  app.get<{ Querystring: CompareParameters }>('/query/compare', {
    schema: documents.compare,
    handler: (request, reply) =>
      answer(request, reply, async (asking) => {
        const { app: id, metric, unit, rollup: named, bots, at, sequential } = request.query
        const [a, b] = [sideOf(request.query, 'a'), sideOf(request.query, 'b')]
        const asked = {
          ...{ app: id, metric, unit, rollup: named, bots, q: Number(request.query.q), a, b },
          ...{ at: at === undefined ? undefined : Number(at), sequential: sequential === 'true' },
        }
        return queries.compare(asked, asking)
      }),
  })

  app.get<{ Querystring: ChangesParameters }>('/query/changes', {
    schema: documents.changes,
    handler: (request, reply) =>
      answer(request, reply, async (asking) => {
        const { app: id, metric, unit, q, rollup: named, bots, sets: sent } = request.query
        const now = parsePeriod(request.query, ['from', 'to'])
        const base = parsePeriod(request.query, ['base.from', 'base.to'])
        const asked = { app: id, metric, unit, rollup: named, bots, q: Number(q), now, base }
        return queries.changes({ ...asked, sets: sent === undefined ? undefined : parseSets(sent) }, asking)
      }),
  })

  app.get<{ Querystring: TopParameters }>('/query/top', {
    schema: documents.top,
    handler: (request, reply) =>
      answer(request, reply, async (asking) => {
        const { query } = request
        const [limit, minN] = [Number(query.limit), Number(query.minN)]
        const quantiles = parseQuantiles(query.q)
        return queries.top({ ...selectionOf(query, clock), quantiles, by: query.by, limit, minN }, asking)
      }),
  })

  app.get<{ Querystring: MetricsParameters }>('/query/metrics', {
    schema: documents.metrics,
    handler: (request, reply) =>
      answer(request, reply, async (asking) => {
        const { app: id, unit, rollup: named, bots, ...times } = request.query
        return queries.metrics(
          { app: id, unit, rollup: named, bots, ...parseRange(times, clock.nowMs()) },
          asking,
        )
      }),
  })

  app.get('/query/apps', {
    schema: documents.apps,
    handler: async (request) => {
      const { name, scopes, mayRead, ofAllApps } = reader(request)
      const nextRunMs = ports.nextRunMs()
      return {
        apps: ports.apps().filter(mayRead),
        token: { name, scopes, allApps: ofAllApps },
        sets: sets.map(({ name, dimensions, metrics }) => ({
          name,
          dimensions: [...dimensions],
          ...(metrics && { metrics: [...metrics] }),
        })),
        gateway: ports.gateway(),
        ...(nextRunMs !== undefined && { nextRunMs }),
      }
    },
  })

  app.get('/query/pipeline', {
    schema: documents.pipeline,
    handler: (request, reply) => {
      const { name } = auth.authenticateForAll(request.headers.authorization, 'read')
      return pool.ask({ token: name, gone: goneBefore(reply) }, () => ports.pipelineState())
    },
  })
}

/** Nothing but what was parsed: the selection becomes part of a cache key, where `to=now` must not differ each second. */
function selectionOf(
  query: TopParameters | SeriesParameters | HistogramParameters,
  clock: Clock,
): Omit<Selection, 'quantiles'> {
  const { app, metric, unit, set, rollup: named, bots } = query
  return { app, metric, unit, set, rollup: named, bots, ...parseRange(query, clock.nowMs()) }
}

const sideOf = (query: CompareParameters, name: 'a' | 'b') => ({
  set: query[`${name}.set` as const],
  values: [query[`${name}.value` as const] ?? []].flat(),
  ...parsePeriod(query, [`${name}.from`, `${name}.to`]),
})

const stepsIn = ({ value, step, tz }: SeriesParameters | HistogramParameters) => ({
  values: [value ?? []].flat(),
  step: step === undefined ? undefined : parseStep(step),
  timeZone: tz,
})

/** Those of all rollups, each name once: as the first that has it says, which is the one that answers. */
function setsOf(definitions: ServePorts['definitions']): readonly DimensionSet[] {
  const byName = new Map<string, DimensionSet>()
  for (const set of definitions.flatMap(({ sets }) => sets))
    if (!byName.has(set.name)) byName.set(set.name, set)
  return [...byName.values()]
}
