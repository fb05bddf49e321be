import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import { type Auth, appsFor, authorizationOf, type Principal } from '../../../http/auth.ts'
import { goneBefore, type PoolWork, type QueryPool } from '../../../http/query-pool.ts'
import { queryReader } from '../../../http/schema-faults.ts'
import type { Clock } from '../../../std/clock.ts'
import { asciiJson } from '../../../std/json.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { DimensionSet, RollupDefinition } from '../../rollup/model/definition.ts'
import type { PipelineState } from '../pipeline.ts'
import type { AnswerText, Queries, QueryContext } from '../query-port.ts'
import { answerBatch, type BatchedQuery } from './batch.ts'
import { CSV_TYPE, NOTICES_HEADER, wantsCsv } from './csv.ts'
import { objectiveTable } from './objective-answers.ts'
import { documentsOf } from './query-documents.ts'
import type { BatchParameters } from './query-parameters.ts'
import { type ConfiguredLists, questionsOf } from './questions.ts'

export interface ServePorts {
  readonly queries: Queries
  readonly pool: Pick<QueryPool, 'ask'>
  readonly auth: Auth
  readonly clock: Clock
  readonly log: Logger
  /** What can be asked for. */
  readonly configured: ConfiguredLists & {
    /** The rollups, with their sets. */
    readonly definitions: readonly Pick<RollupDefinition, 'sets'>[]
  }
  /** Ids of the apps configured at present. */
  readonly apps: () => readonly string[]
  readonly pipeline: {
    readonly state: () => Promise<PipelineState>
    /** When the first event happened: Infinity where there is none, undefined where that is not known yet. */
    readonly firstEventMs: () => number | undefined
    /** Starts of the windows of each rollup whose numbers lack rows that came since. */
    readonly lackingRows: () => ReadonlyMap<string, Float64Array>
  }
  /** Where the gateway takes events. */
  readonly gateway: () => { readonly host: string; readonly port: number }
  /** When the window that is open now is computed; undefined without a schedule. */
  readonly nextRunMs: () => number | undefined
}

const JSON_TYPE = 'application/json; charset=utf-8'

/** An answer as another has it: a table of what is JSON. */
type Table = (answer: AnswerText) => AnswerText

/** What dashboards and alerts read. Every route needs a token with the scope `read`. */
export async function serveRoutes(app: FastifyInstance, ports: ServePorts): Promise<void> {
  const { queries, pool, auth, clock, log } = ports
  const sets = setsOf(ports.configured.definitions)
  const documents = documentsOf(sets.map(({ name }) => name))
  const questions = questionsOf(queries, clock, ports.configured)
  const reader = ({ raw }: FastifyRequest) => auth.authenticate(authorizationOf(raw), 'read')

  /** What is asked of an app, when the token may read it, or of all that it may read. */
  function about(asked: string | undefined, by: Principal): Omit<QueryContext, 'signal'> {
    const apps = appsFor(asked, by, ports.apps())
    const { firstEventMs, lackingRows } = ports.pipeline
    const known = { ofAllApps: by.ofAllApps, apps, firstEventMs: firstEventMs() }
    // Nobody knows of which app they are.
    return by.ofAllApps ? { ...known, lackingRows: lackingRows() } : known
  }

  /** JSON text, or the table that is made of it, when the turn of who asks has come. */
  async function inTurn(reply: FastifyReply, { name }: Principal, work: PoolWork<AnswerText>, table?: Table) {
    const answer = await pool.ask({ token: name, gone: goneBefore(reply) }, work)
    const { text, notices = [] } = table?.(answer) ?? answer
    if (notices.length > 0) reply.header(NOTICES_HEADER, asciiJson(notices))
    return reply.type(table === undefined ? JSON_TYPE : CSV_TYPE).send(text)
  }

  const inBatches = new Map<string, (by: Principal) => BatchedQuery>()

  /** Asked by its own route, and in batches. */
  function query<Parameters extends { app?: string }>(
    path: string,
    { table, ...schema }: { readonly querystring: TSchema; readonly table?: Table },
    ask: (query: Parameters, asking: QueryContext) => Promise<AnswerText>,
  ): void {
    app.get(path, {
      schema,
      handler: async (request, reply) => {
        const by = reader(request)
        // Its schema has judged it.
        const parameters = request.query as Parameters
        const asking = about(parameters.app, by)
        const written = wantsCsv(request.headers.accept) ? table : undefined
        if (table !== undefined) reply.header('vary', 'accept')
        return inTurn(reply, by, (signal) => ask(parameters, { ...asking, signal }), written)
      },
    })
    const read = queryReader<Parameters>(schema.querystring)
    inBatches.set(path, (by) => async (sent, signal) => {
      const parameters = read(sent)
      return ask(parameters, { ...about(parameters.app, by), signal })
    })
  }

  // Before anything of the request is looked at.
  app.addHook('onRequest', async (request) => {
    reader(request)
  })

  query('/query/series', documents.series, questions.series)
  query('/query/histogram', documents.histogram, questions.histogram)
  query('/query/compare', documents.compare, questions.compare)
  query('/query/changes', documents.changes, questions.changes)
  query('/query/top', documents.top, questions.top)
  query('/query/releases', documents.releases, questions.releases)
  query('/query/objectives', { ...documents.objectives, table: objectiveTable }, questions.objectives)
  query('/alerts', documents.alerts, questions.alerts)
  query('/query/metrics', documents.metrics, questions.metrics)

  app.post<{ Body: BatchParameters }>('/query/batch', {
    schema: documents.batch,
    handler: async (request, reply) => {
      const by = reader(request)
      const known = new Map([...inBatches].map(([path, askedBy]) => [path, askedBy(by)]))
      return inTurn(reply, by, async (signal, giveWay) => ({
        text: await answerBatch(request.body.queries, known, { signal, giveWay, log }),
      }))
    },
  })

  app.get('/query/apps', {
    schema: documents.apps,
    handler: async (request) => {
      const { name, scopes, isFor, ofAllApps } = reader(request)
      const nextRunMs = ports.nextRunMs()
      return {
        apps: ports.apps().filter(isFor),
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
      const { name } = auth.authenticateForAll(authorizationOf(request.raw), 'read')
      return pool.ask({ token: name, gone: goneBefore(reply) }, () => ports.pipeline.state())
    },
  })
}

/** Those of all rollups, each name once: as the first that has it says, which is the one that answers. */
function setsOf(definitions: ServePorts['configured']['definitions']): readonly DimensionSet[] {
  const byName = new Map<string, DimensionSet>()
  for (const set of definitions.flatMap(({ sets }) => sets))
    if (!byName.has(set.name)) byName.set(set.name, set)
  return [...byName.values()]
}
