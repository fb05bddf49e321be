import { AppError } from '../../std/errors.ts'
import { hashSeed } from '../../std/id.ts'

/**
 * What a body may hold is known before any of it is parsed, from one look at its bytes: parsing costs up to fifty times
 * as much, and most of all for what no client sends. What is true of one value refuses that value and not its neighbours.
 */

/** Names of one object. An event has 37 columns and 32 attributes; the widest entry of a timeline has some 40 names. */
export const MAX_OBJECT_NAMES = 1_024
/** The longest name, in bytes: at most 64 characters of an attribute's name are kept. */
export const MAX_NAME_BYTES = 1_024
/** The longest number as it is written. The longest that is printed for a double has 25 characters. */
export const MAX_NUMBER_BYTES = 64
/** Names in all: 500 events of 30 columns and 32 attributes have half of it. */
export const MAX_BODY_NAMES = 65_536
/**
 * The most names that differ, as far as a hash tells: all attributes of 500 events. As many take 20 ms, repeated ones
 * nothing.
 */
export const MAX_DISTINCT_NAMES = 16_384
/**
 * The deepest nesting that is parsed. An event has 32 levels at most; a parser takes 4 ms for 65,000 that are nothing
 * but brackets.
 */
export const MAX_LEVELS = 1_024
/** Values in all, whatever they are: for timelines and lists of numbers, of which as many take 20 ms. */
export const MAX_BODY_VALUES = 262_144

/** How far a refused value is searched for its neighbours: 16 times the largest event. */
export const MAX_SKIPPED_BYTES = 1_048_576

/** What a byte is to JSON outside of texts. Bytes of more than one are parts of characters, and those of literals. */
const LITERAL = 0
const BLANK = 1
const TEXT = 2
const OPEN = 3
const CLOSE = 4
const COMMA = 5
const COLON = 6

const kinds = new Uint8Array(256)
// RFC 7464 begins a record with a separator, and other senders pad with NUL: between values no control character matters.
const LAST_BLANK = 0x20
kinds.fill(BLANK, 0, LAST_BLANK + 1)
const punctuation = { '"': TEXT, '[': OPEN, '{': OPEN, ']': CLOSE, '}': CLOSE, ',': COMMA, ':': COLON }
for (const [character, kind] of Object.entries(punctuation)) kinds[character.charCodeAt(0)] = kind

export const LINE_END = 0x0a
export const DOUBLE_QUOTE = 0x22
export const BACKSLASH = 0x5c

/** Answer of a scan: the value has no end. */
export const UNCLOSED = -1

const TOO_WIDE = `An object has more than ${MAX_OBJECT_NAMES} names`
const TOO_DEEP = `JSON is nested deeper than ${MAX_LEVELS} levels`
const NAME_TOO_LONG = `A name has more than ${MAX_NAME_BYTES} bytes`
const NUMBER_TOO_LONG = `A number has more than ${MAX_NUMBER_BYTES} characters`

export interface Scan {
  /**
   * Where the value that begins at `from` ends, if it does before `end`; UNCLOSED otherwise. Brackets are only counted:
   * whether it is JSON is for the parser to say. Throws once the values of all calls, but those with a
   * fault, are too many for one body.
   * `isItem`: of an array, whose neighbours are told by brackets and commas. Its texts may hold line ends, for which it
   * is broken and they are not.
   */
  value(from: number, end: number, isItem?: boolean): number
  /** Why the value last scanned must not be parsed. */
  readonly fault: string | undefined
}

/** Levels at which names are counted for each object; those of deeper ones are counted together. */
export const LEVELS = 64

