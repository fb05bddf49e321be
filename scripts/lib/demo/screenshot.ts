import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunningHeadgate, startHeadgate } from './headgate.ts'
import { findChromium, launchChromium } from './visit.ts'

/** A day of made-up visitors, and the README's picture of it: `node scripts/lib/demo/screenshot.ts`. */
const TARGET = 'docs/images/dashboard.png'
const DAY_MS = 86_400_000
const VISITS = 4_000

const browsers = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36',
]
const countries = ['DE', 'FR', 'GB', 'US', 'JP', 'BR']
const routes = ['/', '/products', '/products/:id', '/cart', '/checkout', '/search', '/account', '/orders/:id']

/** In 0…1, the same each time: the picture should change when the dashboard does, not with every run. */
let seed = 7
function uniform(): number {
  seed = (seed * 16_807) % 2_147_483_647
  return seed / 2_147_483_647
}
const around = (typical: number): number =>
  typical * Math.exp(0.9 * (uniform() + uniform() + uniform() - 1.5))

async function visit(headgate: RunningHeadgate, nowMs: number): Promise<void> {
  const [route, country, browser] = [uniform(), uniform(), uniform()].map((u) => u ** 1.6)
  const routeIndex = Math.floor((route ?? 0) * routes.length)
  const countryIndex = Math.floor((country ?? 0) * countries.length)
  const age = uniform() * DAY_MS
  const busy = 1 + 0.35 * Math.sin(((nowMs - age) / DAY_MS) * 2 * Math.PI)
  const slow = busy * (1 + 0.12 * routeIndex) * (1 + 0.15 * countryIndex)
  const measured = { TTFB: 240 * slow, FCP: 900 * slow, LCP: 1_500 * slow, INP: 90 * slow, CLS: 0.05 }
  const page_route = routes[routeIndex] ?? '/'
  const events = Object.entries(measured).map(([name, typical]) => ({
    name: `browser.web_vital.${name.toLowerCase()}`,
    value: around(typical),
    unit: name === 'CLS' ? '1' : 'ms',
    event_time: Math.floor(nowMs - age),
    page_route,
  }))
  const answer = await fetch(`${headgate.gatewayUrl}/v1/events`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-headgate-key': headgate.key,
      'user-agent': browsers[Math.floor((browser ?? 0) * browsers.length)] ?? '',
      'cloudfront-viewer-country': countries[countryIndex] ?? '',
    },
    body: JSON.stringify(events),
  })
  if (answer.status !== 202) throw new Error(`A visit was answered with ${answer.status}`)
}

async function aggregated(headgate: RunningHeadgate): Promise<void> {
  const { id } = await headgate.ask<{ id: string }>('/aggregations/run', { method: 'POST', body: {} })
  for (;;) {
    const { state } = await headgate.ask<{ state: string }>(`/aggregations/runs/${id}`)
    if (state === 'succeeded') return
    if (state === 'failed') throw new Error(`The run ${id} failed`)
    await sleep(500)
  }
}

const headgate = await startHeadgate({
  app: { id: 'tea-shop', origins: [] },
  // A day in seconds would run into the quota.
  appMore: { limits: { requestsPerSecond: VISITS, burst: VISITS } },
  config: {
    gateway: { trustProxy: ['127.0.0.1'], limits: { address: 'off' } },
    aggregation: { schedule: { enabled: false } },
  },
})
try {
  const nowMs = Date.now()
  for (let i = 0; i < VISITS; i += 20)
    await Promise.all(Array.from({ length: 20 }, () => visit(headgate, nowMs)))
  await sleep(4_000)
  await aggregated(headgate)
  const browser = await launchChromium(findChromium() ?? '')
  const page = await (await browser.newContext({ viewport: { width: 1180, height: 1150 } })).newPage()
  await page.goto(`${headgate.adminUrl}/dashboard`)
  await page.fill('input[type=password]', headgate.token)
  await page.keyboard.press('Enter')
  await page.getByText('/checkout').first().waitFor()
  await sleep(1_000)
  await page.screenshot({ path: TARGET })
  await browser.close()
} finally {
  await headgate.stop()
  await rm(headgate.dataDir, { recursive: true, force: true })
}
