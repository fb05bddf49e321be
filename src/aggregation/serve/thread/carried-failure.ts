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
      /** Its class where that is one of the language's, its words and its stack: what else it holds may have no copy. */
      readonly error: Error
      /** What a system call answered, such as ENOSPC. */
      readonly code: string | undefined
      readonly cause: CarriedFailure | undefined
    }

export function carried(error: unknown): CarriedFailure {
  const cause = Object(error).cause === undefined ? undefined : carried(Object(error).cause)
  if (!(error instanceof AppError)) return { ...other(error), cause }
  const { code, message, stack, details, retryAfterMs } = error
  return { kind: 'ours', code, message, stack: String(stack), details, retryAfterMs, cause }
}

function other(thrown: unknown) {
  if (!(thrown instanceof Error))
    return { kind: 'other', error: new Error(String(thrown)), code: undefined } as const
  const { name, message, stack } = thrown
  const { code } = Object(thrown)
  const error = Object.assign(new Error(message), { name, stack })
  return { kind: 'other', error, code: typeof code === 'string' ? code : undefined } as const
}

export function errorOf(failure: CarriedFailure): Error {
  const cause = failure.cause && { cause: errorOf(failure.cause) }
  if (failure.kind === 'other') {
    const { error, code } = failure
    return Object.assign(error, code !== undefined && { code }, cause)
  }
  const { code, message, stack, details, retryAfterMs } = failure
  const options = { details, ...cause, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  return Object.assign(new AppError(code, message, options), { stack })
}
