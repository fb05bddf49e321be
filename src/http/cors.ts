import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the plugin answers for this route instead. */
    cors?: Pick<FastifyCorsOptions, 'methods' | 'maxAge'>
    /** The only headers with a credential of ours that a preflight of this route allows; without it, all. */
    keyHeaders?: readonly string[]
  }
}

/** Two hours: Chromium's upper bound. A preflight otherwise doubles the requests of JSON clients. */
export const CORS_MAX_AGE_SECONDS = 7_200
/** What tracing on a page adds to each of its requests: told whether asked for or not. */
const TRACING: readonly string[] = `
  traceparent tracestate baggage b3 x-b3-traceid x-b3-spanid x-b3-parentspanid x-b3-sampled x-b3-flags uber-trace-id
  sentry-trace newrelic elastic-apm-traceparent x-datadog-trace-id x-datadog-parent-id x-datadog-origin
  x-datadog-sampling-priority request-id request-context x-request-id x-correlation-id x-requested-with x-scope-orgid
  x-amzn-trace-id x-cloud-trace-context x-instana-t x-instana-s x-instana-l`
  .trim()
  .split(/\s+/)
/** Those with a credential of ours, or of the protocols that we speak. */
export const KEY_HEADERS: readonly string[] = [
  'authorization',
  'x-headgate-key',
  'x-api-key',
  'x-amz-security-token',
]
/** Every other header that known clients send, and ours. `*` does not work with credentials. */
export const CORS_ALLOWED_HEADERS: readonly string[] = [
  'content-type',
  'content-encoding',
  'x-faro-session-id',
  'idempotency-key',
  'sp-anonymous',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-target',
  ...TRACING,
]

/** How much a page may ask for: agents on it add a handful of headers to every request. */
const MAX_ASKED_CHARS = 2_048
/** The most names among them. */
const MAX_ASKED_HEADERS = 64
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]{1,64}$/
/** What carries credentials of a browser or of a hop, which no page may set either. */
const CREDENTIALS = /^(?:(?:set-)?cookie2?$|proxy-|sec-|\*$)/

/**
 * What a preflight is told: the headers above, and whatever else the page asks for (tracing agents add their own to each
 * request, ours included), as nothing here reads it. Of headers with a credential only those that the route reads.
 */
export function allowedHeaders(asked: string, keys = KEY_HEADERS): string {
  const names = asked.slice(0, MAX_ASKED_CHARS).toLowerCase().split(',', MAX_ASKED_HEADERS)
  const allowed = new Set([...CORS_ALLOWED_HEADERS, ...keys])
  for (const written of names) {
    const name = written.trim()
    if (TOKEN.test(name) && !CREDENTIALS.test(name) && !KEY_HEADERS.includes(name)) allowed.add(name)
  }
  return [...allowed].join(', ')
}

/** Before the plugin, which answers with what it finds there. */
function narrowAskedHeaders(app: FastifyInstance): void {
  const asked = 'access-control-request-headers'
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, headers } = request.raw
    // Fastify makes the options of a route anew each time that they are asked for.
    if (method === 'OPTIONS')
      headers[asked] = allowedHeaders(headers[asked] ?? '', request.routeOptions.config.keyHeaders)
    done()
  })
}

/**
 * CORS on every answer of this instance, errors and unknown paths included: a client that cannot read a 429 takes it for
 * a network error and sends again. Credentials are allowed because sendBeacon always asks for them; no cookie is ever
 * set or read. `allows` knows the origins of all apps, since before the app is known there is nothing finer to go by.
 */
export async function allowOrigins(app: FastifyInstance, allows: (origin: string) => boolean): Promise<void> {
  narrowAskedHeaders(app)
  await app.register(cors, {
    origin: (origin, done) => done(null, origin !== undefined && allows(origin)),
    methods: ['GET', 'HEAD', 'POST'],
    credentials: true,
    exposedHeaders: ['Retry-After'],
    maxAge: CORS_MAX_AGE_SECONDS,
    strictPreflight: false,
  })
  // An origin of another app passed above; its own app does not list it, so it may not read the answer either.
  app.addHook('onError', (_request, reply, error, done) => {
    if (error.code === 'origin_not_allowed') {
      reply.removeHeader('access-control-allow-origin')
      reply.removeHeader('access-control-allow-credentials')
    }
    done()
  })
}
