import { AppError, type ErrorCode } from '../../../std/errors.ts'

/** An error on its way from one thread to another: a copy of one keeps neither its class nor members of its own. */
export type CarriedFailure =
  | {
      readonly kind: 'ours'
      readonly code: ErrorCode
      readonly message: string
      readonly stack: string
      readonly details: AppError['details']
      readonly retryAfterMs: number | undefined
      readonly cause: CarriedFailure | undefined
    }
  | {
      readonly kind: 'other'
      /** With its class where that is one of the language's, and its stack. */
      readonly error: Error
      /** What a system call answered, such as ENOSPC. */
      readonly code: unknown
    }

export function carried(error: unknown): CarriedFailure {
  if (!(error instanceof AppError)) {
    const other = error instanceof Error ? error : new Error(String(error))
    return { kind: 'other', error: other, code: Object(error).code }
  }
  const { code, message, stack, details, retryAfterMs, cause } = error
  const below = cause === undefined ? undefined : carried(cause)
  return { kind: 'ours', code, message, stack: String(stack), details, retryAfterMs, cause: below }
}

export function errorOf(failure: CarriedFailure): Error {
  if (failure.kind === 'other')
    return failure.code === undefined ? failure.error : Object.assign(failure.error, { code: failure.code })
  const { code, message, stack, details, retryAfterMs, cause } = failure
  const options = {
    details,
    ...(cause !== undefined && { cause: errorOf(cause) }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }
  return Object.assign(new AppError(code, message, options), { stack })
}
