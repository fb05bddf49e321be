import { rm } from 'node:fs/promises'
import { type Test, test } from 'tap'
import { createLeases } from '../../../../src/aggregation/rollup/commit/lease.ts'
import { MERGED_AT_ONCE } from '../../../../src/aggregation/rollup/merge/merge-pass.ts'
import type { Runs } from '../../../../src/aggregation/rollup/run/runner.ts'
import { localStore } from '../../../../src/aggregation/rollup/stores/local-store.ts'
import type { RollupStore } from '../../../../src/aggregation/rollup/stores/store.ts'
import { DAY_MS, HOUR_MS } from '../../../../src/std/durations.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import {
  aggregation,
  definition,
  GRAIN,
  MIN,
  never,
  type RunParts,
} from '../../../fakes/aggregation/aggregation.ts'
import { gathered } from '../../../fakes/aggregation/store.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'
import { killedAt } from '../../../fakes/files/killed.ts'
import { unsyncedFiles } from '../../../fakes/files/unsynced-files.ts'

/** T0 is noon: the day begins with an hour that has events. */
const NOON = Date.UTC(2026, 10, 22, 12)
const range = { rollup: 'vitals', fromMs: NOON - DAY_MS, toMs: NOON + 40 * DAY_MS }
const ALWAYS = [{ fromMs: 0, toMs: 2 * NOON }]

type Scene = Awaited<ReturnType<typeof aggregation>>

const merged = async (store: RollupStore, lengthMs: number) =>
  (await store.merged.windows(range, lengthMs)).map(({ fromMs, generation, merged }) => [
    (fromMs - NOON) / lengthMs,
    generation,
    merged.windows,
  ])

/** Count and sum of all, by windows as they are and by merged ones. */
async function totals(store: RollupStore) {
  const request = { ...range, app: 'shop', metric: 'browser.web_vital.lcp', unit: 'ms', set: 'app' }
  const of = async (mergedWithin?: typeof ALWAYS) => {
    const rows = await gathered(store.series({ ...request, mergedWithin }))
    return {
      rows: rows.reduce((sum, row) => sum + row.rows, 0),
      sum: rows.reduce((sum, row) => sum + row.sum, 0n),
    }
  }
  return [await of(), await of(ALWAYS)]
}

async function turn(runs: Runs) {
  await runs.tick(never)
  await runs.work(never)
}

/** Eight quarters with events, all of which are over. */
async function scene(t: Test, over: Partial<RunParts> = {}) {
  const it = await aggregation(t, over)
  for (let i = 0; i < 8; i++) it.deliver(NOON + i * GRAIN, [i + 1, 10 * i])
  return it
}

const runsOf = (it: Scene) => async (advanceMs: number, runs: Runs) => {
  it.clock.advance(advanceMs)
  await turn(runs)
}

test('an hour is merged when all of it is committed, a day likewise', async (t) => {
  const it = await scene(t)
  const after = runsOf(it)
  const runs = await it.open()
  await after(HOUR_MS + 2 * MIN, runs)
  t.equal((await it.stored()).length, 4)
  t.same(
    await merged(it.store, HOUR_MS),
    [],
    'until one grain after its end a query may take some of it for open',
  )
  await after(13 * MIN, runs)
  t.same(await merged(it.store, HOUR_MS), [[0, 1, 4]])
  await after(HOUR_MS, runs)
  t.same(await merged(it.store, HOUR_MS), [
    [0, 1, 4],
    [1, 1, 4],
  ])
  t.same(await merged(it.store, DAY_MS), [])
  const [list] = await runs.list({ limit: 1 })
  t.ok(
    list?.windows.every(({ fromMs, toMs }) => toMs - fromMs === GRAIN),
    'no run has them among its windows',
  )
  for (let i = 0; i < 12; i++) await after(HOUR_MS, runs)
  t.same(await merged(it.store, DAY_MS), [[-0.5, 1, 48]], 'what is before the first event is nothing')
  const [own, whole] = await totals(it.store)
  t.same(whole, own)
  t.same(own, { rows: 16, sum: 316n * 1_000_000_000n })
  t.ok((await runs.windows({})).every(({ fromMs, toMs }) => toMs - fromMs === GRAIN))
})

