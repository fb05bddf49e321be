import { gzipSync } from 'node:zlib'
import { LEDGER_NAME } from '../../../../src/event/schema/ledger-event.ts'
import { rowOf } from './row.ts'

export type Encoding = 'plain' | 'gzip'

const FIRST_ID = 7_451_286_725_201

/** A web-vitals measurement as a page sends it: the same fields for every size, so that sizes can be compared. */
const event = (i: number) => ({
  name: 'browser.web_vital.lcp',
  value: 1234.5 + i,
  unit: 'ms',
  event_id: `v6-1795384242843-${FIRST_ID + i}:1`,
  measurement_id: `v6-1795384242843-${FIRST_ID + i}`,
  page_url: 'https://shop.example.com/products/kettle',
  page_route: '/products/:id',
  navigation_type: 'navigate',
  session_id: '6f9619ff-8b86-4011-b42d-00cf4fc964ff',
})

/** More than arrive within a millisecond, of which ids that come again are told apart. */
const DIFFERENT_POSTS = 64

/** Bodies of different events, as no two pages send the same. */
export const bodiesOf = (eventsPerPost: number, encoding: Encoding): readonly Buffer[] =>
  Array.from({ length: DIFFERENT_POSTS }, (_, post) => bodyOf(eventsPerPost, encoding, post * eventsPerPost))

/** One event is a bare object, more are an array. */
export function bodyOf(eventsPerPost: number, encoding: Encoding, first = 0): Buffer {
  const events = Array.from({ length: eventsPerPost }, (_, i) => event(first + i))
  const json = Buffer.from(JSON.stringify(eventsPerPost === 1 ? events[0] : events))
  return encoding === 'gzip' ? gzipSync(json) : json
}

/** Whether a stored line has everything of the event that was posted, or is what the gateway tells of itself. */
export function isAsPosted(line: string): boolean {
  const row = rowOf(line)
  if (row?.['name'] === LEDGER_NAME) return true
  const [, id] = /-(\d+):1$/.exec(String(row?.['event_id'])) ?? []
  const posted = Object.entries(event(Number(id) - FIRST_ID))
  return posted.every(([name, value]) => row?.[name] === value)
}

const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'

export const headersOf = (encoding: Encoding): Readonly<Record<string, string>> => ({
  'content-type': 'application/json',
  'user-agent': USER_AGENT,
  ...(encoding === 'gzip' && { 'content-encoding': 'gzip' }),
})
