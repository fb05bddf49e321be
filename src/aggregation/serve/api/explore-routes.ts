import type { FastifyInstance, FastifyReply } from 'fastify'
import { type Auth, appsFor, authorizationOf, type Principal } from '../../../http/auth.ts'
import { goneBefore, type PoolLimits, type PoolWork, queryPool } from '../../../http/query-pool.ts'
import type { Clock } from '../../../std/clock.ts'
import { HOUR_MS } from '../../../std/durations.ts'
import { asciiJson } from '../../../std/json.ts'
import { dimensionIn, filtersIn, refuseSingle } from '../../explore/asked-dimensions.ts'
import type { Explorer } from '../../explore/explorer.ts'
import { faultForSome } from '../../explore/told-faults.ts'
import { EXPLORATIONS } from '../../explore/turns.ts'
import type { RollupDefinition } from '../../rollup/model/definition.ts'
import { parseQuantiles, parseRange } from '../parameters.ts'
import { CSV_TYPE, NOTICES_HEADER, wantsCsv } from './csv.ts'
import { exploreTable } from './explore-answer.ts'
import { DEFAULT_EXAMPLES, type EventsParameters, type ExploreParameters } from './explore-parameters.ts'
import { documentsOf } from './query-documents.ts'

export interface ExploreRoutePorts {
  readonly explorer: Explorer
  readonly auth: Auth
  readonly clock: Clock
  /** Ids of the apps configured at present. */
  readonly apps: () => readonly string[]
  /** The rollups, with their sets. */
  readonly definitions: readonly Pick<RollupDefinition, 'sets'>[]
  readonly limits?: PoolLimits
}

const NO_EXAMPLES = 'Single events are told to tokens with the scope "events" alone.'

const NO_GATEWAY =
  'No gateway tells whom it refused: none runs here, or none answers at aggregation.gatewayUrl.'
const NOTHING_CAME =
  'Nothing of this is in the lake in this range. What no ingest has taken in yet is not seen here: that is a tick of the schedule.'

/** Questions about the events themselves. They take their turns apart from those about rollups, which are answered sooner. */
export async function exploreRoutes(
  app: FastifyInstance,
  { explorer, auth, clock, apps, definitions, limits = EXPLORATIONS }: ExploreRoutePorts,
): Promise<void> {
  const pool = queryPool(limits)
  const documents = documentsOf([])
  const sets = definitions.flatMap((definition) => definition.sets)

  /** How many examples: those that are asked for need the scope, and are not asked for where it is known to lack. */
  function examplesFor(sent: string | undefined, authorization: string | undefined, by: Principal): number {
    const asked = sent === undefined ? undefined : Number(sent)
    if (asked !== undefined && asked > 0) auth.authenticate(authorization, 'events')
    return asked ?? (by.scopes.includes('events') ? DEFAULT_EXAMPLES : 0)
  }

  /** When the turn of who asks has come. */
  async function inTurn<T>(reply: FastifyReply, by: Principal, work: PoolWork<T>): Promise<T> {
    try {
      return await pool.ask({ token: by.name, gone: goneBefore(reply) }, work)
    } catch (error) {
      throw by.ofAllApps ? error : faultForSome(error)
    }
  }

  // Each may take minutes, for which no stop waits; what it has spilled to the disk goes with its process.
  let ended: Promise<void> | undefined
  app.addHook('preClose', (done) => {
    ended = pool.end()
    done()
  })
  app.addHook('onClose', async () => ended)
  app.addHook('onRequest', async ({ raw }) => {
    auth.authenticate(authorizationOf(raw), 'read')
  })

  app.get<{ Querystring: ExploreParameters }>('/query/explore', {
    schema: documents.explore,
    handler: async (request, reply) => {
      const { app: id, metric, unit, bots, where = [], by, q, examples: sent, ...times } = request.query
      const authorization = authorizationOf(request.raw)
      const principal = auth.authenticate(authorization, 'read')
      appsFor(id, principal, apps())
      const examples = examplesFor(sent, authorization, principal)
      const asked = {
        ...{ app: id, metric, unit, bots, examples, quantiles: parseQuantiles(q) },
        ...{ where: filtersIn([where].flat()), by: by === undefined ? undefined : dimensionIn('by', by) },
        ...parseRange(times, clock.nowMs()),
      }
      const dimensions = [...asked.where.map(({ dimension }) => dimension), asked.by ?? []].flat()
      if (!principal.scopes.includes('events')) refuseSingle(dimensions, { metric, sets })
      const work = (signal: AbortSignal) => explorer.explore(asked, signal)
      const found = await inTurn(reply, principal, work)
      const { scanned, completeness, notices = [], ...answer } = found
      const told = [...notices, ...(sent === undefined && examples === 0 ? [NO_EXAMPLES] : [])]
      reply.header('vary', 'accept')
      if (wantsCsv(request.headers.accept)) {
        if (told.length > 0) reply.header(NOTICES_HEADER, asciiJson(told))
        return reply.type(CSV_TYPE).send(exploreTable(found))
      }
      return {
        ...answer,
        ...(principal.ofAllApps && { completeness, scanned }),
        ...(told.length > 0 && { notices: told }),
      }
    },
  })

  app.get<{ Querystring: EventsParameters }>('/query/events', {
    schema: documents.events,
    handler: async (request, reply) => {
      const { app: id, metric, limit, order, ...times } = request.query
      const principal = auth.authenticate(authorizationOf(request.raw), 'events')
      const { ofAllApps } = principal
      appsFor(id, principal, apps())
      const asked = { app: id, limit: Number(limit), ...parseRange(times, clock.nowMs(), HOUR_MS) }
      const work = async (signal: AbortSignal) => ({
        arrived: await explorer.arrived({ ...asked, metric, order }, signal),
        away: await explorer.turnedAway({ ...asked, ofAllApps }),
      })
      const { arrived, away } = await inTurn(reply, principal, work)
      const notices = [
        ...(arrived.events.length === 0 ? [NOTHING_CAME] : []),
        ...(away.refused === null ? [NO_GATEWAY] : []),
      ]
      return {
        ...{ from: asked.fromMs, to: asked.toMs, arrived: arrived.events, ...away },
        ...(ofAllApps && { scanned: arrived.scanned }),
        ...(notices.length > 0 && { notices }),
      }
    },
  })
}
