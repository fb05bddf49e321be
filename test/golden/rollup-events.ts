import { seededEntropy } from '../fakes/entropy.ts'
import { NOON, type StoredEvent } from '../fakes/events.ts'

const QUARTER_MS = 900_000

/** Everything that engines disagree on, or that breaks text, in one window; the same rows for ever. */
export function goldenEvents(): readonly StoredEvent[] {
  const chance = seededEntropy(20_261_122)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(chance.uniform() * from.length)] as T
  const events: StoredEvent[] = []
  for (const value of [...BORDERS, ...REFUSED]) events.push(row(events.length, { value }))
  for (let index = 0; index < 3_000; index += 1) {
    events.push(
      row(events.length, {
        app_id: pick(['shop', 'shop', 'lab', 'é-app']),
        name: pick(NAMES),
        value: steady(Math.exp(20 * chance.uniform() - 6)),
        unit: pick(UNITS),
        weight: pick(WEIGHTS),
        event_time: NOON - 60_000 + Math.floor(chance.uniform() * (QUARTER_MS + 120_000)),
        received_time: NOON + Math.floor(chance.uniform() * QUARTER_MS),
        measurement_id: pick([null, undefined, '', `m-${Math.floor(chance.uniform() * 200)}`]),
        page_route: pick(TEXTS),
        page_path: pick([null, undefined, '', '/products/7', "/it's"]),
        country: pick([null, '', 'IN', 'GB', 'US']),
        device_type: pick([undefined, 'mobile', 'desktop', 'mobile', 'desktop', 'bot', 'Bot']),
        navigation_type: pick([null, 'navigate', 'soft-navigation', 'soft_navigation']),
        user_agent_name: pick(TEXTS),
        os_name: pick([null, 'Android', 'iOS']),
        app_version: pick(TEXTS),
        http_response_status_code: pick([null, undefined, 0, 200, 404]),
        attributes: pick([null, undefined, {}, { target: '#a' }, { target: '' }, { target: '\ufeff#a' }, { target: '🙂', 'a-B.1': 'x', 'a-b.1': 'y' }]),
      }),
    )
  }
  for (const text of TIED) events.push(row(events.length, { app_id: 'ties', name: `n${text}`, page_route: text }))
  // Delivered again: later, unchanged, and with other contents.
  for (let index = 0; index < events.length; index += 17) {
    const again = events[index] ?? {}
    events.push({ ...again, received_time: (again.received_time ?? 0) + 5_000 }, { ...again })
    events.push({ ...again, value: 7, country: 'ZZ', page_route: '~other' })
  }
  return events
}

const row = (index: number, change: StoredEvent): StoredEvent => ({
  event_id: `e-${index}`,
  event_time: NOON + (index % QUARTER_MS),
  received_time: NOON + 500,
  app_id: 'shop',
  name: 'border',
  unit: 'ms',
  weight: 1,
  ...change,
})

/** Without the last digits, in which versions of the runtime may differ. */
const steady = (value: number) => Number(value.toPrecision(12))

const NAMES = ['browser.web_vital.ttfb', 'browser.web_vital.lcp', 'browser.web_vital.cls', 'a', 'B', 'x:y/z-1.2']
/** More than are kept apart, and rows that say none. */
const UNITS = ['ms', 'ms', 'ms', '1', 'By', null, '', '{view}', 's', 'S', '~other', '~unknown', 'ß', '\u0000', '🙂']
/** As many as are counted alike, and what is none: those count as 1. */
const WEIGHTS = [
  ...[1, 1, 1, 0.0001, 0.5, 1 / 3, 10, 1_000_000],
  ...[Number.NaN, Infinity, -Infinity, 0, -1, 1_000_001],
]
/** One row each, so that all tie at a limit; no two collations put them into one order. */
const TIED = ['a', '\ufeffa', 'A', 'b', 'B', 'z', 'Z', 'ä', 'Ä', 'é', 'e\u0301', '_', '-', 'ß', 'ss', '0', '10', '2']
const TEXTS: readonly (string | null | undefined)[] = [
  null,
  undefined,
  '',
  '/products/:id',
  "Robert'); DROP TABLE kept;--",
  '"quoted"',
  'line\nbreak\r\n\ttab',
  '🙂',
  '\uffee after the surrogates, before them in UTF-16',
  ' | ',
  '~unknown',
  '\\',
  '%_*?[a]',
  '\u0000',
  'a\u0000b',
  '\u0001\u001f\u007f\u0085\u2028',
  '\ufeff/products/:id',
  '\ufeff~other',
]

/** Powers of two and of the bucket base with their neighbours, halves of micro-units, the ends of what is counted. */
const BORDERS: readonly number[] = [
  ...Array.from({ length: 50 }, (_, index) => 2 ** (index - 20)).flatMap(neighbours),
  ...Array.from({ length: 64 }, (_, index) => steady(2 ** (index / 32))).flatMap(neighbours),
  ...[0, -0, 1e-7, 9.999999e-7, 1e-6, 1.0000001e-6, 5e-324, 0.0000005, 0.0000015, 1.0000005, 999_999_999.9999995],
  ...[1e9, 1e9 - 1e-7, 123.4567895, 0.1 + 0.2],
]

/** Each refused for a reason of its own. */
const REFUSED: readonly (number | null)[] = [
  ...[Number.NaN, null, -1, -1e-300, -Infinity, Infinity, 1e12 + 2 ** -12, 1_000_000_000_001, Number.MAX_VALUE],
]

function neighbours(value: number): number[] {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const middle = bits.getBigInt64(0)
  return [-1n, 0n, 1n].map((step) => {
    bits.setBigInt64(0, middle + step)
    return bits.getFloat64(0)
  })
}
