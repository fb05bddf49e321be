import { AppError, type ErrorCode } from '../../std/errors.ts'

const NOT_READ = 'The events of the range could not be read now; who operates Headgate finds why in its log.'

/** In place of words that name objects of the lake, which has those of all apps in it, or quote them. */
const WORDS: Partial<Record<ErrorCode, string>> = {
  input_missing: 'Objects of the range are not in the lake any more.',
  engine_failed: NOT_READ,
  engine_out_of_memory: NOT_READ,
  engine_unusable: NOT_READ,
  lake_failed: NOT_READ,
}

/** What went wrong, as it is told to who is for some apps alone. */
export function faultForSome(error: unknown): unknown {
  if (!(error instanceof AppError)) return error
  const words = WORDS[error.code]
  return words === undefined ? error : new AppError(error.code, words, { cause: error })
}
