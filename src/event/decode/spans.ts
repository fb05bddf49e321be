import type { ResumableWork } from '../../std/async/yielding.ts'
import { AppError } from '../../std/errors.ts'
import { UnparsedItem } from '../schema/unparsed-item.ts'
import {
  afterBlanks,
  BACKSLASH,
  createScan,
  DOUBLE_QUOTE,
  LINE_END,
  MAX_OBJECT_NAMES,
  type Scan,
  UNCLOSED,
} from './scan.ts'

/** What a request or a record may bring. Ours. Those beyond are counted, and nobody looks at what they say. */
export const MAX_EVENTS_PER_BODY = 500
/** Most candidates in a body: four times as many. Below it each one is answered, above it none is. */
export const MAX_CANDIDATES = 2_000

/** A line or an item of a body, not parsed yet. */
export interface CandidateSpan {
  readonly from: number
  readonly to: number
  /** What it stands for, if it must not be parsed. */
  readonly unparsed: UnparsedItem | undefined
}

const COMMA = 0x2c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const EVENTS = Buffer.from('"events"')
/** The same with each letter as `\u0065`. */
const MAX_EVENTS_NAME_BYTES = 38

export const BROKEN = new UnparsedItem('malformed_line', 'The line cannot be read as JSON')

export const isArrayAt = (bytes: Buffer, at: number): boolean => bytes[at] === OPEN_ARRAY
const isObjectAt = (bytes: Buffer, at: number): boolean => bytes[at] === OPEN_OBJECT

/** The items of the array that begins at `from`, and where it ends; undefined if it does not. */
export function* itemsAt(
  bytes: Buffer,
  from: number,
  end: number,
  scan: Scan = createScan(bytes),
): ResumableWork<{ readonly items: readonly CandidateSpan[]; readonly to: number } | undefined> {
  const items: CandidateSpan[] = []
  let at = afterBlanks(bytes, from + 1, end)
  if (bytes[at] === CLOSE_ARRAY && at < end) return { items, to: at + 1 }
  while (at < end) {
    const to = scan.value(at, end, true)
    if (to === UNCLOSED) return undefined
    add(items, spanOf(at, to, scan))
    at = afterBlanks(bytes, to, end)
    if (at >= end) return undefined
    if (bytes[at] === CLOSE_ARRAY) return { items, to: at + 1 }
    if (bytes[at] !== COMMA) return undefined
    at = afterBlanks(bytes, at + 1, end)
    yield
  }
  return undefined
}

/** An envelope, taken apart: its events, and the rest, in which arrays of that name are empty. */
export interface EnvelopeSpans {
  readonly events: readonly CandidateSpan[]
  readonly rest: Buffer
}

/**
 * The envelope that `from` to `end` is, if it is one whose rest may be parsed. Of several `events` the last counts, as it
 * does to a parser: if that is no array, this is no envelope.
 */
export function* envelopeAt(
  bytes: Buffer,
  from: number,
  end: number,
): ResumableWork<EnvelopeSpans | undefined> {
  if (!isObjectAt(bytes, from) || !bytes.includes(EVENTS)) return undefined
  const scan = createScan(bytes)
  const lists: Member[] = []
  let at = from
  for (let names = 0; names < MAX_OBJECT_NAMES; names++) {
    const member = yield* memberAt(bytes, afterBlanks(bytes, at + 1, end), end, scan)
    if (member === undefined) return undefined
    if (member.isEvents) lists.push(member)
    at = afterBlanks(bytes, member.to, end)
    if (bytes[at] === CLOSE_OBJECT)
      return at + 1 === end ? apart(bytes.subarray(0, end), from, lists) : undefined
    if (bytes[at] !== COMMA) return undefined
  }
  return undefined
}

/** `lists`: all that are named `events`. */
function apart(bytes: Buffer, from: number, lists: readonly Member[]): EnvelopeSpans | undefined {
  const events = lists.at(-1)?.items
  if (events === undefined) return undefined
  const rest: Buffer[] = []
  let restFrom = from
  for (const list of lists) {
    if (list.items === undefined) continue
    rest.push(bytes.subarray(restFrom, list.from + 1))
    restFrom = list.to - 1
  }
  return { events, rest: Buffer.concat([...rest, bytes.subarray(restFrom)]) }
}

