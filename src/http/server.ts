import type { IncomingMessage, Server } from 'node:http'
import Fastify, { type FastifyHttpOptions, type FastifyInstance } from 'fastify'
import { AppError } from '../std/errors.ts'
import { memoizeLast } from '../std/memoize-last.ts'
import type { Logger } from '../std/telemetry.ts'
import { answerClientError, MAX_HEADER_BYTES, refuseTunnels, rememberOwed } from './client-errors.ts'
import { boundConnections, boundUntaken } from './connections.ts'
import { answerHalfOpen } from './half-open.ts'
import { type OnRefused, queuePipelines } from './pipelines.ts'
import { validatorCompiler } from './schema-faults.ts'
import { knowSenders, type OnUnbelieved } from './sender/sender.ts'
import { sentTimes } from './sender/sent-times.ts'
import { inviteOnReading, leaveUnread } from './unread.ts'

/** Node's default is 60 s for headers; ours leaves a slow mobile link enough and a slow attacker little. */
export const HEADERS_TIMEOUT_MS = 10_000
/** Headers and body together. Fastify's default is none. */
export const REQUEST_TIMEOUT_MS = 25_000
/** How often Node looks for connections past the two limits above; its default is 30 s. */
export const CONNECTIONS_CHECK_MS = 1_000
/**
 * Above the idle timeout of load balancers, or they reuse connections that we just closed: 600 s at Google Cloud
 * (https://cloud.google.com/load-balancing/docs/https, "HTTP keepalive timeout"), 60 s at AWS. In a crowd, idle ones go.
 */
export const KEEP_ALIVE_TIMEOUT_MS = 620_000
/** Foreign identifiers in paths; Fastify's default is 100. */
export const MAX_PARAM_LENGTH = 512

/** Stands for a path that cannot be decoded. No route is ever registered there. */
const UNKNOWN_PATH = '/.unknown'

/** Options of every listener. There is no Fastify logger: what it does not get it cannot log, URLs above all. */
function serverOptions(keepAliveMs: number): FastifyHttpOptions<Server> {
  return {
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: keepAliveMs,
    // No maxRequestsPerSocket: beyond it Node answers with bare 503s, and keeps the connection.
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Node would answer without a problem document, without CORS and without `no-store`; see requireHost.
      requireHostHeader: false,
    },
    // Who sends is known by http/sender/sender.ts, which reads what Fastify takes for an address and is none.
    trustProxy: false,
    routerOptions: {
      maxParamLength: MAX_PARAM_LENGTH,
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
    },
    // close() lets requests in flight finish and closes idle connections. What still arrives is answered by
    // refuseWhileClosing, with a problem document and CORS, instead of by Fastify's own 503.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // A path that cannot be decoded, or an endless parameter, names nothing: it goes the way of every unknown path,
    // through the limits and with CORS. Fastify would answer at once, quoting the URL.
    frameworkErrors: (_error, request, reply) => {
      request.raw.url = UNKNOWN_PATH
      request.server.routing(request.raw, reply.raw)
    },
    clientErrorHandler: answerClientError,
  }
}

export interface ServerOptions {
  readonly keepAliveMs?: number
  /** Told of requests that no hook and no handler of the instance sees. */
  readonly onRefused?: OnRefused
  readonly onUnbelieved?: OnUnbelieved
  /** Answers of one address that it does not take. */
  readonly untakenShareBytes?: number
}

/** A server with these options and the headers and access log that every answer has. */
export function createServer(
  trustProxy: readonly string[],
  log: Logger,
  {
    keepAliveMs = KEEP_ALIVE_TIMEOUT_MS,
    onRefused = () => {},
    onUnbelieved,
    untakenShareBytes = Number.POSITIVE_INFINITY,
  }: ServerOptions = {},
): FastifyInstance {
  const app: FastifyInstance = Fastify(serverOptions(keepAliveMs))
  queuePipelines(app.server, { onRefused })
  rememberOwed(app.server)
  refuseTunnels(app.server)
  answerHalfOpen(app.server)
  app.setValidatorCompiler(validatorCompiler)
  boundConnections(app.server)
  boundUntaken(app.server, { shareBytes: untakenShareBytes })
  answerExpectations(app.server)
  const knowSender = knowSenders(app, trustProxy, onUnbelieved)
  app.addHook('onRequest', (request, reply, done) => {
    knowSender(request)
    reply.header('cache-control', 'no-store')
    reply.header('x-content-type-options', 'nosniff')
    if (!BODILESS.has(request.method)) return done()
    leaveUnread(reply, () => {
      forgetBody(request.raw)
      done()
    })
  })
  if (log.isLevelEnabled('debug')) logAccess(app, log)
  return app
}

/**
 * RFC 9112: HTTP/1.1 without a Host, any request with two or with one that is none (section 3.2), and HTTP/1.0 with a
 * transfer coding (6.1), are malformed, whoever serves: two servers in a row would each believe another host, or another end
 * of the body. Register it after CORS.
 */
export function refuseMalformed(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, reply, done) => {
    const detail = malformation(raw)
    if (detail === undefined) return done()
    reply.header('connection', 'close')
    done(new AppError('invalid_request', detail))
  })
}

/** A name, an address or nothing, and a port (RFC 3986, sections 3.2.2 and 3.2.3). */
const HOST = /^(?:\[[\da-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::(\d{0,5}))?$/i
/** A port has 16 bits (RFC 9293, section 3.1). */
const MAX_PORT = 65_535

function malformation({ httpVersion, rawHeaders, headers }: IncomingMessage): string | undefined {
  const hosts = sentTimes(rawHeaders, 'host')
  if (hosts > 1) return 'Host was sent more than once.'
  if (!isHost(headers.host ?? '')) return 'Host is no name or address with or without a port.'
  if (httpVersion !== '1.0') return hosts === 0 ? 'A request needs a Host header.' : undefined
  return sentTimes(rawHeaders, 'transfer-encoding') > 0 ? 'HTTP/1.0 knows no Transfer-Encoding.' : undefined
}

/** Nearly all requests that a server gets name the same. */
const isHost = memoizeLast((host) => {
  const found = HOST.exec(host)
  return found !== null && Number(found[1] ?? 0) <= MAX_PORT
})

/** A body that comes with one of these nobody ever reads. */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Fastify reads the body of an OPTIONS: it would wait for ever for one that has been thrown away. */
function forgetBody({ headers }: IncomingMessage): void {
  for (const name of ['content-type', 'content-length', 'transfer-encoding']) delete headers[name]
}

/**
 * What nobody knows may be expected in vain (RFC 9110, section 10.1.1): Node would answer 417, without a word. Whoever
 * waits to be asked for a body is asked once somebody wants it.
 */
function answerExpectations(server: Server): void {
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  server.on('checkContinue', (request, response) => {
    inviteOnReading(request, () => response.writeContinue())
    server.emit('request', request, response)
  })
}

/** Requests that reach a closing server on a connection kept alive are told to go elsewhere. Register it after CORS. */
export function refuseWhileClosing(app: FastifyInstance): void {
  let closing = false
  app.addHook('preClose', (done) => {
    closing = true
    done()
  })
  app.addHook('onRequest', (_request, reply, done) => {
    if (!closing) return done()
    reply.header('connection', 'close')
    done(new AppError('shutting_down', 'This instance takes no more requests.'))
  })
}

/** The route pattern, never the URL; and at debug only, since at full speed a line a request costs more than the request. */
function logAccess(app: FastifyInstance, log: Logger): void {
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    const { method } = request
    log.debug(
      { method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'a request was answered',
    )
    done()
  })
}