/** Any depth is scanned. How deep an event may be is the verdict's to say. */
export function createScan(bytes: Uint8Array): Scan {
  /** Names so far of the object that is open at each level. */
  const names = new Uint32Array(LEVELS)
  const isNew = distinct(bytes)
  let bodyNames = 0
  let distinctNames = 0
  let bodyValues = 0
  let fault: string | undefined

  /**
   * Counts the names of the object at `level` that end between `from` and `to`. What is not parsed costs nothing more.
   */
  function nameEnds(level: number, from: number, to: number): void {
    if (fault !== undefined) return
    if (++bodyNames > MAX_BODY_NAMES) throw tooMany(`${MAX_BODY_NAMES} names`)
    const ofObject = (names[level] as number) + 1
    names[level] = ofObject
    if (ofObject > MAX_OBJECT_NAMES) fault = TOO_WIDE
    else if (to - from > MAX_NAME_BYTES) fault = NAME_TOO_LONG
    else if (isNew(from, to) && ++distinctNames > MAX_DISTINCT_NAMES) {
      throw tooMany(`${MAX_DISTINCT_NAMES} different names`)
    }
  }

  function valueBegins(skippedBytes: number): void {
    if (fault === undefined || fault === TOO_DEEP) {
      if (++bodyValues > MAX_BODY_VALUES) throw tooMany(`${MAX_BODY_VALUES} values`)
    } else if (skippedBytes > MAX_SKIPPED_BYTES)
      throw tooMany(`${MAX_SKIPPED_BYTES} bytes of what is no event`)
  }

  function literalAt(at: number, end: number): number {
    const after = endOfLiteral(bytes, at, end)
    if (after - at > MAX_NUMBER_BYTES && isNumberAt(bytes, at)) fault ??= NUMBER_TOO_LONG
    return after
  }

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: with a call for each token it takes twice as long
  function value(from: number, end: number, isItem = false): number {
    fault = undefined
    let depth = 0
    let textFrom = from
    let textTo = from
    for (let at = afterBlanks(bytes, from, end); at < end; ) {
      const kind = kinds[bytes[at] as number] as number
      // At the outermost level they belong to what holds the value.
      if (depth === 0 && kind >= CLOSE) return at
      if (kind === TEXT) {
        textFrom = at
        at = textTo = endOfText(bytes, at + 1, end, isItem)
        if (at === UNCLOSED) return UNCLOSED
      } else if (kind === LITERAL) at = literalAt(at, end)
      else if (kind === BLANK) at = afterBlanks(bytes, at, end)
      else {
        at++
        if (kind === COMMA) valueBegins(at - from)
        else if (kind === CLOSE) depth--
        else if (kind === COLON) nameEnds(depth < LEVELS ? depth : LEVELS - 1, textFrom, textTo)
        else {
          valueBegins(at - from)
          if (++depth < LEVELS) names[depth] = 0
          else if (depth > MAX_LEVELS) fault ??= TOO_DEEP
        }
      }
      if (depth === 0) return at
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

const HASH_BITS = 18
/** Knuth's, of the golden ratio: multiplied by it, numbers that lie near one another have other first digits. */
const SPREAD = 0x9e3779b1

/** Tells whether a name is new, by a hash of it: of two that share one the second is not. */
function distinct(bytes: Uint8Array): (from: number, to: number) => boolean {
  let seen: Uint8Array | undefined
  const seed = hashSeed()
  return (from, to) => {
    seen ??= new Uint8Array(1 << HASH_BITS)
    let hash = seed
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] as number), SPREAD)
    const slot = hash >>> (32 - HASH_BITS)
    if (seen[slot] === 1) return false
    seen[slot] = 1
    return true
  }
}

const tooMany = (what: string) => new AppError('body_too_large', `The body holds more than ${what}`)

/** The place after the closing quote. A text of a line never holds a line end: where there is one, its quote was forgotten. */
function endOfText(bytes: Uint8Array, from: number, end: number, holdsLines: boolean): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]
    if (byte === DOUBLE_QUOTE) return at + 1
    if (byte === BACKSLASH) at++
    else if (byte === LINE_END && !holdsLines) return UNCLOSED
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

/** The place after the last byte that is not blank. */
export function endOfContent(bytes: Uint8Array): number {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] as number) <= LAST_BLANK) end--
  return end
}

/** The first place from `from` on that is not blank. */
export function afterBlanks(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && (bytes[at] as number) <= LAST_BLANK) at++
  return at
}
