/** Every way in which Headgate fails, once. `http/problems.ts` holds the status of each; docs/errors.md explains them. */
export type ErrorCode =
  | 'malformed_body'
  | 'unsupported_encoding'
  | 'unsupported_media_type'
  | 'body_too_large'
  | 'stored_too_large'
  | 'header_too_large'
  | 'uri_too_long'
  | 'slow_request'
  | 'unknown_key'
  | 'conflicting_apps'
  | 'origin_not_allowed'
  | 'nothing_valid'
  | 'idempotency_key_reused'
  | 'address_limit'
  | 'app_limit'
  | 'overloaded'
  | 'journal_full'
  | 'journal_unavailable'
  | 'invalid_client'
  | 'app_disabled'
  | 'stream_not_allowed'
  | 'subject_revoked'
  | 'subject_limit'
  | 'vending_saturated'
  | 'sts_throttled'
  | 'sts_failed'
  | 'sinks_unavailable'
  | 'shutting_down'
  | 'not_ready'
  | 'not_found'
  | 'method_not_allowed'
  | 'invalid_request'
  | 'unauthorized'
  | 'scope_missing'
  | 'app_not_in_token'
  | 'missing_token'
  | 'invalid_token'
  | 'issuer_unavailable'
  | 'attestation_failed'
  | 'attestation_unavailable'
  | 'run_conflict'
  | 'rollups_differ'
  | 'query_too_large'
  | 'range_too_large'
  | 'unknown_dimension'
  | 'queries_busy'
  | 'query_timeout'
  | 'runs_full'
  | 'erasures_full'
  | 'bad_configuration'
  | 'lake_failed'
  | 'storage_full'
  | 'storage_denied'
  | 'storage_failed'
  | 'system_limit'
  | 'later_version'
  | 'engine_failed'
  | 'engine_out_of_memory'
  | 'engine_unusable'
  | 'input_missing'
  | 'superseded'
  | 'lease_lost'
  | 'cancelled'
  | 'deadline_exceeded'
  | 'internal'

export interface AppErrorOptions {
  readonly cause?: unknown
  /** How long the caller should wait, for 429 and 503. */
  readonly retryAfterMs?: number
  /** Members added to the problem document, such as `rejected`. Never payloads, never secrets. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** The one error class. The message names the thing and the numbers, never what a client sent. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly retryAfterMs: number | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.details = options.details ?? {}
  }
}

/** The same failure with other members in its document. */
export function detailed(
  { code, message, cause, retryAfterMs }: AppError,
  details: AppError['details'],
): AppError {
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  return new AppError(code, message, { cause, details, ...wait })
}

/** The `default` of a switch over a closed union: a compile error when a case is missing. */
export function unreachable(value: never): never {
  throw new AppError('internal', `Unexpected case: ${String(value)}`)
}
