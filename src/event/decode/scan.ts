import { AppError } from '../../std/errors.ts'

/**
 * What a body may hold is known before any of it is parsed, from one look at its bytes: parsing costs up to fifty times
 * as much, and most of all for what no client sends. What is true of one value refuses that value and not its neighbours.
 */

/** Names of one object. An event has 37 columns and 32 attributes; the widest entry of a timeline has some 40 names. */
export const MAX_OBJECT_NAMES = 1_024
/** Of one name, in bytes: 64 characters are the most that are kept of an attribute's. */
export const MAX_NAME_BYTES = 1_024
/** Of a number as it is written. The longest that is printed of a double has 25. */
export const MAX_NUMBER_BYTES = 64
/** Names in all: 500 events of 30 columns and 32 attributes have half of it. As many distinct ones take 20 to 40 ms. */
export const MAX_BODY_NAMES = 65_536
/** Values in all, whatever they are: for timelines and lists of numbers, of which as many take 20 ms. */
export const MAX_BODY_VALUES = 262_144

/** Of one value that is refused, looked through to find its neighbours: 16 times what an event may have. */
export const MAX_SKIPPED_BYTES = 1_048_576

/** What a byte is to JSON outside of texts. Bytes of more than one are parts of characters, and those of literals. */
const LITERAL = 0
const BLANK = 1
const QUOTE = 2
const OPEN = 3
const CLOSE = 4
const COMMA = 5
const COLON = 6

const kinds = new Uint8Array(256)
// RFC 7464 begins a record with a separator, and other senders pad with NUL: between values no control character matters.
kinds.fill(BLANK, 0, 0x21)
const punctuation = { '"': QUOTE, '[': OPEN, '{': OPEN, ']': CLOSE, '}': CLOSE, ',': COMMA, ':': COLON }
for (const [character, kind] of Object.entries(punctuation)) kinds[character.charCodeAt(0)] = kind

const LINE_END = 0x0a
const DOUBLE_QUOTE = 0x22
const BACKSLASH = 0x5c

/** Answer of a scan: the value has no end. */
export const UNCLOSED = -1

const TOO_WIDE = `An object has more than ${MAX_OBJECT_NAMES} names`
const NAME_TOO_LONG = `A name has more than ${MAX_NAME_BYTES} bytes`
const NUMBER_TOO_LONG = `A number has more than ${MAX_NUMBER_BYTES} characters`

export interface Scan {
  /**
   * Where the value that begins at `from` ends, if it does before `end`; UNCLOSED otherwise. Brackets are only counted:
   * whether it is JSON is for the parser to say. Throws once the values of all calls, but those with a
   * fault, are too many for one body.
   */
  value(from: number, end: number): number
  /** Why the value last scanned must not be parsed. */
  readonly fault: string | undefined
}

/** Levels at which names are counted for each object; those of deeper ones are counted together. */
const LEVELS = 64

/** Any depth is scanned, and parsed: no parser of V8 is recursive. How deep an event may be is the verdict's to say. */
export function createScan(bytes: Uint8Array): Scan {
  /** Names so far of the object that is open at each level. */
  const names = new Uint32Array(LEVELS)
  let bodyNames = 0
  let bodyValues = 0
  let fault: string | undefined
  let begin = 0
  let depth = 0
  let textBytes = 0

  function nameEnds(): void {
    // What is not parsed costs nothing more.
    if (fault !== undefined) return
    if (++bodyNames > MAX_BODY_NAMES) throw tooMany(`${MAX_BODY_NAMES} names`)
    const level = depth < LEVELS ? depth : LEVELS - 1
    const ofObject = (names[level] as number) + 1
    names[level] = ofObject
    if (ofObject > MAX_OBJECT_NAMES) fault = TOO_WIDE
    else if (textBytes > MAX_NAME_BYTES) fault = NAME_TOO_LONG
  }

  function valueBegins(at: number): void {
    if (fault === undefined) {
      if (++bodyValues > MAX_BODY_VALUES) throw tooMany(`${MAX_BODY_VALUES} values`)
    } else if (at - begin > MAX_SKIPPED_BYTES) throw tooMany(`${MAX_SKIPPED_BYTES} bytes of what is no event`)
  }

  function textAt(at: number, end: number): number {
    const close = endOfText(bytes, at + 1, end)
    textBytes = close - at
    return close
  }

  function literalAt(at: number, end: number): number {
    const after = endOfLiteral(bytes, at, end)
    if (after - at > MAX_NUMBER_BYTES && isNumberAt(bytes, at)) fault ??= NUMBER_TOO_LONG
    return after
  }

  /** Where what stands at `at` ends. */
  function tokenAt(kind: number, at: number, end: number): number {
    if (kind === QUOTE) return textAt(at, end)
    if (kind === LITERAL) return literalAt(at, end)
    if (kind === OPEN) {
      valueBegins(at)
      if (++depth < LEVELS) names[depth] = 0
    } else if (kind === CLOSE) depth--
    else if (kind === COMMA) valueBegins(at)
    else if (kind === COLON) nameEnds()
    return at + 1
  }

  function value(from: number, end: number): number {
    fault = undefined
    begin = from
    depth = 0
    for (let at = from; at < end; ) {
      const kind = kinds[bytes[at] as number] as number
      // At the outermost level they belong to what holds the value.
      if (depth === 0 && kind >= CLOSE) return at
      at = tokenAt(kind, at, end)
      if (at === UNCLOSED || (depth === 0 && kind !== BLANK)) return at
    }
    return UNCLOSED
  }

  return {
    value,
    get fault() {
      return fault
    },
  }
}

const tooMany = (what: string) => new AppError('body_too_large', `The body holds more than ${what}`)

/** Behind the closing quote. A text never holds a line end: where there is one, its quote was forgotten. */
function endOfText(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]
    if (byte === DOUBLE_QUOTE) return at + 1
    if (byte === BACKSLASH) at++
    else if (byte === LINE_END) return UNCLOSED
  }
  return UNCLOSED
}

function endOfLiteral(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && kinds[bytes[at] as number] === LITERAL) at++
  return at
}

/** Any other literal ends a parse with its first characters. */
const isNumberAt = (bytes: Uint8Array, at: number): boolean =>
  /[\d-]/.test(String.fromCharCode(bytes[at] as number))

/** Behind the last byte that is not blank. */
export function endOfContent(bytes: Uint8Array): number {
  let end = bytes.length
  while (end > 0 && kinds[bytes[end - 1] as number] === BLANK) end--
  return end
}

/** The first place from `from` on that is not blank. */
export function afterBlanks(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && kinds[bytes[at] as number] === BLANK) at++
  return at
}
