import type { Event } from '../../../../src/event/schema/event.ts'
import { eventLine, sharedEnd } from '../../../../src/event/schema/ndjson.ts'
import type { Lake } from '../../../../src/lake/lake.ts'
import { rawKey } from '../../../../src/lake/layout.ts'

/** One window of a busy day, the same events for ever. */
export const WINDOW_FROM_MS = Date.UTC(2026, 10, 22, 12)
export const WINDOW_MS = 900_000

/** Where the gateway's lake writer closes a file. */
const FILE_BYTES = 32 * 1_024 * 1_024
/** One in so many events is delivered twice; one in so many belongs to the window before. */
const DUPLICATE_EVERY = 200
const LATE_EVERY = 33

export interface MadeLake {
  /** Lines written, duplicates among them. */
  readonly rows: number
  readonly duplicates: number
  readonly outside: number
  readonly bytes: number
}

/** Fills `raw/gateway` with NDJSON as the gateway writes it. Traffic is skewed: few apps and routes have most of it. */
export async function makeLake(lake: Lake, rows: number): Promise<MadeLake> {
  const made = { rows: 0, duplicates: 0, outside: 0, bytes: 0 }
  let lines: string[] = []
  let [held, files] = [0, 0]
  for (const line of linesOf(rows, made)) {
    lines.push(line)
    held += line.length
    if (held < FILE_BYTES && made.rows < rows) continue
    const name = `bench-${String(files).padStart(6, '0')}`
    const key = rawKey({ source: 'gateway', arrivalMs: WINDOW_FROM_MS, name, extension: 'ndjson' })
    await lake.put(key, Buffer.from(lines.join('')))
    made.bytes += held
    files += 1
    lines = []
    held = 0
  }
  return made
}

function* linesOf(rows: number, made: { rows: number; duplicates: number; outside: number }) {
  const chance = chanceFrom(20_261_122)
  for (let i = 0; made.rows < rows; i++) {
    const late = i % LATE_EVERY === 1
    const one = event(i, late ? WINDOW_FROM_MS - WINDOW_MS : WINDOW_FROM_MS, chance)
    const line = eventLine(one, one, sharedEnd(one))
    if (late) made.outside += 1
    made.rows += 1
    yield line
    if (i % DUPLICATE_EVERY > 0 || made.rows === rows) continue
    made.duplicates += 1
    made.rows += 1
    yield line
  }
}

/** One of a window; of the same number always the same. */
export const anEvent = (number: number, fromMs: number): Event =>
  event(number, fromMs, chanceFrom(number * 10))

function event(i: number, fromMs: number, chance: () => number): Event {
  const timeMs = fromMs + Math.floor(chance() * WINDOW_MS)
  const name = pick(METRICS, chance())
  const route = Math.floor(chance() ** 3 * 200)
  return {
    event_id: `e-${i}-${Math.floor(chance() * 2 ** 40).toString(36)}`,
    measurement_id: `m-${i}`,
    event_time: timeMs,
    received_time: timeMs + 800,
    app_id: `app-${Math.floor(chance() ** 2 * 50)}`,
    name,
    value: name.endsWith('cls') ? clsOf(chance) : Math.round(Math.exp(5 + 1.2 * normal(chance)) * 10) / 10,
    unit: name.endsWith('cls') ? '1' : 'ms',
    weight: 1,
    page_url: `https://shop.example.com/products/${i % 5_000}`,
    page_path: `/products/${i % 5_000}`,
    page_route: `/route-${route}/:id`,
    page_view_id: `p-${Math.floor(i / 5)}`,
    navigation_type: 'navigate',
    session_id: `s-${Math.floor(i / 20)}`,
    device_type: pick(DEVICES, chance()),
    user_agent_name: pick(BROWSERS, chance()),
    user_agent_version: '156',
    os_name: 'Android',
    country: pick(COUNTRIES, chance() ** 2),
    sdk_name: 'web-vitals',
  }
}

const METRICS = ['lcp', 'inp', 'cls', 'fcp', 'ttfb'].map((vital) => `browser.web_vital.${vital}`)
const DEVICES = ['mobile', 'desktop', 'tablet']
const BROWSERS = ['Chrome', 'Safari', 'Edge', 'Firefox', 'Samsung Internet', 'Opera']
const COUNTRIES = Array.from({ length: 30 }, (_, i) => String.fromCharCode(65 + (i % 26), 65 + (i >> 1)))

const pick = (from: readonly string[], uniform: number): string =>
  from[Math.floor(uniform * from.length)] ?? ''

/** A third of the pages do not shift at all. */
const clsOf = (chance: () => number): number => (chance() < 0.35 ? 0 : Math.round(chance() ** 3 * 1e4) / 1e4)

/** By Box and Muller. */
const normal = (chance: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance())

/** Mulberry32: small, fast, and the same on every machine. */
function chanceFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
