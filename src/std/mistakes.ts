import { AppError } from './errors.ts'

/** What systems, TLS and parsers of HTTP call what they met. Others that Node calls ERR_… are misuses of it. */
const OUTSIDE = /^(?!ERR_)[A-Z][A-Z0-9_]+$|^ERR_(?:TLS|SSL|STREAM_PREMATURE_CLOSE)/
/** Of SDKs and of deadlines, which have a name and no code. */
const OUTSIDE_NAMES = /(?:ProviderError|TimeoutError|AbortError)$/
/** What was sent or stored is no JSON. */
const isSyntax = (error: unknown): boolean => error instanceof SyntaxError

const isOutside = (error: Error): boolean =>
  OUTSIDE.test(String(Object(error).code)) ||
  OUTSIDE_NAMES.test(error.name) ||
  '$metadata' in error ||
  isSyntax(error)

/**
 * Whether something is wrong with us, so that only its stack tells where. What a disk, a network or a service answered, and
 * what we refuse ourselves, is told whole by its message: an operator can mend it, and has no use for our lines.
 */
export function isMistake(error: unknown): boolean {
  if (!(error instanceof Error)) return true
  if (error instanceof AppError)
    return error.cause === undefined ? error.code === 'internal' && isPlain(error) : isMistake(error.cause)
  return !isOutside(error)
}

/** With details it is one of those that say what they found. */
const isPlain = ({ details }: AppError): boolean => Object.keys(details).length === 0
