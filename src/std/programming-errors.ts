import { AppError } from './errors.ts'

/** What systems, TLS and parsers of HTTP call what they met. */
const OUTSIDE = /^[A-Z][A-Z0-9_]+$/
/** Other ERR_… of Node and FST_… of Fastify are misuses of them; so is to ask a system for what makes no sense. */
const MISUSE = /^(?:ERR_(?!TLS|SSL|STREAM_PREMATURE_CLOSE)|FST_|EBADF$|EINVAL$)/
/** Errors of SDKs and of deadlines have a name and no code. */
const OUTSIDE_NAMES = /(?:ProviderError|TimeoutError|AbortError)$/

const isOutside = (error: Error): boolean =>
  isOutsideCode(String(Object(error).code)) || OUTSIDE_NAMES.test(error.name) || '$metadata' in error

const isOutsideCode = (code: string): boolean => OUTSIDE.test(code) && !MISUSE.test(code)

/**
 * Whether something is wrong with us, so that only its stack tells where. What a disk, a network or a service answered, and
 * what we refuse ourselves, is told whole by its message: an operator can mend it, and has no use for our lines.
 */
export function isProgrammerError(error: unknown): boolean {
  if (!(error instanceof Error)) return true
  if (!(error instanceof AppError)) return !isOutside(error)
  const { cause, code } = error
  if (cause === undefined) return code === 'internal' && isPlain(error)
  // What was sent or stored is no JSON, as whoever caught it knows. Anywhere else the text that was read is ours.
  return !(cause instanceof SyntaxError) && isProgrammerError(cause)
}

/** With details it is one of those that say what they found. */
const isPlain = ({ details }: AppError): boolean => Object.keys(details).length === 0
