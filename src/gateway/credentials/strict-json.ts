import { isUtf8 } from 'node:buffer'
import { parse } from 'secure-json-parse'
import { AppError } from '../../std/errors.ts'
import { isSyntaxError, unlessThrown } from '../../std/expected-errors.ts'
import { hasKeyTwice } from '../../std/json.ts'

/** A request for credentials has three levels. */
const MAX_DEPTH = 8

/**
 * JSON that means the same to every reader: no key twice, of which somebody else would take the other, and none that
 * reaches for a prototype.
 */
export function parseStrictJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw new AppError('malformed_body', 'The body is not UTF-8.')
  const text = body.toString('utf8')
  const value = unlessThrown(() => parse(text, REFUSING), isSyntaxError)
  // Why is not said: the message quotes the body.
  if (value === undefined) throw new AppError('malformed_body', 'The body is not JSON.')
  checkDepth(value, MAX_DEPTH)
  if (hasKeyTwice(text, value)) throw new AppError('malformed_body', 'The body has a key twice.')
  return value
}

const REFUSING = { protoAction: 'error', constructorAction: 'error' } as const

function checkDepth(value: unknown, room: number): void {
  if (typeof value !== 'object' || value === null) return
  if (room === 0) throw new AppError('malformed_body', `The body is nested deeper than ${MAX_DEPTH} levels.`)
  for (const member of Object.values(value)) checkDepth(member, room - 1)
}
