import { isUtf8 } from 'node:buffer'
import { parse } from 'secure-json-parse'
import { AppError } from '../../std/errors.ts'
import { isSyntaxError, unlessThrown } from '../../std/expected-errors.ts'

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
  if (keysIn(value, MAX_DEPTH) !== colonsIn(text))
    throw new AppError('malformed_body', 'The body has a key twice.')
  return value
}

const REFUSING = { protoAction: 'error', constructorAction: 'error' } as const

/** Outside of strings there is one for each key that was written. Only for what has been parsed. */
function colonsIn(json: string): number {
  let colons = 0
  let isInText = false
  for (let at = 0; at < json.length; at++) {
    const character = json[at]
    if (character === '\\') at++
    else if (character === '"') isInText = !isInText
    else if (character === ':' && !isInText) colons++
  }
  return colons
}

function keysIn(value: unknown, room: number): number {
  if (typeof value !== 'object' || value === null) return 0
  if (room === 0) throw new AppError('malformed_body', `The body is nested deeper than ${MAX_DEPTH} levels.`)
  const members = Object.values(value)
  const own = Array.isArray(value) ? 0 : members.length
  return members.reduce((sum: number, member) => sum + keysIn(member, room - 1), own)
}
