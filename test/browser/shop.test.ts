import { rm } from 'node:fs/promises'
import { test } from 'tap'
import { startHeadgate } from '../../scripts/lib/demo/headgate.ts'
import { startShop } from '../../scripts/lib/demo/shop.ts'
import { launchChromium, visitShop } from '../../scripts/lib/demo/visit.ts'
import { chromium, skip } from '../fakes/process/chromium.ts'

test('from page to graph: a visitor clicks, and sees the own measurement on the dashboard', {
  skip,
}, async (t) => {
  let beaconUrl = ''
  const shop = await startShop({ beaconUrl: () => beaconUrl, uniform: () => 0.5, ageMs: () => 0 })
  const headgate = await startHeadgate({ app: { id: 'shop', origins: [shop.origin] } })
  const browser = await launchChromium(chromium ?? '')
  t.teardown(async () => {
    await browser.close()
    await headgate.kill()
    await shop.close()
    await rm(headgate.dataDir, { recursive: true, force: true })
  })
  beaconUrl = `${headgate.gatewayUrl}/v1/web-vitals?key=${headgate.key}`
  const paths = ['/', '/products/kettle', '/checkout', '/products/kettle', '/checkout', '/cart']
  const diary = await visitShop({ browser, origin: shop.origin, paths, tabs: 1 })
  const lcps = diary.filter(({ name }) => name === 'LCP').map(({ value }) => value)
  t.equal(lcps.length, paths.length)

  while ((await headgate.ask<{ delivered: number }>('/reconcile')).delivered < diary.length) await nextTurn()
  const { id } = await headgate.ask<{ id: string }>('/aggregations/run', { method: 'POST', body: {} })
  while ((await headgate.ask<{ state: string }>(`/aggregations/runs/${id}`)).state !== 'succeeded')
    await nextTurn()

  const page = await (await browser.newContext()).newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  await page.goto(`${headgate.adminUrl}/dashboard`)
  await page.fill('input[type=password]', headgate.token)
  await page.keyboard.press('Enter')
  await page.getByText('/checkout').first().waitFor()
  const shown = await page.evaluate<string>('document.body.innerText')
  const sorted = lcps.sort((a, b) => a - b)
  const p75 = sorted[Math.floor(0.75 * (sorted.length - 1))] ?? Number.NaN
  const numbers = [...shown.matchAll(/(\d[\d,.]*)\s*(ms|s)\b/g)].map(
    ([, digits = '', unit]) => Number(digits.replaceAll(',', '')) * (unit === 's' ? 1_000 : 1),
  )
  const nearest = numbers.toSorted((a, b) => Math.abs(a - p75) - Math.abs(b - p75))[0] ?? Number.NaN
  // 1.1 % of the histogram, and the rounding of what is shown.
  t.ok(Math.abs(nearest - p75) <= 0.011 * p75 + 5, `${nearest} is shown for a p75 of ${p75}`)
  t.match(shown, /\/products\/kettle/)
  t.same(complaints, [], 'no script failed, and nothing broke the content policy')
})

const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))
