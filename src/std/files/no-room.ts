import { AppError } from '../errors.ts'
import { isDiskFull } from './files.ts'

/** The same failure of a lake, called by what can be done. */
export const asNoRoom = (error: unknown): unknown =>
  error instanceof AppError && isDiskFull(error.cause)
    ? new AppError('storage_full', error.message, { cause: error })
    : error
