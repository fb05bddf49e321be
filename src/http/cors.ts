import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the plugin answers for this route instead. */
    cors?: Pick<FastifyCorsOptions, 'methods' | 'allowedHeaders' | 'maxAge'>
  }
}

/** Two hours: Chromium's upper bound. A preflight otherwise doubles the requests of JSON clients. */
export const CORS_MAX_AGE_SECONDS = 7_200
/** Every header that the clients of clients.md send, and ours. `*` does not work with credentials. */
export const CORS_ALLOWED_HEADERS: readonly string[] = [
  'content-type',
  'content-encoding',
  'authorization',
  'x-headgate-key',
  'x-api-key',
  'x-faro-session-id',
  'idempotency-key',
  'sp-anonymous',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-target',
  'traceparent',
]

/**
 * CORS on every answer of this instance, errors and unknown paths included: a client that cannot read a 429 takes it for
 * a network error and sends again. Credentials are allowed because sendBeacon always asks for them; no cookie is ever
 * set or read. `allows` knows the origins of all apps, since before the app is known there is nothing finer to go by.
 */
export async function allowOrigins(app: FastifyInstance, allows: (origin: string) => boolean): Promise<void> {
  await app.register(cors, {
    origin: (origin, done) => done(null, origin !== undefined && allows(origin)),
    methods: ['GET', 'HEAD', 'POST'],
    credentials: true,
    allowedHeaders: [...CORS_ALLOWED_HEADERS],
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
