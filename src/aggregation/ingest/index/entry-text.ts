import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { ResumableWork } from '../../../std/async/yielding.ts'
import { jsonIn } from '../../../std/json.ts'
import { type MinuteRows, NO_MINUTES } from './minute-rows.ts'

export const ENTRY_VERSION = 1

/**
 * What is known of one Parquet object, stored as `index/dt=…/hr=…/<name>.json`. Written once; changed only when it or its
 * object is found damaged.
 */
export interface IndexEntry {
  readonly version: typeof ENTRY_VERSION
  /** The object. There is none when `rows` is 0: no input held an event. */
  readonly key: string
  readonly rows: number
  readonly bytes: number
  /** Marks of the inputs, by which an object tells what is in it; absent where that is not known. */
  readonly madeFrom?: string | undefined
  /** As JSON: start of each minute of event time (epoch ms, as text) → rows in it. */
  readonly minutes: MinuteRows
  readonly malformed: number
  /** First and last received_time; null where no row has one. */
  readonly arrivalMinMs: number | null
  readonly arrivalMaxMs: number | null
  /** When the entry was made; absent in those of the first versions. */
  readonly indexedMs?: number
  /** When the last of what the object was made from came to lie in the lake; absent where that is not known. */
  readonly storedMs?: number
}

/** As it is stored: names of raw objects may be many and long, and are for people. The marks say the same. */
export interface StoredEntry extends IndexEntry {
  /** The raw objects that went into it, which are removed after the entry is there. */
  readonly inputs: readonly string[]
}

/** What is kept in memory. */
export function withoutInputs<Entry extends { readonly inputs: unknown }>(
  entry: Entry,
): Omit<Entry, 'inputs'> {
  const { inputs: _, ...kept } = entry
  return kept
}

/** Minutes that are written at a time, and characters that are read: both take less than a millisecond. Ours. */
const PAGE_MINUTES = 2_048
const PAGE_CHARS = 32_768
/** As we write it. No text of JSON holds this but as a name: within a string a quote has a backslash before it. */
const MINUTES = '"minutes":{'

/** The JSON of an entry, in steps: with minutes by the hundred thousand all at once would keep everybody waiting. */
export function* entryText(entry: StoredEntry): ResumableWork<string> {
  const text = JSON.stringify({ ...entry, minutes: {} })
  const at = text.indexOf(MINUTES) + MINUTES.length
  const { startsMs, rows } = entry.minutes
  let written = text.slice(0, at)
  for (let from = 0; from < startsMs.length; from += PAGE_MINUTES) {
    const page = startsMs.subarray(from, from + PAGE_MINUTES)
    written += from === 0 ? '' : ','
    written += Array.from(page, (startMs, index) => `"${startMs}":${rows[from + index]}`).join(',')
    yield
  }
  return written + text.slice(at)
}

/** The entry that a text is, in steps; undefined for any other text, such as one that was cut off by a copy. */
export function* entryIn(text: string): ResumableWork<IndexEntry | undefined> {
  if (text.length <= PAGE_CHARS) return shortEntryIn(text)
  const from = text.indexOf(MINUTES) + MINUTES.length
  const to = text.indexOf('}', from)
  if (from < MINUTES.length || to < from) return undefined
  const stored = jsonIn(text.slice(0, from) + text.slice(to))
  if (!entries.Check(stored)) return undefined
  const minutes = from === to ? NO_MINUTES : yield* minutesIn(text, from, to)
  return minutes && { ...withoutInputs(stored), minutes }
}

/** Whoever wrote it, a person with an editor too: JSON knows spaces, and no order of names. */
function shortEntryIn(text: string): IndexEntry | undefined {
  const stored = jsonIn(text)
  if (!entries.Check(stored) || !pages.Check(stored.minutes)) return undefined
  const { minutes: counts } = stored
  const minutes = inTimeOrder(Object.keys(counts).map(Number), Object.values(counts))
  return minutes && { ...withoutInputs(stored), minutes }
}

/** Pairs of minute and rows, between two places of the text. */
function* minutesIn(text: string, from: number, to: number): ResumableWork<MinuteRows | undefined> {
  const startsMs: number[] = []
  const rows: number[] = []
  for (let at = from; at <= to; ) {
    const comma = text.indexOf(',', at + PAGE_CHARS)
    const end = comma < 0 || comma > to ? to : comma
    const page = jsonIn(`{${text.slice(at, end)}}`)
    if (!pages.Check(page)) return undefined
    for (const name in page) {
      startsMs.push(Number(name))
      rows.push(page[name] as number)
    }
    at = end + 1
    yield
  }
  return inTimeOrder(startsMs, rows)
}

/** Undefined when one of them is no instant. */
function inTimeOrder(startsMs: readonly number[], rows: readonly number[]): MinuteRows | undefined {
  if (isAscending(startsMs)) return { startsMs: new Float64Array(startsMs), rows: new Float64Array(rows) }
  const order = [...startsMs.keys()].sort((a, b) => Number(startsMs[a]) - Number(startsMs[b]))
  const sorted = Float64Array.from(order, (at) => Number(startsMs[at]))
  if (!isAscending(sorted)) return undefined
  return { startsMs: sorted, rows: Float64Array.from(order, (at) => Number(rows[at])) }
}

function isAscending(ms: ArrayLike<number>): boolean {
  let last = -1
  for (let at = 0; at < ms.length; at += 1) {
    const next = Number(ms[at])
    if (!(next > last)) return false
    last = next
  }
  return true
}

const pages = Compile(Type.Record(Type.String(), Type.Integer()))
const ms = Type.Union([Type.Number(), Type.Null()])
/** The minutes are read apart from the rest. */
const entries = Compile(
  Type.Object({
    version: Type.Literal(ENTRY_VERSION),
    key: Type.String(),
    rows: Type.Integer(),
    bytes: Type.Integer(),
    inputs: Type.Array(Type.String()),
    madeFrom: Type.Optional(Type.String()),
    minutes: Type.Object({}),
    malformed: Type.Integer(),
    arrivalMinMs: ms,
    arrivalMaxMs: ms,
  }),
)
