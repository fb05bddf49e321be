import { hash } from 'node:crypto'

/** What a text says as JSON; undefined where it is none. */
export const jsonIn = (text: string): unknown => jsonOr(text, () => undefined)

/** What a text says as JSON; where it is none, what `otherwise` makes of the fault, which may quote the text. */
export function jsonOr<T>(text: string, otherwise: (fault: SyntaxError) => T): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return otherwise(error)
    throw error
  }
}

/** Why a text is no JSON; undefined where it is. */
export function jsonFault(text: string): SyntaxError | undefined {
  let found: SyntaxError | undefined
  jsonOr(text, (fault) => {
    found = fault
  })
  return found
}

/** Whether a text that was read as `value` has a key twice: one reader takes the first of them, and another the last. */
export const hasKeyTwice = (json: string, value: unknown): boolean => colonsIn(json) !== keysIn(value)

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

/** At any depth. */
function keysIn(value: unknown): number {
  let keys = 0
  const left = [value]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (typeof next !== 'object' || next === null) continue
    const members: unknown[] = Object.values(next)
    if (!Array.isArray(next)) keys += members.length
    for (const member of members) left.push(member)
  }
  return keys
}

/** A value as JSON of printable ASCII alone, as headers take it. */
export const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** SHA-256 in hex of what JSON makes of a value: the order of its members counts. */
export const digestOfJson = (value: unknown): string => hash('sha256', JSON.stringify(value))
