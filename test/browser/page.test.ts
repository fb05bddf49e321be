import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { build } from 'esbuild'
import { type Test, test } from 'tap'
import { startHeadgate } from '../../scripts/lib/demo/headgate.ts'
import { launchChromium } from '../../scripts/lib/demo/visit.ts'
import { chromium, skip } from '../fakes/process/chromium.ts'
import { aggregate, delivered, until } from '../fakes/process/process.ts'
import { EXAMPLE_GATEWAY, snippet } from '../fakes/process/snippets.ts'

/** What a page shows and waits for does not matter, as long as it paints something. */
const PAGE =
  '<!doctype html><title>Kettle</title><h1>Kettle</h1><button>Add</button><script src="/page.js"></script>'

/** A shop of one script, which is another one after each `serve`. */
async function startSite(t: Test) {
  let script = ''
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' })
    response.end(isScript ? script : PAGE)
  })
  server.listen(0)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, serve: (next: string) => (script = next) }
}

/** A snippet of a page as its reader bundles it, with an address and a key of his own. */
async function bundled(t: Test, code: string): Promise<string> {
  const entry = join(t.testdir({}), 'page.js')
  await writeFile(entry, code)
  const { outputFiles } = await build({
    ...{ entryPoints: [entry], bundle: true, write: false, nodePaths: ['node_modules'] },
    ...{ format: 'iife', globalName: 'beacons', platform: 'browser' },
  })
  return outputFiles[0]?.text ?? ''
}

interface Ranked {
  readonly values: readonly { readonly value: string; readonly n: number }[]
}

test('the snippets of README and docs/browser.md measure a page, by route', { skip }, async (t) => {
  const site = await startSite(t)
  const origins = ['127.0.0.1', 'localhost'].map((host) => `http://${host}:${site.port}`)
  const [page = '', debugged = ''] = origins
  const headgate = await startHeadgate({ app: { id: 'shop', origins } })
  const browser = await launchChromium(chromium ?? '')
  t.teardown(async () => {
    await browser.close()
    await headgate.kill()
    await rm(headgate.dataDir, { recursive: true, force: true })
  })
  const own = (code: string) =>
    bundled(t, code.replace(EXAMPLE_GATEWAY, headgate.gatewayUrl).replace('YOUR_APP_KEY', headgate.key))
  const tab = await (await browser.newContext()).newPage()
  const heard: string[] = []
  tab.on('console', (message) => heard.push(message.text()))
  const visit = async (address: string) => {
    await tab.goto(address, { waitUntil: 'load' })
    await tab.click('button')
    await until('the first paint', () =>
      tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.name"),
    )
  }
  const leave = () => tab.goto('about:blank')
  const top = (metric: string) =>
    headgate.ask<Ranked>(`/query/top?app=shop&set=route&metric=${encodeURIComponent(metric)}`)

  site.serve(await own(snippet('README.md', 'page.js')))
  await visit(`${page}/products/42`)
  await leave()
  await delivered(headgate, 3)

  const more = snippet('docs/browser.md', 'beacons.js')
  site.serve(await own(more.replace('const rate = 1 ', 'const rate = 0.999999 ')))
  await visit(`${page}/products/7/reviews`)
  await tab.evaluate("beacons.measure('cart.add', 12, 's')")
  await leave()
  await delivered(headgate, 6)
  t.same(heard, [], 'and no page complains')

  site.serve(await own(more))
  await visit(`${debugged}/cart`)
  await tab.evaluate("beacons.measure('cart.size', -3, '1'); beacons.flush()")
  await until('the answer', async () => heard.find((text) => text.startsWith('beacon ')))
  t.match(heard[0], /^beacon 202/, 'while it is developed, the page hears what became of its events')
  await leave()

  await aggregate(headgate)
  t.same((await top('browser.web_vital.fcp')).values.map(({ value }) => value).sort(), [
    '/cart',
    '/products/:id',
    '/products/:id/reviews',
  ])
  t.match(await headgate.ask('/query/series?app=shop&metric=cart.add'), {
    unit: 'ms',
    total: { n: 1, max: 12_000 },
  })
  t.match(await headgate.ask('/reconcile'), { rejected: { invalid_field: 1 } })
})
