import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunningHeadgate, startHeadgate } from './headgate.ts'
import { lakeRows } from './lake-rows.ts'
import { actShop } from './node-client.ts'
import { type Shop, startShop } from './shop.ts'
import { type DiaryEntry, findChromium, launchChromium, visitShop } from './visit.ts'

/** The p75 that the graph shows may differ from the pages' own by the histogram's bound and no more. */
const TOLERANCE = 0.011
const VISITS = 240
/** The visits of so long are made in a minute or two: as pages that wait for a network do, each tells when it was seen. */
const SPREAD_MS = 3_300_000
const TABS = 3
const APP = 'demo-shop'

interface Totals {
  readonly accepted: number
  readonly delivered: number
}

async function demo(once: boolean): Promise<number> {
  // The shop must know where to send, and Headgate from where to accept: the origin is settled first.
  let beaconUrl = ''
  let seen = 0
  const shop = await startShop({
    beaconUrl: () => beaconUrl,
    uniform: Math.random,
    ageMs: () => ageOf(seen++),
  })
  const headgate = await startHeadgate({
    app: { id: APP, origins: [shop.origin] },
    ports: 'documented',
    // The graph would have four points with the usual quarters of an hour.
    config: { aggregation: { schedule: { grain: '5m' } } },
  })
  try {
    beaconUrl = `${headgate.gatewayUrl}/v1/web-vitals?key=${headgate.key}`
    const fromMs = Date.now() - SPREAD_MS - 1_000
    const sent = await browse(shop, beaconUrl)
    const summary = await aggregate(headgate, sent, fromMs)
    print(sent, summary)
    if (once) return await finish(headgate, summary)
    return await keepOpen(headgate)
  } finally {
    await headgate.stop()
    await shop.close()
    await rm(headgate.dataDir, { recursive: true, force: true })
  }
}

/** Oldest first, and none is still to come. */
const ageOf = (visit: number): number => Math.max(0, SPREAD_MS * (1 - visit / VISITS))

async function browse(shop: Shop, beaconUrl: string): Promise<readonly DiaryEntry[]> {
  const paths = Array.from({ length: VISITS }, (_, i) => shop.pages[i % shop.pages.length] ?? '/')
  const progress = (done: number) => {
    if (done % 20 === 0) say(`  ${done} of ${VISITS} pages seen`)
  }
  const executable = findChromium()
  if (executable === undefined) {
    say('A Node client acts the browser (no Chromium found) …')
    return actShop({ beaconUrl, origin: shop.origin, paths, uniform: Math.random, ageOf })
  }
  say(`A browser visits the tea shop at ${shop.origin} …`)
  const browser = await launchChromium(executable)
  try {
    return await visitShop({ browser, origin: shop.origin, paths, tabs: TABS, onPage: progress })
  } finally {
    await browser.close()
  }
}

interface DemoSummary {
  readonly sent: number
  readonly accepted: number
  readonly lake: number
  readonly rolledUp: number
  readonly lcpP75Query: number
  readonly lcpP75Sent: number
}

async function aggregate(
  headgate: RunningHeadgate,
  sent: readonly DiaryEntry[],
  fromMs: number,
): Promise<DemoSummary> {
  const totals = await settled(headgate, sent.length)
  const toMs = Date.now() + 1_000
  say('Running the aggregation …')
  const run = await headgate.ask<{ id: string }>('/aggregations/run', {
    method: 'POST',
    body: { from: fromMs, to: toMs, reprocess: 'all' },
  })
  await succeeded(headgate, run.id)
  const lcp = sent.filter(({ name }) => name === 'LCP').map(({ value }) => value)
  const totalOf = async (metric: string) => {
    const query = new URLSearchParams({ app: APP, metric, from: String(fromMs), to: String(toMs), q: '0.75' })
    const { total } = await headgate.ask<{ total: { n: number; q: Record<string, number> } | null }>(
      `/query/series?${query}`,
    )
    return total ?? { n: 0, q: {} }
  }
  const metrics = [...new Set(sent.map(({ name }) => `browser.web_vital.${name.toLowerCase()}`))]
  const counts = await Promise.all(metrics.map(async (metric) => (await totalOf(metric)).n))
  return {
    sent: sent.length,
    accepted: totals.accepted,
    lake: (await lakeRows(headgate.dataDir)).length,
    rolledUp: counts.reduce((sum, n) => sum + n, 0),
    lcpP75Query: (await totalOf('browser.web_vital.lcp')).q['0.75'] ?? Number.NaN,
    lcpP75Sent: orderStatistic(lcp, 0.75),
  }
}

/** Waits until the gateway has seen all beacons and handed them to the lake. */
async function settled(headgate: RunningHeadgate, expected: number): Promise<Totals> {
  const until = performance.now() + 20_000
  for (;;) {
    const totals = await headgate.ask<Totals>('/reconcile')
    const done = totals.accepted >= expected && totals.delivered >= totals.accepted
    if (done || performance.now() > until) return totals
    await sleep(200)
  }
}

async function succeeded(headgate: RunningHeadgate, id: string): Promise<void> {
  for (;;) {
    const run = await headgate.ask<{ state: string }>(`/aggregations/runs/${id}`)
    if (run.state === 'succeeded') return
    if (run.state === 'failed' || run.state === 'cancelled')
      throw new Error(`The run ${id} ${run.state}: ${JSON.stringify(run)}`)
    await sleep(100)
  }
}

/** x[floor(q·(n−1))], the rule of the API. */
function orderStatistic(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN
}

function print(sent: readonly DiaryEntry[], summary: DemoSummary): void {
  const { accepted, lake, rolledUp, lcpP75Query, lcpP75Sent } = summary
  say(`
  sent by the pages     ${summary.sent} measurements of the last ${SPREAD_MS / 60_000} minutes, ${sent.filter(({ name }) => name === 'LCP').length} of them LCP
  accepted (journalled) ${accepted}
  rows in the lake      ${lake}
  rolled up             ${rolledUp}
  p75 of LCP            ${lcpP75Query.toFixed(1)} ms from the histogram, ${lcpP75Sent.toFixed(1)} ms from the pages' own values
`)
}

async function finish(headgate: RunningHeadgate, summary: DemoSummary): Promise<number> {
  const code = await headgate.stop()
  const { sent, accepted, lake, rolledUp, lcpP75Query, lcpP75Sent } = summary
  const conserved = sent > 0 && sent === accepted && accepted === lake && lake === rolledUp
  const close = Math.abs(lcpP75Query - lcpP75Sent) <= TOLERANCE * lcpP75Sent
  if (code !== 0) say(`Headgate ended with code ${code} instead of 0`)
  if (!conserved) say('The four counts differ')
  if (!close) say(`The p75s differ by more than ${TOLERANCE * 100} %`)
  process.stdout.write(`${JSON.stringify(summary)}\n`)
  return conserved && close && code === 0 ? 0 : 1
}

async function keepOpen(headgate: RunningHeadgate): Promise<number> {
  say(`  dashboard             ${headgate.adminUrl}/dashboard#range=1h
  admin token           ${headgate.token}

Headgate keeps running; Ctrl-C ends it.`)
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
    headgate.child.once('exit', () => resolve())
  })
  await stopped
  return 0
}

const say = (text: string): boolean => process.stderr.write(`${text}\n`)

const args = process.argv.slice(2)
const unknown = args.find((arg) => arg !== '--once')
if (unknown === undefined) process.exitCode = await demo(args.includes('--once'))
else {
  say(`demo: does not know ${unknown}; see --help`)
  process.exitCode = 2
}
