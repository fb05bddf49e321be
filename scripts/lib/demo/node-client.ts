import { randomUUID } from 'node:crypto'
import type { DiaryEntry } from './visit.ts'

/** Where there is no browser: the same beacons, with made-up values, as a browser's sendBeacon would post them. */
export async function actShop(shop: {
  readonly beaconUrl: string
  readonly origin: string
  readonly paths: readonly string[]
  readonly uniform: () => number
  /** How long ago a visit was, in their order. */
  readonly ageOf: (visit: number) => number
}): Promise<readonly DiaryEntry[]> {
  const sent: DiaryEntry[] = []
  for (const [visit, path] of shop.paths.entries()) {
    const event_time = Math.round(Date.now() - shop.ageOf(visit))
    for (const name of ['TTFB', 'FCP', 'LCP', 'CLS', 'INP'] as const) {
      const entry = { name, value: madeUp(name, shop.uniform), id: `v6-${randomUUID()}`, path }
      const { value, id } = entry
      const response = await fetch(shop.beaconUrl, {
        method: 'POST',
        headers: { 'content-type': 'text/plain;charset=UTF-8', origin: shop.origin, 'user-agent': DESKTOP },
        body: JSON.stringify({
          name,
          value,
          id,
          navigationType: 'navigate',
          event_time,
          page_location: shop.origin + path,
        }),
      })
      if (response.ok) sent.push(entry)
    }
  }
  return sent
}

const DESKTOP =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'
/** Typical medians in ms, but for CLS, which is a score. */
const TYPICAL = { TTFB: 80, FCP: 300, LCP: 700, INP: 60 } as const

function madeUp(name: DiaryEntry['name'], uniform: () => number): number {
  if (name === 'CLS') return uniform() < 0.5 ? 0 : uniform() * 0.2
  return TYPICAL[name] * Math.exp(1.2 * (uniform() + uniform() - 1))
}
