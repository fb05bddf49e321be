import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, type ErrorCode } from '../std/errors.ts'
import { type Entropy, systemEntropy } from '../std/id.ts'
import { nearestPathOf } from '../std/input/nearest-path.ts'
import { systemFaultOf } from '../std/system-faults.ts'
import type { Logger } from '../std/telemetry.ts'
import { leaveUnread } from './unread.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** Keeps the route out of the OpenAPI document. */
    hide?: boolean
  }
}

/** A 503 without a time of its own asks for 5 to 30 s, spread so that clients do not come back together. */
export const RETRY_AFTER_MIN_MS = 5_000
export const RETRY_AFTER_MAX_MS = 30_000

/** How the detail of a `not_found` begins where nothing was looked for: this listener has no such thing to tell. */
export const NO_ROUTE = 'No route has this path'

interface Kind {
  readonly status: number
  readonly title: string
  readonly headers?: Readonly<Record<string, string>>
}

const ASK_KEY = { 'www-authenticate': 'HeadgateKey' }
const ASK_BEARER = { 'www-authenticate': 'Bearer' }

/** The only place where a failure becomes a status. 403 and 404 are for what will never work: some clients then stop for good. */
export const problems = {
  malformed_body: { status: 400, title: 'The body cannot be read' },
  unsupported_encoding: { status: 415, title: 'The content encoding is not supported' },
  unsupported_media_type: { status: 415, title: 'The content type is not supported' },
  body_too_large: { status: 413, title: 'The body is too large' },
  stored_too_large: { status: 413, title: 'The events would take too much room' },
  header_too_large: { status: 431, title: 'The request headers are too large' },
  uri_too_long: { status: 414, title: 'The URL is too long' },
  slow_request: { status: 408, title: 'The request took too long to arrive' },
  unknown_key: { status: 401, title: 'No known app was named', headers: ASK_KEY },
  conflicting_apps: { status: 403, title: 'The request names two apps' },
  origin_not_allowed: { status: 403, title: 'The origin is not on the list of the app' },
  nothing_valid: { status: 422, title: 'No event could be accepted' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key stands for another request' },
  address_limit: { status: 429, title: 'Too many requests from this address' },
  app_limit: { status: 429, title: 'The app is over its quota' },
  overloaded: { status: 503, title: 'Too much is in flight' },
  journal_full: { status: 503, title: 'No room for more events' },
  journal_unavailable: { status: 503, title: 'Events cannot be stored' },
  invalid_client: { status: 401, title: 'The app or its key is not known', headers: ASK_KEY },
  app_disabled: { status: 403, title: 'The app gives no credentials' },
  stream_not_allowed: { status: 403, title: 'The stream is not one of the app' },
  subject_revoked: { status: 403, title: 'The access was withdrawn' },
  subject_limit: { status: 429, title: 'Too many requests for this subject' },
  vending_saturated: { status: 503, title: 'Too many credentials are asked for' },
  sts_throttled: { status: 503, title: 'AWS takes no more requests for credentials' },
  sts_failed: { status: 502, title: 'AWS gave no credentials' },
  sinks_unavailable: { status: 503, title: 'Neither the stream nor the lake takes events' },
  shutting_down: { status: 503, title: 'This instance is shutting down' },
  not_ready: { status: 503, title: 'This instance is not ready' },
  not_found: { status: 404, title: 'There is nothing here' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  invalid_request: { status: 400, title: 'The request is not valid' },
  unauthorized: { status: 401, title: 'A valid token is required', headers: ASK_BEARER },
  scope_missing: { status: 403, title: 'The token lacks the scope' },
  app_not_in_token: { status: 403, title: 'The token is not for this app' },
  missing_token: { status: 401, title: 'An access token is required', headers: ASK_BEARER },
  invalid_token: {
    status: 401,
    title: 'The access token is not accepted',
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  },
  issuer_unavailable: { status: 503, title: 'The keys of the token issuer are not known' },
  attestation_failed: { status: 403, title: 'The device could not be attested' },
  attestation_unavailable: { status: 503, title: 'Devices cannot be attested now' },
  rollups_differ: { status: 409, title: 'Another process computes other rollups' },
  run_conflict: { status: 409, title: 'The run conflicts with another' },
  query_too_large: { status: 422, title: 'The query asks for too much' },
  range_too_large: { status: 422, title: 'The range holds too much' },
  unknown_dimension: { status: 422, title: 'There is no such dimension' },
  queries_busy: { status: 503, title: 'Too many queries are under way' },
  query_timeout: { status: 503, title: 'The query took too long' },
  runs_full: { status: 503, title: 'Too many runs wait' },
  erasures_full: { status: 503, title: 'Too many erasures wait' },
  bad_configuration: { status: 500, title: 'The configuration is not valid' },
  lake_failed: { status: 502, title: 'The lake could not be reached' },
  storage_full: { status: 507, title: 'There is no room left on the disk' },
  storage_denied: { status: 500, title: 'Headgate may not read or write a file of its own now' },
  storage_failed: { status: 500, title: 'The disk has failed' },
  system_limit: { status: 500, title: 'The system gives Headgate no more of what it needs' },
  later_version: { status: 500, title: 'What is stored was written by a later version' },
  engine_failed: { status: 502, title: 'The engine failed' },
  engine_out_of_memory: { status: 507, title: 'The engine ran out of memory' },
  engine_unusable: { status: 502, title: 'The engine does not work' },
  input_missing: { status: 409, title: 'The input is not there' },
  superseded: { status: 409, title: 'A newer run took over' },
  lease_lost: { status: 409, title: 'Another process holds the lease' },
  cancelled: { status: 409, title: 'The run was cancelled' },
  deadline_exceeded: { status: 504, title: 'The work took too long' },
  internal: { status: 500, title: 'Something went wrong on our side' },
} satisfies Record<ErrorCode, Kind>

/** Fastify's own errors in our words. What is missing here is told apart by its status alone. */
const frameworkCodes: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['body_too_large', 'The body is above the limit of this route.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported_media_type',
    'The content-type is missing or none that this route takes; send application/json, as in curl -H "content-type: application/json" -d "{}".',
  ],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['malformed_body', 'The body is empty.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['malformed_body', 'The body is not JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed_body', 'The body is not as long as content-length says.'],
  FST_ERR_HANDLER_TIMEOUT: ['deadline_exceeded', 'The answer was not ready in time.'],
}

/** Whatever was thrown, in our words. Only an AppError speaks for itself: other messages may quote what a client sent. */
export function asAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown
  const { code, statusCode = 500 } = thrown as Partial<FastifyError>
  const [known, detail] = frameworkCodes[code ?? ''] ?? []
  if (known !== undefined) return new AppError(known, String(detail), { cause: thrown })
  const fault = systemFaultOf(thrown)
  if (fault !== undefined)
    return new AppError(fault.code, `${capitalized(fault.words)}. The log says where.`, { cause: thrown })
  if (statusCode < 500) return new AppError('invalid_request', 'The request is not valid.', { cause: thrown })
  return new AppError('internal', 'Unexpected error', { cause: thrown })
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** RFC 9457: the document for an error. */
export function problemDocument({ code, message, details }: AppError): Record<string, unknown> {
  const { status, title } = problems[code]
  // An internal message was written for the log, not for whoever asked.
  const detail = code === 'internal' ? 'The error was logged.' : message
  return { ...details, type: `urn:headgate:problem:${code}`, title, status, detail, code }
}

/** An error that is answered before Fastify has the request. Nothing is read behind it: the connection ends. */
export function lastAnswer(error: AppError) {
  const body = JSON.stringify(problemDocument(error))
  const headers = {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  }
  return { status: problems[error.code].status, headers, body }
}

/** Whole seconds, as RFC 9110 wants them. Only 429 and 503 carry one. */
export function retryAfterSeconds({ code, retryAfterMs }: AppError, entropy: Entropy): number | undefined {
  const { status } = problems[code]
  const spread = RETRY_AFTER_MIN_MS + entropy.uniform() * (RETRY_AFTER_MAX_MS - RETRY_AFTER_MIN_MS)
  const ms = retryAfterMs ?? (status === 503 ? spread : undefined)
  return ms === undefined ? undefined : Math.ceil(ms / 1_000)
}

export interface ProblemOptions {
  readonly entropy?: Entropy
  /** What another listener has, by the beginning of its paths, and a sentence that says which. */
  readonly elsewhere?: { readonly prefix: string; readonly sentence: string } | undefined
}

/** What private listeners say of the public one. Not the other way round: strangers are told of no private route. */
export const PUBLIC_PATHS = {
  prefix: '/v1/',
  sentence: 'Measurements are sent to the listener of the gateway (gateway.listen), not to this one.',
}

/**
 * Errors and unknown addresses are answered with problem documents, here and in everything registered afterwards.
 * Call it before any route is registered: it learns which methods a path has.
 */
export function answerWithProblems(
  app: FastifyInstance,
  log: Logger,
  { entropy = systemEntropy, elsewhere }: ProblemOptions = {},
): void {
  const methods = new Map<string, string>()
  const paths = new Set<string>()
  app.addHook('onRoute', ({ url, method, schema }) => {
    if (!url.includes('*')) paths.add(url)
    // Not in the documents: a route that only refuses.
    if (schema?.hide === true) return
    methods.set(url, [methods.get(url) ?? [], method].flat().join(', '))
  })
  let nearestPath: ReturnType<typeof nearestPathOf> | undefined

  /** No such path, or a path that takes other methods. */
  function unknownAddress(request: FastifyRequest, reply: FastifyReply): AppError {
    const [written = ''] = request.url.split('?', 1)
    const path = written.replace(/\/{2,}/g, '/')
    const allow = methods.get(path) ?? methods.get(path.replace(/\/$/, ''))
    if (allow === undefined) return new AppError('not_found', `${NO_ROUTE}${instead(path)}`)
    reply.header('allow', allow)
    return new AppError('method_not_allowed', `This path takes ${allow}.`)
  }

  /** Names this listener's own routes alone. */
  function instead(path: string): string {
    if (elsewhere !== undefined && path.startsWith(elsewhere.prefix)) return `. ${elsewhere.sentence}`
    nearestPath ??= nearestPathOf([...paths])
    const meant = nearestPath(path)
    if (meant !== undefined) return `; did you mean "${meant}"?`
    return [`; there are ${[...methods.keys()].join(', ')}.`, elsewhere?.sentence ?? []].flat().join(' ')
  }

  app.setErrorHandler((thrown, request, reply) => {
    // Fastify reads a body before it says that there is nothing here: what is wrong with the body then hardly matters.
    const unread = request.is404 && !(thrown instanceof AppError)
    const error = unread ? unknownAddress(request, reply) : asAppError(thrown)
    logFailure(error, log)
    return sendProblem(reply, error, entropy)
  })
  app.setNotFoundHandler((request, reply) => {
    throw unknownAddress(request, reply)
  })
}

/** Once per failure, with its code. A 503 is a decision, not a fault: it is counted, and logged only when someone is looking. */
export function logFailure(error: AppError, log: Logger): void {
  const { status } = problems[error.code]
  if (status === 503) log.debug({ code: error.code }, 'a request was refused')
  else if (status >= 500) log.error({ code: error.code, err: error.cause ?? error }, 'a request failed')
}

export function sendProblem(reply: FastifyReply, error: AppError, entropy: Entropy) {
  const { status, headers = {} }: Kind = problems[error.code]
  const seconds = retryAfterSeconds(error, entropy)
  if (seconds !== undefined) reply.header('retry-after', seconds)
  reply.code(status).headers(headers).type('application/problem+json')
  const isLate = error.code === 'slow_request'
  leaveUnread(reply, () => reply.send(JSON.stringify(problemDocument(error))), isLate)
  return reply
}