test('late events make the hour and the day anew, and until then both are as their windows', async (t) => {
  const it = await scene(t)
  const after = runsOf(it)
  const runs = await it.open()
  for (let i = 0; i < 13; i++) await after(HOUR_MS, runs)
  await after(15 * MIN, runs)
  t.same((await merged(it.store, HOUR_MS)).length, 13)
  it.deliver(NOON, [1_000], it.clock.nowMs())
  it.engine.meanwhile = async () => {
    t.same((await merged(it.store, DAY_MS)).length, 1, 'they stay until there is something else')
  }
  await runs.tick(never)
  await runs.work(never)
  t.same(await totals(it.store), Array(2).fill({ rows: 17, sum: 1_316n * 1_000_000_000n }))
  t.same((await merged(it.store, HOUR_MS))[0], [0, 2, 4], 'merged by the same turn')
  t.same(await merged(it.store, DAY_MS), [[-0.5, 2, 48]])
  await runs.submit({ from: NOON, to: NOON + GRAIN, reprocess: 'all' }, 'ops')
  await runs.work(never)
  t.same((await merged(it.store, HOUR_MS))[0], [0, 3, 4], 'and by that of a run that was asked for')
})

test('what a store lost is put back as it was, and a sum of other generations made anew', async (t) => {
  const it = await scene(t)
  const after = runsOf(it)
  const runs = await it.open()
  await after(2 * HOUR_MS + 15 * MIN, runs)
  const manifests = () => [...it.lake.objects.keys()].filter((key) => key.includes('/60m/'))
  t.equal(manifests().length, 2)
  await rm(`${it.dir}/store-merged`, { recursive: true })
  await turn(runs)
  t.same(await merged(it.store, HOUR_MS), [], 'another look at a day that was done comes later')
  await turn(await it.open({ owner: it.dead }))
  t.same(await merged(it.store, HOUR_MS), [
    [0, 1, 4],
    [1, 1, 4],
  ])
  t.equal(manifests().length, 2, 'of the same generation')
  // A backup of an older day has been put over it.
  const [first] = await it.store.merged.windows(range, HOUR_MS)
  if (first === undefined) throw new Error('it is there')
  const stale = { ...first, generation: 5, merged: { ...first.merged, digest: 'of others' } }
  await it.store.merged.put(first, { rows: (async function* () {})(), finish: async () => stale })
  await turn(await it.open({ owner: it.dead }))
  t.same((await merged(it.store, HOUR_MS))[0], [0, 6, 4])
  const [own, whole] = await totals(it.store)
  t.same(whole, own)
})

test('history is merged little by little, the newest days first, and failures hold up nothing else', async (t) => {
  const it = await aggregation(t)
  const after = runsOf(it)
  for (let day = 0; day < 2; day++)
    for (let i = 0; i < 96; i++) it.deliver(NOON + 12 * HOUR_MS + day * DAY_MS + i * GRAIN, [i])
  it.clock.advance(2 * DAY_MS + 14 * HOUR_MS)
  const before = await it.open({ owner: it.dead, stores: [withoutMerging(it.store)] })
  for (let i = 0; i < 3; i++) await turn(before)
  t.same(await merged(it.store, HOUR_MS), [])
  const runs = await it.open()
  const many = async () => (await merged(it.store, HOUR_MS)).length + (await merged(it.store, DAY_MS)).length
  const made: number[] = []
  for (let i = 0; i < 4; i++) {
    await after(5 * MIN, runs)
    made.push(await many())
  }
  t.equal(made[0], MERGED_AT_ONCE)
  t.same(made.slice(-2), [2 * 25 + 2, 2 * 25 + 2], 'all, and the hours after them')
  const [own, whole] = await totals(it.store)
  t.same(whole, own)
})

/** As of a version that merged nothing. */
const withoutMerging = (store: RollupStore): RollupStore => ({
  ...store,
  merged: { ...store.merged, days: async () => [] },
})

