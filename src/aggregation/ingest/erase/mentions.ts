import { hash } from 'node:crypto'
import { parseDeadKey, parseQuarantineKey } from '../../../lake/layout.ts'
import type { ResumableWork } from '../../../std/async/yielding.ts'
import { jsonIn } from '../../../std/json.ts'
import {
  ERASED_BY,
  type ErasedBy,
  type ErasureTarget,
  erasedDigest,
  IDENTITY_CHARS,
} from './erasure-target.ts'

/** What is known of a line that goes. */
export interface MentionedLine {
  /** The same for each delivery of an event, in an object of rows too. */
  readonly identity: string
  /** When it came to a gateway; undefined where the line does not say it. */
  readonly receivedMs?: number
}

/** What the place of a line says of it, whatever the line says itself. */
export interface LinePlace {
  /** Nobody has looked at it: it may say any time of arrival. */
  readonly isUnjudged: boolean
  /** The folder is that of one app, and of no other whatever it names. */
  readonly isOfOneApp: boolean
}

export function linePlace(key: string): LinePlace {
  const quarantined = parseQuarantineKey(key)
  const { source } = quarantined ?? parseDeadKey(key) ?? { source: '' }
  return { isUnjudged: quarantined !== undefined, isOfOneApp: /^(?:ingest-)?direct-/.test(source) }
}

/** A JSON string, whatever is around it. One that was cut off goes to the end: to look for more in it is work without end. */
const QUOTED = /("[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$))(\s*:)?/gs
/** What may be an id in a line that is no JSON, whose quotes may be anywhere. */
const WORD = /[^\s"'`,:;=&?(){}[\]<>\\]+/g
const NUMBERED = {
  session: /"session_id"\s*:\s*(-?\d[\d.eE+-]*)/g,
  user: /"user_id"\s*:\s*(-?\d[\d.eE+-]*)/g,
  'page-view': /"page_view_id"\s*:\s*(-?\d[\d.eE+-]*)/g,
} as const satisfies Readonly<Record<ErasedBy, RegExp>>
const NAMED_APP = /"app_id"\s*:\s*"([^"\\]*)"/g
/** A letter has the beginning of a line as text, and that may have one of a client: JSON in JSON in JSON. */
const MOST_NESTED = 3

/**
 * Whether a line is one of those that go: of an event what its columns say, and of anything else, such as a letter that tells
 * of a line which nobody could read, whether the id is in it as a text of its own, or as a number that is called so. A line
 * may be of who wants to hold up the event loop: it takes breaths between its texts.
 */
export function* mentionIn(
  line: Buffer,
  target: ErasureTarget,
  place: LinePlace,
): ResumableWork<MentionedLine | undefined> {
  const text = line.toString()
  const { app, by, salt, digest, fromMs = 0, toMs = Number.POSITIVE_INFINITY } = target
  const said = Object(jsonIn(text))
  const { app_id, event_time, received_time, [ERASED_BY[by]]: id } = said
  // What tells no time may be of this one.
  if (event_time < fromMs || event_time >= toMs) return undefined
  // Nobody but a gateway, or who took in what came past it, tells when an event came, and whose it is.
  const isEvent = !place.isUnjudged && typeof received_time === 'number' && typeof app_id === 'string'
  if (!isEvent) return (yield* isNamedIn(text, target, place)) ? { identity: digestOf([text]) } : undefined
  const isOfWhom = ['string', 'number'].includes(typeof id) && erasedDigest(salt, String(id)) === digest
  return app_id === app && isOfWhom ? { identity: identityOf(said), receivedMs: received_time } : undefined
}

/** What DuckDB makes of a row of it. */
function identityOf({
  app_id,
  received_time,
  event_id,
  name,
  value,
}: Readonly<Record<string, unknown>>): string {
  const micros = Math.floor(Number(value) * 1e6 + 0.5)
  // What no gateway stores may be in a line all the same.
  return digestOf([app_id, received_time, event_id, name, Number.isFinite(micros) ? BigInt(micros) : value])
}

const digestOf = (parts: readonly unknown[]): string =>
  hash('sha256', parts.join('\n')).slice(0, IDENTITY_CHARS)

function* isNamedIn(text: string, target: ErasureTarget, { isOfOneApp }: LinePlace): ResumableWork<boolean> {
  let texts = sentTexts(text)
  for (let depth = 0; depth < MOST_NESTED && texts.length > 0; depth += 1) {
    if (!isOfOneApp && (yield* areOfAnotherApp(texts, target))) return false
    const quoted = yield* gathered(texts, valuesIn)
    const others = yield* gathered(texts, (each) => namesIn(each, target))
    if ((yield* isAmong(quoted, target)) || (yield* isAmong(others, target))) return true
    texts = quoted.filter((each) => each.includes('"'))
  }
  return false
}

function* gathered(
  texts: readonly string[],
  of: (text: string) => Iterable<string>,
): ResumableWork<readonly string[]> {
  const found = new Set<string>()
  for (const text of texts) {
    for (const each of of(text)) {
      found.add(each)
      yield
    }
  }
  return [...found]
}

function* isAmong(names: readonly string[], { salt, digest }: ErasureTarget): ResumableWork<boolean> {
  for (const name of names) {
    if (erasedDigest(salt, name) === digest) return true
    yield
  }
  return false
}

/** What of a line somebody may have sent: in a letter of ours, its reason and the object that it tells of are our own words. */
function sentTexts(text: string): readonly string[] {
  const { reason, object, detail, ...sent } = Object(jsonIn(text))
  if (typeof reason !== 'string') return [text]
  return [JSON.stringify(sent), String(detail)]
}

/** All texts that are quoted, but for the names of fields. */
function* valuesIn(text: string): Generator<string> {
  for (const [, quoted = '', colon] of text.matchAll(QUOTED)) yield colon ? '' : unquoted(quoted)
}

/** What may be an id though it is not quoted: numbers, as they stand there and as they are, and words. */
function* namesIn(text: string, { by }: ErasureTarget): Generator<string> {
  for (const [, number = ''] of text.matchAll(NUMBERED[by])) {
    yield number
    yield String(Number(number))
  }
  // A word is an id only in what was to be JSON: in our own words, and in a sentence of somebody, it is none.
  if (!/^\s*[[{]/.test(text) || jsonIn(text) !== undefined) return
  for (const [word] of text.matchAll(WORD)) yield word
}

/** Whose it is a letter says only in what it quotes. */
function* areOfAnotherApp(texts: readonly string[], { app }: ErasureTarget): ResumableWork<boolean> {
  for (const text of texts) {
    const named = yield* gathered([text], appsIn)
    if (named.length > 0 && !named.includes(app)) return true
  }
  return false
}

function* appsIn(text: string): Generator<string> {
  for (const [, name = ''] of text.matchAll(NAMED_APP)) yield name
}

/** As it stands where it is no JSON, also with an end. */
function unquoted(quoted: string): string {
  const text = jsonIn(quoted) ?? jsonIn(`${quoted}"`)
  return typeof text === 'string' ? text : quoted.slice(1).replace(/"$/, '')
}
