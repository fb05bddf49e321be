import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'

/** A small web shop whose pages report their Web Vitals to Headgate with the documented snippet of web-vitals. */
export interface Shop {
  readonly origin: string
  readonly pages: readonly string[]
  close(): Promise<void>
}

export interface ShopOptions {
  /** Where the pages send their beacons: `http://127.0.0.1:8080/v1/web-vitals?key=…`. Asked at each page. */
  readonly beaconUrl: () => string
  /** Uniform in [0, 1): how slow each answer is. */
  readonly uniform: () => number
  /** How long ago the page that is asked for was seen, as it tells. */
  readonly ageMs: () => number
}

const products = ['kettle', 'teapot', 'cup', 'spoon', 'tray', 'caddy'] as const
const pages = ['/', '/products', ...products.map((name) => `/products/${name}`), '/cart', '/checkout']

/** Milliseconds that each kind of page takes to answer, before chance: the checkout is the slow one to find. */
const slownessMs: Readonly<Record<string, number>> = {
  '/': 15,
  '/products': 45,
  '/cart': 30,
  '/checkout': 140,
}

export async function startShop({ beaconUrl, uniform, ageMs }: ShopOptions): Promise<Shop> {
  const webVitals = await readFile(
    createRequire(import.meta.url)
      .resolve('web-vitals')
      .replace(/[^/]+$/, 'web-vitals.js'),
  )
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://shop').pathname
    const send = (type: string, body: string | Buffer, delayMs = 0) =>
      setTimeout(
        () => response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(body),
        delayMs,
      )
    if (path === '/web-vitals.js') return send('text/javascript', webVitals)
    if (path === '/beacon.js') return send('text/javascript', beaconScript(beaconUrl(), ageMs()))
    if (path === '/hero.svg') return send('image/svg+xml', hero, uniform() * 60)
    if (!pages.includes(path)) return response.writeHead(404).end()
    // Skewed like the real thing: most answers are quick, some are not.
    return send(
      'text/html; charset=utf-8',
      page(path),
      (slownessMs[path] ?? 60) * (0.4 + 1.6 * uniform() ** 3),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    pages,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/**
 * The README's snippet, with the time of the visit, plus a diary: each metric that is sent is also noted in localStorage, so that what the graph
 * shows can be compared with what the pages really measured.
 */
function beaconScript(beaconUrl: string, ageMs: number): string {
  return `import { onCLS, onFCP, onINP, onLCP, onTTFB } from '/web-vitals.js'

const event_time = Math.round(Date.now() - ${ageMs})

function send(metric) {
  const { name, value, id, rating, navigationType } = metric
  const body = JSON.stringify({ name, value, id, rating, navigationType, event_time, page_location: location.href })
  if (!navigator.sendBeacon(${JSON.stringify(beaconUrl)}, body)) return
  const diary = JSON.parse(localStorage.getItem('diary') ?? '[]')
  localStorage.setItem('diary', JSON.stringify([...diary, { name, value, id, path: location.pathname }]))
}

onCLS(send)
onFCP(send)
onINP(send)
onLCP(send)
onTTFB(send)
`
}

const hero = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 300"><rect width="900" height="300" fill="#cfe3dc"/>
<circle cx="450" cy="150" r="90" fill="#1f6f5c"/><text x="450" y="162" font-size="36" text-anchor="middle" fill="#fff">tea</text></svg>`

function page(path: string): string {
  const name = path.split('/').at(-1) || 'welcome'
  const links = ['/', '/products', '/products/kettle', '/cart', '/checkout']
    .map((to) => `<a href="${to}">${to}</a>`)
    .join(' ')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tea shop: ${name}</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<style>body{font:16px system-ui;margin:2rem auto;max-width:60rem}img{width:100%;height:300px}button{padding:.6rem 1rem}</style>
<script type="module" src="/beacon.js"></script></head>
<body><nav>${links}</nav><h1>${name}</h1><img src="/hero.svg" alt="Tea">
<p id="text">Leaves, water, time.</p><button id="add" type="button">Add to cart</button>
<script>
if (location.pathname !== '/checkout') {
  const banner = document.createElement('p')
  banner.textContent = 'Free delivery today.'
  document.querySelector('img').addEventListener('load', () => document.querySelector('h1').before(banner))
}
document.getElementById('add').addEventListener('click', () => {
  const until = performance.now() + 30 + 60 * Math.random()
  while (performance.now() < until) {}
  document.getElementById('text').textContent = 'Added.'
})
</script></body></html>`
}