test('nothing is merged of windows that are waited for, of another definition, or no longer all there', async (t) => {
  const it = await scene(t)
  const after = runsOf(it)
  const runs = await it.open()
  it.engine.meanwhile = async ({ fromMs }) => {
    if (fromMs === NOON + 5 * GRAIN) throw new TypeError('no')
  }
  await after(2 * HOUR_MS + 15 * MIN, runs)
  t.same(await merged(it.store, HOUR_MS), [[0, 1, 4]], 'the other has failed')
  it.engine.meanwhile = async () => {}
  const other = await it.open({
    owner: it.dead,
    definitions: [{ ...definition, maxValues: 7 }],
    arrivals: it.arrivals,
  })
  await rm(`${it.dir}/store-merged`, { recursive: true })
  await other.work(never)
  t.same(
    await merged(it.store, HOUR_MS),
    [],
    'what was computed before a change is merged when it is computed anew',
  )
  await after(HOUR_MS, other)
  t.same((await merged(it.store, HOUR_MS))[0]?.slice(0, 1), [0])
  const [hour] = await it.store.merged.windows(range, HOUR_MS)
  // Retention by hand.
  await rm(`${it.dir}/store/vitals/2026-11-22/${NOON}.rollup`)
  it.arrivals.lose('raw-0001')
  await turn(
    await it.open({
      owner: it.dead,
      definitions: [{ ...definition, maxValues: 7 }],
      stores: [deaf(it.store)],
    }),
  )
  t.same((await it.store.merged.windows(range, HOUR_MS))[0], hour, 'no sum shrinks as its windows go')
})

test('what was counted under another definition, and is too old to be computed anew, is not merged', async (t) => {
  const schedule = { graceMs: 2 * MIN, horizonMs: HOUR_MS }
  const it = await scene(t, { schedule })
  const after = runsOf(it)
  await after(3 * HOUR_MS, await it.open({ owner: it.dead, stores: [withoutMerging(it.store)] }))
  const other = await it.open({ owner: it.dead, definitions: [{ ...definition, maxValues: 7 }] })
  await other.work(never)
  t.same(await merged(it.store, HOUR_MS), [])
  t.equal((await it.stored()).filter(({ rows }) => rows > 0).length, 8)
})

test('events that came too late for a window keep it from no sum', async (t) => {
  const it = await scene(t, { schedule: { graceMs: 2 * MIN, horizonMs: HOUR_MS } })
  const after = runsOf(it)
  await after(3 * HOUR_MS, await it.open({ owner: it.dead, stores: [withoutMerging(it.store)] }))
  it.deliver(NOON, [1_000], it.clock.nowMs())
  const runs = await it.open()
  await turn(runs)
  t.match((await runs.windows({ fromMs: NOON }))[0], { state: 'dirty', tooLate: 1 })
  t.same((await merged(it.store, HOUR_MS))[0], [0, 1, 4])
})

test('a manifest that cannot be read, or that another process made, is followed by the next', async (t) => {
  const it = await scene(t)
  const after = runsOf(it)
  const elsewhere = { ...it.lake }
  elsewhere.put = async (key, ...given) => (key.includes('/60m/') ? 'exists' : it.lake.put(key, ...given))
  await after(2 * HOUR_MS + 15 * MIN, await it.open({ owner: it.dead, lake: elsewhere }))
  t.same(await merged(it.store, HOUR_MS), [])
  await turn(await it.open({ owner: it.dead }))
  const keys = [...it.lake.objects.keys()].filter((key) => key.includes('/60m/'))
  t.equal(keys.length, 2)
  it.lake.objects.set(String(keys[0]), Buffer.from('{'))
  await rm(`${it.dir}/store-merged`, { recursive: true })
  await turn(await it.open({ owner: it.dead }))
  t.same(await merged(it.store, HOUR_MS), [
    [0, 2, 4],
    [1, 1, 4],
  ])
})

/** Nothing can be published. */
const deaf = (store: RollupStore): RollupStore => ({ ...store, publish: async () => 'unchanged' })

test('a store that cannot do it now is told of once, and asked again', async (t) => {
  const lines: { level: number; msg: string; err?: { message: string } }[] = []
  const telemetry = () => createTelemetry('info', { write: (line: string) => lines.push(JSON.parse(line)) })
  const it = await scene(t)
  const after = runsOf(it)
  const failing = (call: 'put' | 'days'): RollupStore => ({
    ...it.store,
    merged: {
      ...it.store.merged,
      [call]: async () => {
        throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      },
    },
  })
  const told = () =>
    lines.filter(({ msg }) => msg === 'windows cannot be merged now; it is tried again').length
  const runs = await it.open({ stores: [failing('put')], telemetry: telemetry() })
  await after(2 * HOUR_MS + 15 * MIN, runs)
  await after(5 * MIN, runs)
  t.equal(told(), 1, 'once, though both hours failed, twice')
  await turn(await it.open({ owner: it.dead, stores: [failing('days')], telemetry: telemetry() }))
  t.equal(told(), 2)
  await turn(await it.open({ owner: it.dead }))
  t.equal((await merged(it.store, HOUR_MS)).length, 2)
  const broken = {
    ...it.store,
    merged: { ...it.store.merged, days: async () => Promise.reject(new TypeError('ours')) },
  }
  await t.rejects((await it.open({ owner: it.dead, stores: [broken] })).work(never), TypeError)
})

