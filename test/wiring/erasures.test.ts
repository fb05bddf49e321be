import { type Test, test } from 'tap'
import { parseConfig } from '../../src/config/parse.ts'
import { quietTelemetry } from '../../src/std/telemetry.ts'
import { wireAggregation } from '../../src/wiring/aggregation.ts'
import { openLake } from '../../src/wiring/open-lake.ts'
import { fakeClock } from '../fakes/clock.ts'
import { seededEntropy } from '../fakes/entropy.ts'
import { eventLine, NOON } from '../fakes/events.ts'
import { reconciliation } from '../fakes/reconciliation.ts'

/** What a gateway says that has nothing which is not in the lake. */
const IDLE = reconciliation({
  backlog: { events: 0, bytes: 0 },
  sink: { ...reconciliation().sink, kind: 'lake' },
})
const HOUR = 'dt=2026-11-22/hr=12'
const WHOM = 'somebody'
const MINUTE = 60_000
const DAY = 86_400_000

/** A lake, and what works on it: each as a process of its own would. */
async function lakeOf(t: Test) {
  const dataDir = t.testdir()
  const clock = fakeClock(NOON + 3_600_000)
  const lake = await openLake(parseConfig({ dataDir }, {}), clock)
  const puts: string[] = []
  const afterPut: ((key: string) => void)[] = []
  const system = {
    ...{ clock, askGateway: async () => IDLE, worksAlone: true },
    lake: {
      ...lake,
      put: async (...[key, ...rest]: Parameters<typeof lake.put>) => {
        puts.push(key)
        const stored = await lake.put(key, ...rest)
        for (const tell of afterPut) tell(key)
        return stored
      },
    },
  }
  const worker = (grain: string, seed: number) =>
    wireAggregation(parseConfig({ dataDir, aggregation: { schedule: { grain } } }, {}), {
      ...{ ...system, telemetry: quietTelemetry() },
      entropy: seededEntropy(seed),
    })
  const put = async (minutes: readonly number[]) => {
    const events = minutes.flatMap((minute) =>
      [WHOM, 'other'].map((session_id) =>
        eventLine({ event_id: `${session_id}-${minute}`, event_time: NOON + minute * MINUTE, session_id }),
      ),
    )
    await lake.put(`raw/gateway/${HOUR}/a.ndjson`, Buffer.from([...events, ''].join('\n')))
  }
  return { clock, lake, puts, afterPut, worker, put }
}

const ASKED = { app: 'shop', by: 'session', id: WHOM, dryRun: false } as const
const { signal } = new AbortController()

test('of two that erase at the same time one does it, and both tell its end', async (t) => {
  const { puts, worker, put } = await lakeOf(t)
  await put([0, 16])
  const [one, other] = [await worker('15m', 1), await worker('15m', 2)]
  const { id } = await one.lakeWork.erasures.submit(ASKED, 'ops')
  const ends = await Promise.all([one, other].map(({ lakeWork }) => lakeWork.erasures.finish(id, signal)))
  t.match(ends[0], { state: 'done', objects: [{ rows: 2 }], runs: [String] })
  t.same(ends[1], ends[0])
  t.equal(puts.filter((key) => key.startsWith('erasures/')).length, 6, 'each step is written down once')
})

test('what is counted by windows of another grain is counted without it as well', async (t) => {
  for (const [before, after] of [
    ['1h', '15m'],
    ['5m', '1h'],
  ] as const) {
    const { clock, worker, put } = await lakeOf(t)
    await put([0, 1, 16, 40, 41])
    const span = { from: NOON, to: NOON + 60 * MINUTE }
    const first = await worker(before, 1)
    const { id: counted } = await first.runs.submit(span, 'ops')
    t.match(await first.runs.finish(String(counted), signal), { state: 'succeeded' })
    clock.advance(30 * DAY)
    const { lakeWork, queries } = await worker(after, 2)
    const total = async () => {
      const { text } = await queries.series(
        {
          ...{
            app: 'shop',
            metric: 'browser.web_vital.lcp',
            quantiles: [0.5],
            fromMs: span.from,
            toMs: span.to,
          },
          ...{ set: 'app', values: [], step: undefined, timeZone: 'UTC' },
        },
        { signal, ofAllApps: true, apps: ['shop'] },
      )
      return JSON.parse(text).total?.n
    }
    t.equal(await total(), 10)
    const { id } = await lakeWork.erasures.submit(ASKED, 'ops')
    t.match(await lakeWork.erasures.finish(id, signal), { state: 'done' })
    t.equal(await total(), 5, `${before}, then ${after}`)
  }
})

