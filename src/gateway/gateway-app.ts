import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { GatewayConfig } from '../config/schema/config-schema.ts'
import { UNTAKEN_SHARE_BYTES } from '../http/connections.ts'
import { allowOrigins } from '../http/cors.ts'
import { isProbe, probeRoutes } from '../http/operations/probes.ts'
import type { OnRefused } from '../http/pipelines.ts'
import { answerWithProblems, asAppError } from '../http/problems.ts'
import { createServer, refuseMalformed, refuseWhileClosing } from '../http/server.ts'
import { payForUnread } from '../http/unread.ts'
import { counter } from '../std/metrics/instruments.ts'
import {
  addressLimit,
  type ChargeAddress,
  metered,
  tooMuch,
  UNREAD_STEP_BYTES,
} from './apps/address-limit.ts'
import { createQuota } from './apps/quota.ts'
import { type RefusedRequest, refusedBy } from './apps/refused.ts'
import type { SenderNotes } from './apps/sender-notes.ts'
import { contentTypeOf, MAX_WIRE_BYTES } from './collect/body.ts'
import { pageOf } from './collect/claims.ts'
import { type CollectorPorts, createCollector } from './collect/collect.ts'
import { createInflate } from './collect/inflate.ts'
import { type ByteBudget, createByteBudget } from './collect/memory-budget.ts'
import { collectRoutes } from './collect/routes.ts'
import type { Credentials } from './credentials/credentials.ts'
import { credentialRoutes } from './credentials/routes.ts'

export interface GatewayPorts extends Omit<CollectorPorts, 'quota'> {
  readonly credentials: Credentials
  readonly notes: SenderNotes
  readonly listener: GatewayListener
}

/** What belongs to the listener as such, whatever it takes. */
export interface GatewayListener {
  /** Whether all listeners are bound and the journal is recovered, or why not. */
  readonly ready: () => boolean | string
  /** Processes that share the limits. */
  readonly workers: number
  /** Runs before any route is mounted: a generator of documents listens here. */
  readonly prepare?: (app: FastifyInstance) => Promise<void>
}

/** The public listener, in the order in which a request meets its parts. */
export async function buildGateway(config: GatewayConfig, ports: GatewayPorts): Promise<FastifyInstance> {
  const { registry, credentials, clock, entropy, telemetry, listener } = ports
  const { ready, workers } = listener
  const { log, metrics } = telemetry
  const inflight = createByteBudget(config.limits.inflightBytes, clock)
  const ratioAlarms = counter(metrics, 'headgate_inflate_ratio_alarms_total')

  const onRefused = refusalCounter(ports)
  const app = createServer(config.trustProxy, log, {
    keepAliveMs: config.keepAlive,
    // Its query is not read yet: that would take a parser before any limit.
    onRefused: ({ headers }, code) => onRefused({ headers, query: undefined }, code),
    onUnbelieved: ports.notes.unbelieved.note,
    untakenShareBytes: UNTAKEN_SHARE_BYTES,
  })
  await listener.prepare?.(app)
  leaveBodiesUnread(app)
  mindNoContentType(app)
  sweepBodies(app, inflight)
  answerWithProblems(app, log, { entropy })
  app.addHook('onError', ({ headers, query }, _reply, error, done) => {
    onRefused({ headers, query }, asAppError(error).code)
    done()
  })
  const limit = addressLimitOf(config, ports)
  // Before preflights are answered: they are never refused, as that costs more than they do, but what they bring is paid.
  if (limit !== undefined) chargeForUnread(app, limit)
  await allowOrigins(app, registry.anyOrigin)
  refuseWhileClosing(app)
  refuseMalformed(app)
  if (limit !== undefined) await limitAddresses(app, limit)
  await app.register(probeRoutes, { ready })
  await app.register(collectRoutes, {
    collector: createCollector({ ...ports, quota: createQuota(workers, clock) }),
    inflight,
    inflate: createInflate(() => ratioAlarms.inc()),
    charge: limit?.charge ?? free,
    log,
    countryHeader: config.countryHeader,
  })
  await app.register(credentialRoutes, { credentials, clock, entropy, log })
  return app
}

/** Fastify refuses a body under a content type that is none, before any route has seen it. */
function mindNoContentType(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    const written = headers['content-type']
    const meant = written === undefined ? undefined : contentTypeOf(written)
    if (meant !== written) headers['content-type'] = meant
    done()
  })
}

/** A handler reads the body when it wants it, under its own caps (collect/body.ts); for an unknown path nobody does. */
function leaveBodiesUnread(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  // The two that nearly all send by name as well: what only `*` takes, Fastify reads the type of again each time.
  app.addContentTypeParser(['application/json', 'text/plain', '*'], (_request, _payload, done) => done(null))
}

/** How often bodies that do not arrive are looked for. */
const SWEEP_MS = 1_000

function sweepBodies(app: FastifyInstance, inflight: ByteBudget): void {
  const sweeping = setInterval(() => inflight.sweep(), SWEEP_MS).unref()
  app.addHook('onClose', (_app, done) => {
    clearInterval(sweeping)
    done()
  })
}

/** By code, and by who sent them. The status of a pixel hides it, and requests that became no events show it nowhere. */
function refusalCounter({ registry, notes, telemetry }: GatewayPorts) {
  const refused = counter(telemetry.metrics, 'headgate_requests_refused_total')
  return ({ headers, query }: Omit<RefusedRequest, 'page'>, code: Parameters<OnRefused>[1]): void => {
    refused.inc({ code })
    notes.refusals.note(refusedBy({ headers, query, page: pageOf(headers) }, code, registry))
  }
}

function addressLimitOf(
  { limits }: GatewayConfig,
  { clock, listener: { workers } }: GatewayPorts,
): AddressLimit | undefined {
  if (limits.address === 'off') return undefined
  const { requestsPerSecond, burst } = limits.address
  const rate = { perSecond: requestsPerSecond / workers, burst: Math.max(1, burst / workers) }
  return addressLimit(rate, clock)
}

type AddressLimit = ReturnType<typeof addressLimit>
const free: ChargeAddress = () => {}

function chargeForUnread(app: FastifyInstance, { owe }: AddressLimit): void {
  app.addHook('onRequest', ({ raw, sender }, _reply, done) => {
    payForUnread(raw, metered(owe, sender, UNREAD_STEP_BYTES))
    done()
  })
}

/** Before anything of a request is read, and for unknown paths as well. Preflights were answered already. */
async function limitAddresses(app: FastifyInstance, { Store, charge }: AddressLimit): Promise<void> {
  await app.register(rateLimit, {
    global: false,
    max: 0,
    store: Store,
    keyGenerator: ({ sender }) => sender.block,
  })
  const check = app.createRateLimit()

  const refuseCrowds = async (request: FastifyRequest) => {
    const verdict = await check(request)
    if (!verdict.isAllowed && verdict.isExceeded) throw tooMuch(verdict.ttl)
    // Beyond what is ever read, an announcement is only a word.
    charge(request.sender, Math.min(Number(request.headers['content-length'] ?? 0), MAX_WIRE_BYTES))
  }
  app.addHook('onRequest', (request, _reply, done) => {
    if (isProbe(request.url) || request.sender.isExempt) done()
    else refuseCrowds(request).then(() => done(), done)
  })
}
