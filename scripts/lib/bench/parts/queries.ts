import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { writeContent } from '../../../../src/aggregation/rollup/stores/local-file.ts'
import { MAX_ROWS } from '../../../../src/aggregation/serve/series.ts'
import { alignDown, dayOf, MINUTE_MS } from '../../../../src/std/durations.ts'
import { nodeFiles } from '../../../../src/std/files/files.ts'
import { chunks, committed, rollupRow } from '../../../../test/fakes/aggregation/store.ts'
import { type RunningHeadgate, startHeadgate } from '../../demo/headgate.ts'
import { UNLIMITED } from '../../demo/unlimited.ts'
import { atRate } from '../load/load.ts'
import { cpuMicros } from '../machine/proc.ts'
import { percentile, round } from '../machine/statistics.ts'
import type { Case } from '../measure/cases.ts'
import { type Bench, rssMb } from '../measure/measure.ts'
import type { Figures, Result } from '../measure/result.ts'
import { bodiesOf, headersOf } from '../workload/body.ts'
import { longRanges } from './long-ranges.ts'
import { makeOnce } from './make-once.ts'

/** Buckets of each histogram: 16 ms to 5 s. */
const SPREAD = Array.from({ length: 60 }, (_, i) => 16 * 1.1 ** i)
/** As many as a token may have under way; two of them are worked on. */
const ASKERS = 8
/** A shop of a few thousand visitors at a time: the server has nothing to do but for the queries. */
const BEACONS_PER_SECOND = 100
const CONNECTIONS = 8
const WARM_UP_SECONDS = 2
/** Each shorter by a window than the one before. */
const RANGES = 200
/** What a query is answered that waited too long for its turn: part of the rules, and no fault. */
const COME_AGAIN = 503

/** What the store of a shop holds. */
interface Holding {
  readonly grain: '15m' | '1m'
  readonly grainMs: number
  readonly windows: number
  readonly routes: number
}

const MONTH: Holding = { grain: '15m', grainMs: 15 * MINUTE_MS, windows: 3_000, routes: 100 }
const WEEK: Holding = { grain: '1m', grainMs: MINUTE_MS, windows: 10_080, routes: 20 }

interface QueryShop {
  readonly holding: Holding
  readonly headgate: RunningHeadgate
  /** End of its last window. */
  readonly toMs: number
  /** Makes its windows, once. */
  readonly filled: () => Promise<void>
}

/** The parameters of the n-th query: no two ask for the same range, so that none is answered from the cache. */
type QueryText = (shop: QueryShop, n: number) => string

const rangeOf = ({ toMs, holding: { grainMs, windows } }: QueryShop, n: number) =>
  `from=${toMs - windows * grainMs}&to=${toMs - (2 + (n % RANGES)) * grainMs}`

const ranking: QueryText = (shop, n) =>
  `top?app=bench&metric=browser.web_vital.lcp&set=route&limit=100&by=q&${rangeOf(shop, n)}`

/** It asks for as many values as one query may. */
const series: QueryText = (shop, n) => {
  const count = Math.floor(MAX_ROWS / shop.holding.windows)
  const values = Array.from({ length: count }, (_, i) => `value=${encodeURIComponent(routeOf(i))}`)
  return `series?app=bench&metric=browser.web_vital.lcp&set=route&${values.join('&')}&${rangeOf(shop, n)}`
}

const routeOf = (i: number) => `/r${String(i).padStart(3, '0')}`

/**
 * What the heaviest queries cost the beacons of the same process: `serve` with a month of quarter hours, or a week of
 * minutes, beacons at a steady rate, first alone, then beside eight who ask again as soon as they have their answer.
 */
export async function withQueryCases<T>(
  bench: Omit<Bench, 'sink'>,
  work: (cases: readonly Case[]) => Promise<T>,
): Promise<T> {
  const month = makeOnce(() => openShop(MONTH, bench))
  const week = makeOnce(() => openShop(WEEK, bench))
  const ranges = longRanges(bench)
  const beside = (name: string, shop: () => Promise<QueryShop>, queryText: QueryText): Case => ({
    name: `beside/${name}`,
    run: async () => beaconsBeside(await shop(), queryText, bench),
  })
  try {
    return await work([
      { name: 'alone', run: async () => beacons(await month.get(), bench) },
      beside('ranking', month.get, ranking),
      beside('series', month.get, series),
      beside('week', week.get, series),
      ...ranges.cases,
    ])
  } finally {
    await ranges.stop()
    for (const shop of [month, week]) await (await shop.made()?.catch(() => undefined))?.headgate.stop()
  }
}

