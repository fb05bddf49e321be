import { isUtf8 } from 'node:buffer'
import { type ResumableWork, runToEnd } from '../../std/async/yielding.ts'
import { AppError } from '../../std/errors.ts'
import { whereNotJson } from '../../std/input/json-fault.ts'
import { jsonOr } from '../../std/json.ts'
import { UnparsedItem } from '../schema/unparsed-item.ts'
import { eventsIn, fewEnough, isEnvelope } from './envelope.ts'
import { afterBlanks, endOfContent } from './scan.ts'
import {
  BROKEN,
  type CandidateSpan,
  type EnvelopeSpans,
  envelopeAt,
  isArrayAt,
  itemsAt,
  linesAt,
  MAX_EVENTS_PER_BODY,
  sequenceAt,
  skipMark,
} from './spans.ts'

/**
 * Bodies that are parsed without a look at what they hold: whatever it is takes some 5 ms, at 40 ns a byte for the
 * worst (an object of distinct names; lists of numbers take 16).
 */
export const UNSCANNED_BYTES = 131_072
/** Bodies of one event, or of some. Of as many bytes a parser takes 0.3 ms at worst. */
const SHORT_BYTES = 4_096
/** Nothing that is an event holds it outside of its texts; of nothing else a parser takes 8 ms for as many bytes. */
const BRACKETS = '[[[[[[[['

export interface Candidates {
  /** Would-be measurements, in the order of the body; each is judged on its own. */
  readonly candidates: readonly unknown[]
  /** What holds them, if it is an object: an envelope, or the only event. */
  readonly root: unknown
}

/**
 * What a body says: one event, an array, an envelope `{ context?, events }`, or several of these one behind the other, as
 * NDJSON or in any other way. An item that cannot be read is an UnparsedItem; throws `malformed_body` if none can.
 */
export function* candidatesIn(body: Buffer): ResumableWork<Candidates> {
  const bytes = contentOf(body)
  const isHarmless = bytes.length <= UNSCANNED_BYTES
  return yield* heldBy((isHarmless ? quickly(bytes) : undefined) ?? (yield* carefully(bytes)))
}

/**
 * The same of a short body, in one go, as whatever it holds takes a fraction of a millisecond. Undefined if it holds more
 * than one value, or cannot be parsed.
 */
export function candidatesInShort(body: Buffer): Candidates | undefined {
  if (body.length > SHORT_BYTES) return undefined
  const values = quickly(contentOf(body))
  if (values?.length !== 1) return undefined
  const [root] = values
  if (isEnvelope(root)) return runToEnd(heldBy(values))
  return { candidates: Array.isArray(root) ? fewEnough(root) : [root], root }
}

function contentOf(body: Buffer): Buffer {
  const start = startOf(body)
  if (start === body.length) throw new AppError('malformed_body', 'The body is empty')
  const end = endOfContent(body)
  return start === 0 && end === body.length ? body : body.subarray(start, end)
}

function* heldBy(values: readonly unknown[]): ResumableWork<Candidates> {
  if (values.length > 1) return { candidates: yield* oneByOne(values), root: undefined }
  const [root] = values
  const only = isEnvelope(root) ? yield* eventsIn(root) : Array.isArray(root) ? root : [root]
  if (only instanceof UnparsedItem) throw new AppError('malformed_body', only.detail)
  return { candidates: fewEnough(only), root }
}

/** Where the text begins after blanks and byte order marks. */
export const startOf = (body: Buffer): number => afterBlanks(body, skipMark(body, 0), body.length)

/** In one go, as nearly all bodies can be. Undefined if there is anything to be careful about. */
function quickly(bytes: Buffer): readonly unknown[] | undefined {
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString('utf8')
  if (text.includes(BRACKETS)) return undefined
  const values = areLines(text) ? linesOf(text).map(parsed) : [parsed(text)]
  return values.includes(BROKEN) ? undefined : values
}