interface Member {
  /** Where its value begins. */
  readonly from: number
  readonly to: number
  readonly isEvents: boolean
  /** The items of `events`, where that is an array. */
  readonly items?: readonly CandidateSpan[]
}

/** The member whose name begins at `from`. Undefined if it must not be parsed. */
function* memberAt(bytes: Buffer, from: number, end: number, scan: Scan): ResumableWork<Member | undefined> {
  const nameEnd = scan.value(from, end)
  if (bytes[from] !== DOUBLE_QUOTE || nameEnd === UNCLOSED) return undefined
  const value = afterBlanks(bytes, afterBlanks(bytes, nameEnd, end) + 1, end)
  const isEvents = isEventsName(bytes.subarray(from, nameEnd))
  if (isEvents && isArrayAt(bytes, value)) {
    const array = yield* itemsAt(bytes, value, end, scan)
    return array && { from: value, isEvents, ...array }
  }
  const to = scan.value(value, end)
  return to === UNCLOSED || scan.fault !== undefined ? undefined : { from: value, to, isEvents }
}

/** However it is written: to a parser an escaped letter is the letter. */
function isEventsName(name: Buffer): boolean {
  if (name.equals(EVENTS)) return true
  if (name.length > MAX_EVENTS_NAME_BYTES || !name.includes(BACKSLASH)) return false
  const plain = name
    .toString('latin1')
    .replace(/\\u00([0-7][\da-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return plain === EVENTS.toString('latin1')
}

/**
 * The values that follow one another from `from` to `end`, however they are parted: lines, several in a line, or each on
 * lines of its own. Undefined unless all are whole objects or arrays.
 */
export function* sequenceAt(
  bytes: Buffer,
  from: number,
  end: number,
  scan: Scan = createScan(bytes),
): ResumableWork<readonly CandidateSpan[] | undefined> {
  const spans: CandidateSpan[] = []
  for (let at = afterBlanks(bytes, from, end); at < end; ) {
    if (!isArrayAt(bytes, at) && !isObjectAt(bytes, at)) return undefined
    const to = scan.value(at, end)
    if (to === UNCLOSED) return undefined
    add(spans, spanOf(at, to, scan))
    at = afterBlanks(bytes, skipMark(bytes, to), end)
    yield
  }
  return spans
}

/** Line by line: what is wrong with one is nothing to the next. A line may hold several values. */
export function* linesAt(bytes: Buffer, from: number, end: number): ResumableWork<readonly CandidateSpan[]> {
  const scan = createScan(bytes)
  const spans: CandidateSpan[] = []
  for (let at = skipMark(bytes, afterBlanks(bytes, from, end)); at < end; ) {
    const newline = bytes.indexOf(LINE_END, at)
    const lineEnd = newline === -1 || newline > end ? end : newline
    const values = (yield* sequenceAt(bytes, at, lineEnd, scan)) ?? [aloneAt(bytes, at, lineEnd, scan)]
    for (const value of values) add(spans, value)
    at = skipMark(bytes, afterBlanks(bytes, lineEnd, end))
  }
  return spans
}

/** A line that is a number or a text is no event, which is for the verdict to say; any other is broken. */
function aloneAt(bytes: Buffer, from: number, end: number, scan: Scan): CandidateSpan {
  const to = scan.value(from, end)
  const isAlone = to !== UNCLOSED && afterBlanks(bytes, to, end) === end
  return isAlone ? spanOf(from, to, scan) : { from, to: end, unparsed: BROKEN }
}

function spanOf(from: number, to: number, { fault }: Scan): CandidateSpan {
  return {
    from,
    to,
    unparsed: fault === undefined ? undefined : new UnparsedItem('event_too_complex', fault),
  }
}

/** Where the text begins after its byte order marks: files that were put one behind the other have several. */
export function skipMark(bytes: Buffer, at: number): number {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf ? at + 3 : at
}

function add(spans: CandidateSpan[], span: CandidateSpan): void {
  if (spans.push(span) > MAX_CANDIDATES) {
    throw new AppError('body_too_large', `The body holds more than ${MAX_CANDIDATES} events`)
  }
}
