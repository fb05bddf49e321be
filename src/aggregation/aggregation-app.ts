import type { FastifyInstance } from 'fastify'
import type { AggregationConfig } from '../config/schema/config-schema.ts'
import { ofTheSame } from '../event/schema/dimension-sets.ts'
import { type Auth, createAuth } from '../http/auth.ts'
import { readJsonBodies } from '../http/operations/json-bodies.ts'
import { type OperationsPorts, operationsRoutes } from '../http/operations/operations.ts'
import { probeRoutes } from '../http/operations/probes.ts'
import { answerWithProblems, PUBLIC_PATHS } from '../http/problems.ts'
import { queryPool } from '../http/query-pool.ts'
import { createServer, refuseMalformed, refuseWhileClosing } from '../http/server.ts'
import { readCondition } from '../std/input/condition.ts'
import type { Logger } from '../std/telemetry.ts'
import { type ErasureRoutePorts, erasureRoutes } from './ingest/erase/routes.ts'
import { type ImportRoutePorts, importRoutes } from './ingest/imports/routes.ts'
import type { RollupDefinition } from './rollup/model/definition.ts'
import { type RollupRoutePorts, rollupRoutes } from './rollup/routes.ts'
import type { AlertCriterion } from './serve/alerts/alert.ts'
import { type ExploreRoutePorts, exploreRoutes } from './serve/api/explore-routes.ts'
import { type ServePorts, serveRoutes } from './serve/api/routes.ts'
import { dashboardSources, loadAssets } from './serve/dashboard/assets.ts'
import { dashboardRoutes } from './serve/dashboard/routes.ts'

export interface AggregationPorts
  extends Pick<ServePorts, 'queries' | 'apps' | 'gateway' | 'clock' | 'pipeline'>,
    Pick<ExploreRoutePorts, 'explorer'>,
    Pick<RollupRoutePorts, 'runs'> {
  /** What changes the lake. */
  readonly lakeWork: Pick<ImportRoutePorts, 'imports'> & Pick<ErasureRoutePorts, 'erasures'>
  /** At least one. */
  readonly definitions: readonly RollupDefinition[]
  readonly listener: AggregationListener
}

/** What belongs to the listener as such, whatever it answers. */
export interface AggregationListener {
  readonly log: Logger
  readonly ready: () => boolean | string
  /** Whose tokens may change; left out: those of the configuration. */
  readonly auth?: Auth
  /** Runs before any route is mounted: a generator of documents listens here. */
  readonly prepare?: (app: FastifyInstance) => Promise<void>
  /** What operators read, where this listener is the one that serves it. */
  readonly operations?: Pick<OperationsPorts, 'metrics' | 'balance'> | undefined
}

/**
 * Every answer, errors included. The policy allows what comes from this origin and nothing else, so a name that a
 * client invented can never be more than text; no other page may frame this one.
 */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  'permissions-policy': 'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/** The private listener: runs, imports, erasures, queries and the dashboard. No CORS: other origins have no business here. */
export async function buildAggregation(
  config: AggregationConfig,
  ports: AggregationPorts,
): Promise<FastifyInstance> {
  const { listener, queries, explorer, lakeWork, definitions, clock, runs, apps } = ports
  const { pipeline, gateway } = ports
  const { log, ready, operations, auth = createAuth(config.tokens) } = listener

  const { enabled, grace } = config.schedule
  const grainMs = Math.max(...definitions.map((definition) => definition.grainMs))
  const nextRunMs = () => (enabled ? (Math.floor(clock.nowMs() / grainMs) + 1) * grainMs + grace : undefined)

  const app = createServer([], log)
  readJsonBodies(app)
  await listener.prepare?.(app)
  answerWithProblems(app, log, { elsewhere: PUBLIC_PATHS })
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(SECURITY_HEADERS)
    done()
  })
  refuseWhileClosing(app)
  refuseMalformed(app)
  await app.register(probeRoutes, { ready })
  const pool = queryPool()
  await app.register(rollupRoutes, { runs, auth, clock, pool })
  await app.register(exploreRoutes, { explorer, auth, clock, apps, definitions })
  await app.register(importRoutes, { ...lakeWork, auth, apps })
  await app.register(erasureRoutes, { ...lakeWork, auth, apps, pool })
  await app.register(serveRoutes, {
    queries,
    pool,
    auth,
    clock,
    log,
    configured: {
      definitions,
      objectives: config.objectives.map(objectiveOf),
      alerts: config.alerts.map((alert) => alertOf(alert, config.objectives)),
    },
    apps,
    pipeline,
    gateway,
    nextRunMs,
  })
  await app.register(dashboardRoutes, { assets: await loadAssets(dashboardSources()) })
  if (operations !== undefined) await app.register(operationsRoutes, { ...operations, auth })
  return app
}

/** What is configured, with what may be left out of it. */
const objectiveOf = ({
  window: windowMs,
  set = 'app',
  ...rest
}: AggregationConfig['objectives'][number]) => ({
  ...rest,
  set,
  windowMs,
})

function alertOf({ for: persistence, ...alert }: AlertConfig, objectives: AggregationConfig['objectives']) {
  const [need = 0, of = 0] = persistence.split(' of ').map(Number)
  const criteria = readCondition(alert.when).criteria.flatMap((criterion): readonly AlertCriterion[] =>
    criterion.of === 'burn'
      ? ofTheSame(objectives, alert).map(({ at, share: target }) => ({ ...criterion, at, target }))
      : [criterion],
  )
  return { ...alert, set: alert.set ?? 'app', need, of, criteria }
}

type AlertConfig = AggregationConfig['alerts'][number]
