import { LEDGER_NAME } from '../../../../src/event/schema/ledger-event.ts'
import { rowOf } from '../../bench/workload/row.ts'

/** Which event of which cycle: all that the oracle keeps of one. */
export interface Numbered {
  readonly cycle: number
  readonly n: number
}

/** Both in one number: a cycle has far fewer events than this. */
const CYCLE_SPAN = 2 ** 26
export const keyOf = ({ cycle, n }: Numbered): number => cycle * CYCLE_SPAN + n
export const numberedOf = (key: number): Numbered => ({
  cycle: Math.floor(key / CYCLE_SPAN),
  n: key % CYCLE_SPAN,
})

const ID = /^t-(\d{1,9})-(\d{1,8})$/
const idOf = ({ cycle, n }: Numbered): string => `t-${cycle}-${n}`

const NAMES = ['browser.web_vital.lcp', 'browser.web_vital.cls', 'page.duration', 'http.client', 'a']
const UNITS = ['ms', '1', 'By']
/**
 * What a careless writer would spoil: escapes, line ends of JavaScript, characters of more bytes than one. No control
 * characters, which are never stored.
 */
const TEXTS = [
  'pro',
  'a "quoted" \\ word',
  'line\\nbreak\\ttab',
  'Grüße 🙂',
  '\u2028\u2029',
  '{"event_id":"t-0-0"}\\n',
]
const LONG_TEXT = 'x'.repeat(250)
/** One event in so many is long: 8 KiB. */
const LONG_EVERY = 512

/**
 * The event as a client sends it. A function of its number alone, so that what was delivered can be held against it
 * without keeping any of it. Nothing in it is changed by scrubbing.
 */
export function measurementOf(numbered: Numbered): Readonly<Record<string, unknown>> {
  const hash = mix(numbered)
  const pick = <T>(from: readonly T[], bits: number): T | undefined => from[(hash >>> bits) % from.length]
  return {
    event_id: idOf(numbered),
    name: pick(NAMES, 3),
    value: hash / 64,
    unit: pick(UNITS, 5),
    session_id: `session-${hash >>> 12}`,
    page_url: `https://shop.example.com/products/${'k'.repeat(hash % 97)}`,
    ...(hash % 3 > 0 && { attributes: { text: pick(TEXTS, 7), more: 'y'.repeat((hash >>> 9) % 251) } }),
    ...(hash % LONG_EVERY === 0 && {
      attributes: Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`part-${i}`, LONG_TEXT])),
    }),
  }
}

/** Murmur3's finalizer: neighbours get hashes that have nothing in common. */
function mix({ cycle, n }: Numbered): number {
  let h = (Math.imul(cycle + 1, 0x9e3779b1) ^ n) >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** What the gateway adds to what the client sent. */
const ADDED = new Set([
  ...['v', 'event_time', 'received_time', 'app_id', 'weight', 'page_path'],
  ...['device_type', 'user_agent_name', 'user_agent_version', 'os_name'],
])

export type LineFinding =
  | { readonly kind: 'event'; readonly key: number }
  /** What the gateway tells of itself. */
  | { readonly kind: 'ledger' }
  /** Not what any client sent. */
  | { readonly kind: 'wrong'; readonly why: string }

/** Holds a stored line against the event that it must be. */
export function examine(line: string): LineFinding {
  const row = rowOf(line)
  if (row === undefined) return { kind: 'wrong', why: `no JSON object: ${line.slice(0, 200)}` }
  if (row['name'] === LEDGER_NAME) return { kind: 'ledger' }
  const [, cycle, n] = ID.exec(String(row['event_id'])) ?? []
  if (cycle === undefined || n === undefined)
    return { kind: 'wrong', why: `never issued: ${line.slice(0, 200)}` }
  const numbered = { cycle: Number(cycle), n: Number(n) }
  const sent = measurementOf(numbered)
  for (const [field, value] of Object.entries(sent)) {
    if (!isSame(row[field], value))
      return { kind: 'wrong', why: `${idOf(numbered)}: ${field} is not as sent` }
  }
  for (const field of Object.keys(row)) {
    if (!(field in sent) && !ADDED.has(field))
      return { kind: 'wrong', why: `${idOf(numbered)}: ${field} was not sent` }
  }
  return { kind: 'event', key: keyOf(numbered) }
}

/** Values that JSON holds; the order of names says nothing. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [left, right] = [Object.entries(a), new Map<string, unknown>(Object.entries(b))]
  return left.length === right.size && left.every(([name, value]) => isSame(value, right.get(name)))
}
