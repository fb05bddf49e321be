import { Compile } from 'typebox/compile'
import { jsonIn } from '../../std/json.ts'
import { memoizeLast } from '../../std/memoize-last.ts'
import {
  type Column,
  type ColumnName,
  columns,
  EVENT_VERSION,
  Event,
  isShared,
  isStamped,
  type Measurement,
  type Shared,
  type Stamp,
} from './event.ts'
import { storedTooLarge } from './growth.ts'
import { PLAIN, UNSTORABLE } from './text.ts'

/** Texts that are of one event each. Of the others the next event mostly has the same. */
const OWN: readonly ColumnName[] = ['event_id', 'measurement_id', 'exception_message', 'exception_stacktrace']
const isAlike = ({ name, type }: Column): boolean => type === 'text' && !OWN.includes(name)
const memberOf = (name: ColumnName) => (text: string) => `,"${name}":${quote(text)}`

/**
 * The stored form of an event: one line of JSON, its newline included, behind the version `v`. Each column has one source:
 * what the client measured, what the gateway stamped on it, or what all events of its request share, which is rendered
 * once and ends each line. Only columns are written and only from validated fields: no byte of a client's own JSON ever
 * reaches a reader. Compiled once from the column list, as every event passes here.
 */
export const eventLine: (measurement: Measurement, stamp: Stamp, shared: string) => string = compile(
  ['measurement', 'stamp', 'shared'],
  `'{"v":${EVENT_VERSION}'`,
  columns.filter(({ name }) => !isShared(name)),
  'shared',
)

/** The end of the lines of one request. */
export const sharedEnd = (shared: Shared): string => endAt(shared.received_time, othersEnd(shared))

/**
 * The same, of events that arrived at different times: what they share beside that is rendered once. The last is
 * remembered, as under load a dozen requests of a sender arrive in a millisecond.
 */
export const endAt: (receivedMs: number, others: string) => string = memoizedEnds()

function memoizedEnds() {
  let last = { receivedMs: Number.NaN, others: '', end: '' }
  return (receivedMs: number, others: string): string => {
    if (last.receivedMs !== receivedMs || last.others !== others) {
      last = { receivedMs, others, end: `,"received_time":${receivedMs}${others}` }
    }
    return last.end
  }
}

/** What stands behind the time of arrival, which is the first of what is shared. */
export const othersEnd: (shared: Readonly<Partial<Record<keyof Shared, unknown>>>) => string = compile(
  ['shared'],
  "''",
  columns.filter(({ name }) => isShared(name) && name !== 'received_time'),
  "'}\\n'",
)

function compile<F>(parameters: string[], start: string, written: readonly Column[], end: string): F {
  const body = `return (${parameters}) => {
    let line = ${start}
    ${written.map(statement).join('\n    ')}
    return line + ${end}
  }`
  const alike = Object.fromEntries(
    written.filter(isAlike).map(({ name }) => [name, memoizeLast(memberOf(name))]),
  )
  return new Function('quote', 'quoteStack', 'quoteMap', 'alike', body)(quote, quoteStack, quoteMap, alike)
}

function statement(column: Column): string {
  const { name, type } = column
  const value = `${sourceOf(name)}.${name}`
  if (isAlike(column)) return `if (${value} !== undefined) line += alike.${name}(${value})`
  const quoting = name === 'exception_stacktrace' ? 'quoteStack' : type === 'text' ? 'quote' : 'quoteMap'
  const written = type === 'text' || type === 'json' ? `${quoting}(${value})` : value
  return `if (${value} !== undefined) line += ',"${name}":' + ${written}`
}

function sourceOf(name: ColumnName): string {
  if (isShared(name)) return 'shared'
  return isStamped(name) ? 'stamp' : 'measurement'
}

/** Text is made bytes in pieces: one of more than 128 KiB costs V8 memory for large objects, which is slow to come and go. */
const PIECE_CHARS = 16_384
/** In UTF-8, of a UTF-16 unit. */
const MOST_BYTES_A_CHAR = 3
/** Size of the buffer that is reused for as long as the process lives. Most requests need less. */
const SCRATCH_BYTES = 262_144

const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

/** The lines as UTF-8, in memory of their own. Throws `stored_too_large` as soon as they have more than `maxBytes`. */
export function linesToBytes(lines: readonly string[], maxBytes = Number.POSITIVE_INFINITY): Buffer {
  const [only = ''] = lines
  if (lines.length === 1 && only.length * MOST_BYTES_A_CHAR <= Math.min(maxBytes, PIECE_CHARS)) {
    return Buffer.from(only)
  }
  const full: Buffer[] = []
  let fullBytes = 0
  let text = ''
  let at = 0
  const keep = (piece: Buffer) => {
    full.push(piece)
    fullBytes += piece.length
    if (fullBytes > maxBytes) throw storedTooLarge(maxBytes)
  }
  const write = () => {
    const most = text.length * MOST_BYTES_A_CHAR
    if (at + most > SCRATCH_BYTES) {
      keep(Buffer.from(scratch.subarray(0, at)))
      at = 0
    }
    if (most > SCRATCH_BYTES) keep(Buffer.from(text))
    else at += scratch.write(text, at)
    text = ''
  }
  for (const line of lines) {
    text += line
    if (text.length >= PIECE_CHARS) write()
  }
  if (at > 0) write()
  keep(at > 0 ? Buffer.from(scratch.subarray(0, at)) : Buffer.from(text))
  return full.length === 1 ? (full[0] as Buffer) : Buffer.concat(full, fullBytes)
}

/** The same of several lines, but for their ends. */
const PLAIN_LINES = /^[\n !#-[\]-~\u00a0-\ud7ff\ue000-\ufefe\uff00-\uffff]*$/
/** The characters of UNSTORABLE that texts of several lines may not have either. */
const UNSTORABLE_IN_LINES = /[^\P{Cc}\n\t]|[\p{Surrogate}\ufeff]/gu

function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text.replace(UNSTORABLE, '\ufffd'))
}

/** Text of several lines as it is stored. */
export const storableLines = (text: string): string =>
  text.replace(/\r\n/g, '\n').replace(UNSTORABLE_IN_LINES, '\ufffd')

function quoteStack(text: string): string {
  return PLAIN_LINES.test(text) ? `"${text.replace(/\n/g, '\\n')}"` : JSON.stringify(storableLines(text))
}

function quoteMap(map: Readonly<Record<string, string>>): string {
  let members = ''
  for (const name in map) {
    if (!PLAIN.test(name)) return quoteOddMap(map)
    members += `${members === '' ? '' : ','}"${name}":${quote(map[name] as string)}`
  }
  return `{${members}}`
}

/** Names that become one have one value, the last. */
function quoteOddMap(map: Readonly<Record<string, string>>): string {
  const members = new Map(Object.entries(map).map(([name, value]) => [quote(name), quote(value)]))
  return `{${[...members].map((member) => member.join(':')).join()}}`
}

const check = Compile(Event)

/** The event of a stored line; undefined if it is not a valid event of this version. */
export function parseEventLine(line: string): Event | undefined {
  const parsed = jsonIn(line)
  if (!check.Check(parsed) || !('v' in parsed) || parsed.v !== EVENT_VERSION) return undefined
  const event: Event = parsed
  const known = columns.flatMap(({ name }) => (event[name] === undefined ? [] : [[name, event[name]]]))
  return Object.fromEntries(known)
}
