import { AppError } from '../../../std/errors.ts'
import { errnoOf } from '../../../std/files/files.ts'

/** What to say of a failure, without anything of the data. */
export const whyOf = (error: unknown): string =>
  error instanceof AppError ? error.message : `Unexpected error (${errnoOf(error)})`