/** A line end between two brackets, which no value has inside. Looked for at the first: it costs little to be wrong. */
function areLines(text: string): boolean {
  const lineEnd = text.indexOf('\n')
  if (lineEnd === -1) return false
  const before = text[lineEnd - 1] === '\r' ? lineEnd - 2 : lineEnd - 1
  return text[before] === '}' && text[lineEnd + 1] === '{'
}

const linesOf = (text: string): readonly string[] =>
  text.split('\n').filter((line) => line !== '' && line.trim() !== '')

/**
 * Value by value: those which must not or cannot be parsed are refused by themselves, and others have a turn between two.
 */
function* carefully(bytes: Buffer): ResumableWork<readonly unknown[]> {
  const end = bytes.length
  const envelope = yield* envelopeAt(bytes, 0, end)
  if (envelope !== undefined) return [yield* fromEnvelope(bytes, envelope)]
  const array = isArrayAt(bytes, 0) ? yield* itemsAt(bytes, 0, end) : undefined
  if (array?.to === end) return [someOf(yield* read(bytes, array.items), bytes)]
  if (isArrayAt(bytes, 0) && array === undefined) throw malformed(bytes)
  const sequence = yield* sequenceAt(bytes, 0, end)
  const values = sequence === undefined ? [BROKEN] : yield* read(bytes, sequence)
  if (!values.includes(BROKEN)) return values
  return someOf(bytes.includes('\n') ? yield* read(bytes, yield* linesAt(bytes, 0, end)) : values, bytes)
}

function* fromEnvelope(bytes: Buffer, { events, rest }: EnvelopeSpans): ResumableWork<unknown> {
  const root = parsed(rest.toString('utf8'))
  if (root === BROKEN || !isUtf8(rest)) throw malformed(bytes)
  return { ...(root as object), events: someOf(yield* read(bytes, events), bytes) }
}

/** The values, unless all of them are broken: then the error of the body as a whole says more. */
function someOf(values: readonly unknown[], bytes: Buffer): readonly unknown[] {
  if (values.length > 0 && values.every((value) => value === BROKEN)) throw malformed(bytes)
  return values
}

function* read(bytes: Buffer, spans: readonly CandidateSpan[]): ResumableWork<readonly unknown[]> {
  const values: unknown[] = []
  for (const span of spans) {
    values.push(valueAt(bytes, span))
    yield
  }
  return values
}

function valueAt(bytes: Buffer, { from, to, unparsed }: CandidateSpan): unknown {
  if (unparsed !== undefined) return unparsed
  const part = bytes.subarray(from, to)
  return isUtf8(part) ? parsed(part.toString('utf8')) : BROKEN
}

/** The last of repeated keys counts. That is safe because we store what we parsed, never what was sent. */
const parsed = (text: string): unknown => jsonOr(text, broken)
const broken = () => BROKEN

/** What the values hold, one behind the other. */
function* oneByOne(values: readonly unknown[]): ResumableWork<readonly unknown[]> {
  const candidates: unknown[] = []
  for (const value of values) {
    const room = MAX_EVENTS_PER_BODY - candidates.length
    const events = isEnvelope(value) ? yield* eventsIn(value, room) : value
    if (!Array.isArray(events)) candidates.push(events)
    else for (const event of events) candidates.push(event)
    fewEnough(candidates)
  }
  return candidates
}

/** Bodies that a person may have written. In those of a program nobody looks for the place, and it takes a second parse. */
const PLACED_BYTES = 32_768

function malformed(bytes: Buffer): AppError {
  if (!isUtf8(bytes)) return new AppError('malformed_body', 'The body is not UTF-8')
  if (bytes.length > PLACED_BYTES) return new AppError('malformed_body', 'Not valid JSON')
  return new AppError('malformed_body', `Not valid JSON${whereNotJson(bytes.toString('utf8'))}`)
}