async function openShop(
  holding: Holding,
  { folder, machine, cpuProf }: Omit<Bench, 'sink'>,
): Promise<QueryShop> {
  const dataDir = await mkdtemp(join(folder, 'queries-'))
  const toMs = alignDown(Date.now(), holding.grainMs)
  const headgate = await startHeadgate({
    app: { id: 'bench', origins: [] },
    appMore: { limits: UNLIMITED },
    dataDir,
    launcher: machine.serverCore,
    nodeArgs: cpuProf ? ['--cpu-prof', `--cpu-prof-dir=${cpuProf}`] : [],
    // Runs would be measured with the queries.
    config: { aggregation: { schedule: { enabled: false, grain: holding.grain } } },
  })
  const filled = makeOnce(() => fill(join(dataDir, 'store'), holding, toMs))
  return { holding, headgate, toMs, filled: filled.get }
}

/** Each window a file of its own, some 200 MB in all. */
async function fill(dir: string, { grainMs, windows, routes }: Holding, toMs: number): Promise<void> {
  const rows = [
    rollupRow({ app: 'bench' }, SPREAD),
    ...Array.from({ length: routes }, (_, i) =>
      rollupRow({ app: 'bench', set: 'route', value: routeOf(i) }, SPREAD),
    ),
  ]
  for (let ms = toMs - windows * grainMs; ms < toMs; ms += grainMs) {
    // Not by `publish`, which would look at all windows of the hour first.
    const day = join(dir, 'default', dayOf(ms))
    await mkdir(day, { recursive: true })
    const file = await nodeFiles.open(join(day, `${ms}.rollup`), 'w')
    await writeContent(file, { window: committed(ms, { toMs: ms + grainMs }), rows: chunks(rows) })
    await file.close()
  }
  // Else the disk would still be at it while the journal syncs.
  execFileSync('sync', ['--file-system', dir])
}

type Outcome = Omit<Result, 'case'>

async function beacons({ headgate }: QueryShop, { machine, seconds }: Omit<Bench, 'sink'>): Promise<Outcome> {
  const post = {
    url: `${headgate.gatewayUrl}/v1/events`,
    headers: [{ ...headersOf('plain'), 'x-headgate-key': headgate.key }],
    bodies: bodiesOf(1, 'plain'),
  }
  const load = { connections: CONNECTIONS, postsPerSecond: BEACONS_PER_SECOND }
  await atRate(post, { ...load, seconds: WARM_UP_SECONDS }, machine)
  const pid = headgate.child.pid ?? 0
  const cpuBefore = cpuMicros(pid)
  const { posts, refused, broken, ...run } = await atRate(post, { ...load, seconds }, machine)
  const figures: Figures = {
    eventsPerSecond: Math.round(posts / run.seconds),
    ackP50Ms: round(run.p50Ms),
    ackP99Ms: round(run.p99Ms),
    ackP999Ms: round(run.p999Ms),
    cpuPercent: Math.round((cpuMicros(pid) - cpuBefore) / run.seconds / 10_000),
    peakRssMb: rssMb(pid),
  }
  return {
    figures,
    faults: refused + broken > 0 ? [`${posts} beacons, ${refused} refused, ${broken} broke`] : [],
  }
}

async function beaconsBeside(
  shop: QueryShop,
  queryText: QueryText,
  bench: Omit<Bench, 'sink'>,
): Promise<Outcome> {
  await shop.filled()
  const asking = askers(shop, queryText)
  const { figures, faults } = await beacons(shop, bench).finally(asking.end)
  const { tookMs, putOff, wrong } = await asking.done
  return {
    figures: {
      ...figures,
      queries: tookMs.length,
      queriesPutOff: putOff,
      queryP50Ms: round(percentile(tookMs, 0.5)),
    },
    faults: [...faults, ...wrong.map((status) => `a query was answered ${status}`)],
  }
}

/** Eight who ask until they are ended. */
function askers(shop: QueryShop, queryText: QueryText) {
  const { headgate } = shop
  const ending = new AbortController()
  const tookMs: number[] = []
  const wrong: number[] = []
  let [asked, putOff] = [0, 0]

  async function ask(): Promise<void> {
    while (!ending.signal.aborted) {
      const askedMs = performance.now()
      const answer = await fetch(`${headgate.adminUrl}/query/${queryText(shop, asked++)}`, {
        headers: { authorization: `Bearer ${headgate.token}` },
      })
      await answer.arrayBuffer()
      if (answer.ok) tookMs.push(performance.now() - askedMs)
      else if (answer.status === COME_AGAIN) putOff++
      else wrong.push(answer.status)
    }
  }

  const done = Promise.all(Array.from({ length: ASKERS }, ask)).then(() => ({
    tookMs: tookMs.sort((a, b) => a - b),
    putOff,
    wrong,
  }))
  return { end: () => ending.abort(), done }
}
