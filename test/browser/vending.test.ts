import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { build } from 'esbuild'
import { jwtVerify } from 'jose'
import { type Test, test } from 'tap'
import { launchChromium } from '../../scripts/lib/demo/visit.ts'
import { GATEWAY_KEY, startCloud, VENDED } from '../fakes/aws/cloud.ts'
import { REGION } from '../fakes/aws/iam.ts'
import { startVendingProduct } from '../fakes/credentials/vending-product.ts'
import { chromium, skip } from '../fakes/process/chromium.ts'
import { snippet } from '../fakes/process/snippets.ts'

const OWN = 'headgate-direct-shop'
const OTHERS = 'headgate-direct-bank'

/** The snippet of docs/mobile.md with the SDK in it, as a page loads it. */
async function bundled(t: Test): Promise<string> {
  const entry = join(t.testdir(), 'page.js')
  await writeFile(entry, snippet('docs/mobile.md', 'page.js'))
  const { outputFiles } = await build({
    ...{ entryPoints: [entry], bundle: true, write: false, minify: true },
    ...{ format: 'iife', globalName: 'vending', platform: 'browser' },
  })
  return outputFiles[0]?.text ?? ''
}

/** A site that is nothing but a script. */
async function startSite(t: Test, script: string): Promise<string> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' })
    response.end(isScript ? script : '<!doctype html><script src="/page.js"></script>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** All that a browser keeps of a page: none of it may hold a word of these. */
const KEPT = `(async () => JSON.stringify({
  local: { ...localStorage },
  session: { ...sessionStorage },
  cookies: document.cookie,
  databases: await indexedDB.databases(),
  caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  name: window.name,
  url: location.href,
  history: history.state,
}))()`

test('threat 17: a page of the app writes to its own stream, and keeps what it was given in memory', {
  skip,
}, async (t) => {
  const script = await bundled(t)
  const [shop, elsewhere] = [await startSite(t, script), await startSite(t, script)]
  const cloud = await startCloud(t, [OWN, OTHERS])
  const product = await startVendingProduct(t, {
    ...{ endpoint: cloud.endpoint, key: GATEWAY_KEY, region: REGION, origins: [shop] },
    ...VENDED,
  })
  const browser = await launchChromium(chromium ?? '')
  t.teardown(() => browser.close())
  const context = await browser.newContext()
  const page = await context.newPage()
  const before = cloud.sessions.length
  const vends = () => cloud.sessions.length - before
  const open = async (site: string) => {
    await page.goto(site)
    const options = {
      ...{ gateway: product.headgate.gatewayUrl, key: product.headgate.key, app: 'shop' },
      ...{ region: REGION, endpoint: cloud.endpoint },
    }
    const token = JSON.stringify(product.token('visitor'))
    await page.evaluate(
      `put = vending.directStream({ ...${JSON.stringify(options)}, accessToken: async () => ${token} })`,
    )
  }
  const put = (stream: string, times = 1) =>
    page.evaluate<string[]>(
      `Promise.all(Array.from({ length: ${times} }, () => put('${stream}', [{ name: 'a', value: 1 }]).then(() => 'taken', (error) => error.name + ': ' + error.message)))`,
    )

  await open(shop)
  t.same(await put(OWN, 5), Array(5).fill('taken'))
  t.same(await put(OTHERS), ['AccessDeniedException: Refused.'])
  t.same(await put(OWN), ['taken'])
  t.equal(vends(), 1, 'one session for all of it')
  t.match(cloud.calls.at(-1), { stream: OWN, outcome: 'taken' })
  const records = (await cloud.records(OWN)).map((text) => JSON.parse(text))
  t.equal(records.length, 6)
  for (const { recordToken, events } of records) {
    t.same(events, [{ name: 'a', value: 1 }])
    t.match((await jwtVerify(recordToken, product.recordKey)).payload, { app: 'shop' })
  }
  t.same(await cloud.records(OTHERS), [])

  t.same(JSON.parse(await page.evaluate<string>(KEPT)), {
    ...{ local: {}, session: {}, cookies: '', databases: [], caches: [], workers: 0, name: '' },
    ...{ url: `${shop}/`, history: null },
  })
  t.same(await context.cookies(), [])
  await open(shop)
  t.same(await put(OWN), ['taken'])
  t.equal(vends(), 2, 'a page that is loaded again has nothing, and neither had the HTTP cache')

  await open(elsewhere)
  t.match(await put(OWN), [/^TypeError: Failed to fetch/], 'another origin may not even read the refusal')
  t.equal(vends(), 2)
})
