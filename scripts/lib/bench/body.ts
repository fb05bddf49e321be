import { gzipSync } from 'node:zlib'

export type Encoding = 'plain' | 'gzip'

/** A web-vitals measurement as a page sends it: the same fields for every size, so that sizes can be compared. */
const event = (i: number) => ({
  name: 'browser.web_vital.lcp',
  value: 1234.5 + i,
  unit: 'ms',
  event_id: `v6-1795384242843-${7451286725201 + i}:1`,
  measurement_id: `v6-1795384242843-${7451286725201 + i}`,
  page_url: 'https://shop.example.com/products/kettle',
  page_route: '/products/:id',
  navigation_type: 'navigate',
  session_id: '6f9619ff-8b86-4011-b42d-00cf4fc964ff',
})

/** One event is a bare object, more are an array. */
export function bodyOf(eventsPerPost: number, encoding: Encoding): Buffer {
  const events = Array.from({ length: eventsPerPost }, (_, i) => event(i))
  const json = Buffer.from(JSON.stringify(eventsPerPost === 1 ? events[0] : events))
  return encoding === 'gzip' ? gzipSync(json) : json
}

const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'

export const headersOf = (encoding: Encoding): Readonly<Record<string, string>> => ({
  'content-type': 'application/json',
  'user-agent': USER_AGENT,
  ...(encoding === 'gzip' && { 'content-encoding': 'gzip' }),
})