test('one process merges at a time, and what it is told to end it ends', async (t) => {
  const it = await scene(t)
  const runs = await it.open()
  const leases = createLeases({
    ...{ dir: `${it.dir}/control/leases`, owner: it.me, clock: it.clock, entropy: seededEntropy(77) },
    files: unsyncedFiles,
  })
  it.clock.advance(2 * HOUR_MS + 15 * MIN)
  const lease = await leases.acquire('merge', 'another')
  await turn(runs)
  t.same(await merged(it.store, HOUR_MS), [])
  await lease.release()
  const stop = new AbortController()
  const stopping: RollupStore = {
    ...it.store,
    merged: {
      ...it.store.merged,
      put: async (...given) => {
        stop.abort(new Error('stopped'))
        return it.store.merged.put(...given)
      },
    },
  }
  await (await it.open({ owner: it.dead, stores: [stopping] })).work(stop.signal)
  t.same(await merged(it.store, HOUR_MS), [])
  await (await it.open({ owner: it.dead })).work(AbortSignal.abort())
  t.same(await merged(it.store, HOUR_MS), [])
  await (await it.open({ owner: it.dead })).work(never)
  t.equal((await merged(it.store, HOUR_MS)).length, 2)
})

test('what is published while its hour is merged makes that none', async (t) => {
  const it = await scene(t)
  const runs = await it.open()
  it.clock.advance(2 * HOUR_MS + 15 * MIN)
  await turn(await it.open({ owner: it.dead, stores: [withoutMerging(it.store)] }))
  const [window] = await it.store.windows('vitals', NOON, NOON + 1)
  if (window === undefined) throw new Error('it is there')
  let isRaced = false
  const racing: RollupStore = {
    ...it.store,
    merged: {
      ...it.store.merged,
      async put(span, { rows, finish }) {
        const done = await it.store.merged.put(span, {
          rows,
          finish: async () => {
            const told = await finish()
            if (!isRaced) await it.store.publish({ ...window, generation: 9 }, (async function* () {})())
            isRaced = true
            return told
          },
        })
        return done
      },
    },
  }
  await (await it.open({ owner: it.dead, stores: [racing] })).work(never)
  t.same(
    (await merged(it.store, HOUR_MS)).map(([at]) => at),
    [1],
  )
  await turn(runs)
  t.same(
    (await totals(it.store)).map(({ rows }) => rows),
    [16, 16],
  )
})

test('whoever is killed while windows are merged leaves numbers that are those of the windows', async (t) => {
  let kills = 0
  for (let step = 1; ; step += 3) {
    const it = await scene(t)
    it.clock.advance(2 * HOUR_MS + 15 * MIN)
    await turn(await it.open({ owner: it.dead, stores: [withoutMerging(it.store)] }))
    const { death, mortal } = killedAt(step)
    const files = mortal(unsyncedFiles, ['open', 'rename', 'unlink', 'mkdir', 'link'])
    const killed = await it.open({
      owner: it.dead,
      lake: mortal(it.lake, ['put']),
      stores: [localStore({ dir: `${it.dir}/store`, files })],
    })
    const died = await Promise.race([death.then(() => true), killed.work(never).then(() => false)])
    const [own, whole] = await totals(it.store)
    t.same(whole, own, `step ${step}`)
    if (!died) break
    kills += 1
    const next = await it.open({ owner: it.dead })
    it.clock.advance(MIN)
    await next.work(never)
    t.equal((await merged(it.store, HOUR_MS)).length, 2, `step ${step}: it is done by the next`)
    t.same((await totals(it.store))[1], own)
  }
  t.ok(kills > 10, `${kills} kills`)
})
