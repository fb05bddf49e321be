import { isUtf8 } from 'node:buffer'
import { scan } from 'secure-json-parse'
import { AppError } from '../std/errors.ts'

/** Ours (design.md, Body). The deepest client we know, the Performance timeline inside web-vitals, needs 6. */
export const MAX_JSON_DEPTH = 32
/** Most objects and arrays in a body. 500 events with all their timeline entries have a third of it. */
export const MAX_JSON_CONTAINERS = 65_536

/** Most candidates in a body: four times what a request may bring. Below it each one is answered, above it none is. */
export const MAX_CANDIDATES = 2_000

/** The text of a body, without its byte order mark. */
export function decodeText(body: Buffer): string {
  if (!isUtf8(body)) throw new AppError('malformed_body', 'The body is not UTF-8')
  const text = body.toString('utf8')
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

/**
 * The one JSON parser for what clients send: bounded in depth and in number of containers, without keys that reach for a
 * prototype. Of a repeated key the last counts, which is safe because we store what we parsed, never what was sent.
 */
export function parseJson(text: string): unknown {
  // Counted first: V8 parses any depth without recursion, but spends seconds on a body of four million brackets.
  if (count(text, '[') + count(text, '{') > MAX_JSON_CONTAINERS) {
    throw new AppError('malformed_body', `JSON has more than ${MAX_JSON_CONTAINERS} objects and arrays`)
  }
  const value = parse(text)
  // The scan itself is left to the library; that it only runs when such a key is there saves half the time of a parse.
  if (reachesForPrototype(value, MAX_JSON_DEPTH)) {
    scan(value, { protoAction: 'remove', constructorAction: 'remove' })
  }
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // V8 quotes the body in its message: only the place is taken from it.
    const [place = ''] = / at position \d+/.exec(String(error)) ?? []
    throw new AppError('malformed_body', `Not valid JSON${place}`)
  }
}

export type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The items themselves, unless there are so many that judging them one by one would serve an attacker. */
export function fewEnough<T>(items: readonly T[]): readonly T[] {
  if (items.length > MAX_CANDIDATES) {
    throw new AppError('body_too_large', `The body holds more than ${MAX_CANDIDATES} events`)
  }
  return items
}

/** How often, but no further than one above the limit. */
function count(text: string, bracket: string): number {
  let found = 0
  for (let at = text.indexOf(bracket); at !== -1 && found <= MAX_JSON_CONTAINERS; found++) {
    at = text.indexOf(bracket, at + 1)
  }
  return found
}

/** Looks at each key once, and throws as soon as it is deeper inside than `room` levels. */
function reachesForPrototype(value: unknown, room: number): value is object {
  if (typeof value !== 'object' || value === null) return false
  if (room === 0) throw new AppError('malformed_body', `JSON is nested deeper than ${MAX_JSON_DEPTH} levels`)
  let found = false
  if (Array.isArray(value)) {
    for (const item of value) found = reachesForPrototype(item, room - 1) || found
    return found
  }
  const members = value as Readonly<Record<string, unknown>>
  for (const key in members) {
    if (key === '__proto__' || key === 'constructor') found = true
    found = reachesForPrototype(members[key], room - 1) || found
  }
  return found
}