test('one that was stopped while windows were computed goes on with those of another grain', async (t) => {
  const { afterPut, worker, put } = await lakeOf(t)
  await put([0])
  const { lakeWork } = await worker('15m', 1)
  const { id } = await lakeWork.erasures.submit(ASKED, 'ops')
  const stop = new AbortController()
  afterPut.push((key) => key.startsWith('rollups/') && stop.abort(new Error('stopped')))
  await t.rejects(lakeWork.erasures.finish(id, stop.signal), { message: 'stopped' })
  const { lakeWork: next } = await worker('1h', 2)
  t.match(await next.erasures.get(id), { state: 'computing', runs: [] })
  t.match(await next.erasures.finish(id, signal), { state: 'done', runs: [String] })
})

test('the service erases, and has each window computed anew that it was counted in, however old', async (t) => {
  const config = parseConfig({ dataDir: t.testdir() }, {})
  const clock = fakeClock(NOON + 3_600_000)
  const lake = await openLake(config, clock)
  const system = {
    clock,
    entropy: seededEntropy(),
    telemetry: quietTelemetry(),
    lake,
    askGateway: async () => IDLE,
  }
  const { runs, lakeWork, store } = await wireAggregation(config, system)
  const { erasures } = lakeWork
  const events = [0, 1, 16, 40, 41].flatMap((minute) =>
    [WHOM, 'other'].map((session_id) =>
      eventLine({ event_id: `${session_id}-${minute}`, event_time: NOON + minute * MINUTE, session_id }),
    ),
  )
  const ahead = eventLine({ event_id: 'ahead', event_time: NOON + 60 * DAY, session_id: WHOM })
  await lake.put(`raw/gateway/${HOUR}/a.ndjson`, Buffer.from([...events, ahead, ''].join('\n')))
  const stop = new AbortController()
  const { id: before } = await runs.submit({ from: NOON, to: NOON + 45 * MINUTE }, 'ops')
  t.match(await runs.finish(String(before), stop.signal), { state: 'succeeded' })
  const manifests = async () => (await lake.keys('rollups/')).filter((key) => /\/gen-\d+\.json$/.test(key))
  t.equal((await manifests()).length, 3)
  // Beyond every horizon.
  clock.advance(30 * DAY)
  const working = [runs.start(stop.signal, { tickMs: MINUTE, scheduled: false }), erasures.start(stop.signal)]
  const { id } = await erasures.submit({ app: 'shop', by: 'session', id: WHOM, dryRun: false }, 'ops')
  let erasure = await erasures.get(id)
  while (erasure.endedMs === undefined) {
    await new Promise(setImmediate)
    erasure = await erasures.get(id)
  }
  t.match(erasure, { state: 'done', objects: [{ rows: 6 }], unseen: undefined })
  t.equal(erasure.runs.length, 1, 'neighbours are computed together, and nothing that has not begun')
  stop.abort()
  await Promise.all(working)
  const kept = await Promise.all(
    (await manifests()).map(async (key) => JSON.parse(String(await lake.get(key))).counts.kept),
  )
  t.same(kept.sort(), [1, 2, 2], 'of what they were before nothing stays')
  const windows = await store.windows('default', NOON, NOON + 45 * MINUTE)
  t.same(
    windows.map(({ generation }) => generation),
    [2, 2, 2],
  )
})
