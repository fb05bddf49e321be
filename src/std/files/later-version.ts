import { AppError } from '../errors.ts'

/**
 * What a later Headgate wrote is not guessed at and never written over: it is named, stays as it is, and holds up nothing
 * else (docs/adr/0034).
 */
export function laterVersion(what: string, version: number, known: number): AppError {
  const message = `${what} is of version ${version}, and this Headgate knows version ${known}: it stays as it is until one runs that knows it`
  return new AppError('later_version', message)
}

/** Throws for what says itself that it is of a later version. */
export function refuseLater(what: string, found: unknown, known: number): void {
  const version: unknown = Object(found).version
  if (Number.isInteger(version) && Number(version) > known) throw laterVersion(what, Number(version), known)
}

export const isLaterVersion = (error: unknown): error is AppError =>
  error instanceof AppError && error.code === 'later_version'
