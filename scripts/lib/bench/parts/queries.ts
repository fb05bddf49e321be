import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { localStore } from '../../../../src/aggregation/rollup/stores/local-store.ts'
import { MAX_ROWS } from '../../../../src/aggregation/serve/series.ts'
import { committed, rollupRow } from '../../../../test/fakes/aggregation/store.ts'
import { unsyncedFiles } from '../../../../test/fakes/files/unsynced-files.ts'
import { type RunningHeadgate, startHeadgate } from '../../demo/headgate.ts'
import { UNLIMITED } from '../../demo/unlimited.ts'
import { atRate } from '../load/load.ts'
import { cpuMicros } from '../machine/proc.ts'
import { percentile, round } from '../machine/statistics.ts'
import type { Case } from '../measure/cases.ts'
import { type Bench, rssMb } from '../measure/measure.ts'
import type { Figures, Result } from '../measure/result.ts'
import { bodyOf, headersOf } from '../workload/body.ts'

const GRAIN_MS = 900_000
/** A month of quarter hours. A series of as many values is as much as one query may ask for. */
const WINDOWS = 3_000
const VALUES = MAX_ROWS / WINDOWS
const ROUTES = 100
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

interface QueryShop {
  readonly headgate: RunningHeadgate
  /** End of its last window. */
  readonly toMs: number
  /** Makes its windows, once. */
  readonly filled: () => Promise<void>
}

/** The parameters of the n-th query: no two ask for the same range, so that none is answered from the cache. */
type Question = (toMs: number, n: number) => string

const rangeOf = (toMs: number, n: number) =>
  `from=${toMs - WINDOWS * GRAIN_MS}&to=${toMs - (2 + (n % RANGES)) * GRAIN_MS}`

const QUESTIONS: Readonly<Record<string, Question>> = {
  ranking: (toMs, n) =>
    `top?app=bench&metric=browser.web_vital.lcp&set=route&limit=100&by=q&${rangeOf(toMs, n)}`,
  series: (toMs, n) => {
    const values = Array.from({ length: VALUES }, (_, i) => `value=${encodeURIComponent(routeOf(i))}`)
    return `series?app=bench&metric=browser.web_vital.lcp&set=route&${values.join('&')}&${rangeOf(toMs, n)}`
  },
}

const routeOf = (i: number) => `/r${String(i).padStart(3, '0')}`

/**
 * What the heaviest queries cost the beacons of the same process: `serve` with a month of quarter hours, beacons at a
 * steady rate, first alone, then beside eight who ask again as soon as they have their answer.
 */
export async function withQueryCases<T>(
  bench: Omit<Bench, 'sink'>,
  work: (cases: readonly Case[]) => Promise<T>,
): Promise<T> {
  let open: Promise<QueryShop> | undefined
  const shop = () => (open ??= openShop(bench))
  const alone: Case = { name: 'alone', run: async () => beacons(await shop(), bench) }
  const beside = Object.entries(QUESTIONS).map(
    ([name, question]): Case => ({
      name: `beside/${name}`,
      run: async () => beaconsBeside(await shop(), question, bench),
    }),
  )
  try {
    return await work([alone, ...beside])
  } finally {
    const { headgate } = (await open?.catch(() => undefined)) ?? {}
    await headgate?.stop()
  }
}

async function openShop({ folder, machine, cpuProf }: Omit<Bench, 'sink'>): Promise<QueryShop> {
  const dataDir = await mkdtemp(join(folder, 'queries-'))
  const toMs = Math.floor(Date.now() / GRAIN_MS) * GRAIN_MS
  const headgate = await startHeadgate({
    app: { id: 'bench', origins: [] },
    appMore: { limits: UNLIMITED },
    dataDir,
    launcher: machine.serverCore,
    nodeArgs: cpuProf ? ['--cpu-prof', `--cpu-prof-dir=${cpuProf}`] : [],
    // Runs would be measured with the queries.
    config: { aggregation: { schedule: { enabled: false } } },
  })
  let filling: Promise<void> | undefined
  return { headgate, toMs, filled: () => (filling ??= fill(join(dataDir, 'store'), toMs)) }
}

/** A month of quarter hours, each a file of its own, some 200 MB in all. Nothing is lost by a power cut that matters. */
async function fill(dir: string, toMs: number): Promise<void> {
  const store = localStore({ dir, files: unsyncedFiles })
  const rows = [
    rollupRow({ app: 'bench' }, SPREAD),
    ...Array.from({ length: ROUTES }, (_, i) =>
      rollupRow({ app: 'bench', set: 'route', value: routeOf(i) }, SPREAD),
    ),
  ]
  const chunks = async function* () {
    yield rows
  }
  for (let ms = toMs - WINDOWS * GRAIN_MS; ms < toMs; ms += GRAIN_MS)
    await store.publish(committed(ms), chunks())
}

type Outcome = Omit<Result, 'case'>

async function beacons({ headgate }: QueryShop, { machine, seconds }: Omit<Bench, 'sink'>): Promise<Outcome> {
  const post = {
    url: `${headgate.gatewayUrl}/v1/events`,
    headers: [{ ...headersOf('plain'), 'x-headgate-key': headgate.key }],
    body: bodyOf(1, 'plain'),
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
  question: Question,
  bench: Omit<Bench, 'sink'>,
): Promise<Outcome> {
  await shop.filled()
  const asking = askers(shop, question)
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
function askers({ headgate, toMs }: QueryShop, question: Question) {
  const ending = new AbortController()
  const tookMs: number[] = []
  const wrong: number[] = []
  let [asked, putOff] = [0, 0]

  async function ask(): Promise<void> {
    while (!ending.signal.aborted) {
      const askedMs = performance.now()
      const answer = await fetch(`${headgate.adminUrl}/query/${question(toMs, asked++)}`, {
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
