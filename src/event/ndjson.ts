import { Compile } from 'typebox/compile'
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
export const sharedEnd: (shared: Shared) => string = compile(
  ['shared'],
  "''",
  columns.filter(({ name }) => isShared(name)),
  "'}\\n'",
)

function compile<F>(parameters: string[], start: string, written: readonly Column[], end: string): F {
  const body = `return (${parameters}) => {
    let line = ${start}
    ${written.map(statement).join('\n    ')}
    return line + ${end}
  }`
  return new Function('quote', 'quoteMap', body)(quote, quoteMap)
}

function statement({ name, type }: Column): string {
  const value = `${sourceOf(name)}.${name}`
  const written = type === 'text' ? `quote(${value})` : type === 'json' ? `quoteMap(${value})` : value
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

let scratch = Buffer.allocUnsafeSlow(PIECE_CHARS * MOST_BYTES_A_CHAR)

/** The lines as UTF-8, in memory of their own. */
export function linesToBytes(lines: readonly string[]): Buffer {
  let text = ''
  let at = 0
  for (const line of lines) {
    text += line
    if (text.length < PIECE_CHARS) continue
    at = write(text, at)
    text = ''
  }
  if (at === 0) return Buffer.from(text)
  // Before the scratch is looked at: writing may put a larger one in its place.
  const end = write(text, at)
  return Buffer.from(scratch.subarray(0, end))
}

/** Writes into the scratch, which grows to the largest request, and answers where the text ends. */
function write(text: string, at: number): number {
  const most = at + text.length * MOST_BYTES_A_CHAR
  if (most > scratch.length) {
    const larger = Buffer.allocUnsafeSlow(2 * most)
    larger.set(scratch.subarray(0, at))
    scratch = larger
  }
  return at + scratch.write(text, at)
}

/** No control character, quote, backslash or surrogate: text that is its own JSON. */
const PLAIN = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/

/** A surrogate without its other half becomes U+FFFD: some readers refuse a whole file for one `\ud800`. */
function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text.replace(/\p{Surrogate}/gu, '\ufffd'))
}

function quoteMap(map: Readonly<Record<string, string>>): string {
  const members = Object.entries(map).map(([name, value]) => `${quote(name)}:${quote(value)}`)
  return `{${members.join()}}`
}

const check = Compile(Event)

/** The event of a stored line; undefined if it is not a valid event of this version. */
export function parseEventLine(line: string): Event | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return undefined
  }
  if (!check.Check(parsed) || !('v' in parsed) || parsed.v !== EVENT_VERSION) return undefined
  const event: Event = parsed
  const known = columns.flatMap(({ name }) => (event[name] === undefined ? [] : [[name, event[name]]]))
  return Object.fromEntries(known)
}
