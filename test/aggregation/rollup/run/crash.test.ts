import { once } from 'node:events'
import { type Test, test } from 'tap'
import { createLeases } from '../../../../src/aggregation/rollup/commit/lease.ts'
import type { Runs } from '../../../../src/aggregation/rollup/run/runner.ts'
import { localStore } from '../../../../src/aggregation/rollup/stores/local-store.ts'
import { sleep } from '../../../../src/std/async/abort.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { aggregation, GRAIN, MIN, never, T0 } from '../../../fakes/aggregation/aggregation.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'
import { faultyFiles } from '../../../fakes/files/faulty-files.ts'
import { changingCalls, killedAt } from '../../../fakes/files/killed.ts'
import { unsyncedFiles } from '../../../fakes/files/unsynced-files.ts'

const at = (i: number) => T0 + i * GRAIN

/** Two windows, one of them committed before and dirty now: what the killed process was about to run. */
async function scene(t: Test) {
  const it = await aggregation(t)
  it.deliver(at(0), [1])
  it.clock.advance(GRAIN + 2 * MIN)
  const before = await it.open()
  await before.submit({ at: T0 }, 'ops')
  await before.work(never)
  it.deliver(at(0), [2])
  it.deliver(at(1), [4])
  it.clock.advance(GRAIN)
  return it
}

const explicit = async (runs: Runs) => {
  await runs.submit({ from: at(0), to: at(2) }, 'ops', 'key')
  await runs.work(never)
}
const scheduled = async (runs: Runs) => {
  await runs.tick(never)
  await runs.work(never)
}
const final = [
  { at: 0, generation: 2, complete: true, rows: 2, sum: 3 },
  { at: 1, generation: 1, complete: true, rows: 1, sum: 4 },
]

for (const [name, job] of [
  ['an explicit run', explicit],
  ['a scheduled run', scheduled],
] as const) {
  test(`${name}, killed at any step, ends in what an undisturbed one ends in`, async (t) => {
    let kills = 0
    for (let step = 1; ; step++) {
      const { open, arrivals, engine, lake, dir, dead, stored } = await scene(t)
      const { death, mortal } = killedAt(step)
      const files = mortal(unsyncedFiles, changingCalls)
      const killed = await open({
        owner: dead,
        files,
        arrivals: mortal(arrivals, ['ingest']),
        engine: mortal(engine, ['compute']),
        lake: mortal(lake, ['put']),
        stores: [localStore({ dir: `${dir}/store`, files })],
      })
      const died = await Promise.race([death.then(() => true), job(killed).then(() => false)])
      if (!died) {
        t.same(await stored(), final, 'undisturbed')
        break
      }
      kills++
      // Readers see each window whole, as it was or as it will be, at all times.
      for (const window of await stored()) {
        t.ok(
          [...final, { at: 0, generation: 1, complete: true, rows: 1, sum: 1 }].some(
            (each) => JSON.stringify(each) === JSON.stringify(window),
          ),
          `step ${step}: ${JSON.stringify(window)}`,
        )
      }
      const next = await open()
      await next.recover()
      await next.work(never)
      await job(next)
      if (JSON.stringify(await stored()) !== JSON.stringify(final))
        t.same(await stored(), final, `killed at step ${step}`)
      const runs = await next.list({ limit: 9 })
      if (!runs.every(({ state }) => state === 'succeeded')) t.same(runs, [], `killed at step ${step}`)
    }
    t.ok(kills > 40, `${kills} points of death`)
  })
}

test('a run found running starts its next attempt; one found publishing goes on publishing', async (t) => {
  for (const [method, attempt, plans] of [
    ['compute', 2, 1],
    ['publish', 1, 1],
  ] as const) {
    const { open, engine, store, dead, clock, deliver, stored } = await aggregation(t)
    deliver(at(0), [1])
    clock.advance(GRAIN + 2 * MIN)
    const { death, mortal } = killedAt(1)
    const killed = await open({
      owner: dead,
      ...(method === 'compute'
        ? { engine: mortal(engine, ['compute']) }
        : { stores: [mortal(store, ['publish'])] }),
    })
    const { id } = await killed.submit({ at: T0 }, 'ops')
    await Promise.race([death, killed.work(never)])
    const runs = await open()
    t.equal((await runs.get(String(id))).state, method === 'compute' ? 'running' : 'publishing')
    await runs.recover()
    await runs.recover()
    await runs.work(never)
    t.match(await runs.get(String(id)), { state: 'succeeded', attempt })
    t.match(await stored(), [{ generation: 1, rows: 1 }])
    t.equal(engine.plans.length, plans)
  }
})

test('a run whose process keeps ending under it is given up', async (t) => {
  const { open, engine, dead, deliver, clock } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  let id: string | null = null
  for (let attempt = 1; attempt <= 5; attempt++) {
    const { death, mortal } = killedAt(1)
    const killed = await open({ owner: dead, engine: mortal(engine, ['compute']) })
    await killed.recover()
    id ??= (await killed.submit({ at: T0 }, 'ops')).id
    await Promise.race([death, killed.work(never)])
  }
  const runs = await open()
  await runs.recover()
  await runs.work(never)
  t.match(await runs.get(String(id)), {
    state: 'failed',
    attempt: 5,
    error: { code: 'internal', message: 'Its process ended under it 5 times' },
  })
  t.same(engine.plans, [])
})

test('runs that were left are worked off in the order of their requests', async (t) => {
  const { open, clock, dead, engine } = await aggregation(t)
  const gone = await open({ owner: dead })
  for (const i of [-3, -1, -2]) {
    await gone.submit({ at: at(i) }, 'ops')
    clock.advance(1)
  }
  const runs = await open()
  await runs.recover()
  await runs.work(never)
  t.same(
    engine.plans.map(({ fromMs }) => fromMs),
    [at(-3), at(-1), at(-2)],
  )
})

test('runs of a process that lives are left to it', async (t) => {
  const { open } = await aggregation(t)
  const { id } = await (await open()).submit({ at: T0 }, 'ops')
  const runs = await open()
  await runs.recover()
  await runs.work(never)
  t.equal((await runs.get(String(id))).state, 'queued')
})

test('a start does not end of a run that cannot be taken over; the next tick takes it', async (t) => {
  const lines: string[] = []
  const telemetry = createTelemetry('error', { write: (line) => lines.push(line) })
  const { open, dead, deliver, clock, stored } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  const { id } = await (await open({ owner: dead })).submit({ at: T0 }, 'ops')
  const { files, fail, heal } = faultyFiles()
  // Once it has shown that it lives, and what it computes.
  fail({ call: 'write', code: 'ENOSPC', times: Number.POSITIVE_INFINITY, after: 2 })
  const full = await open({ files, telemetry })
  const ending = new AbortController()
  const started = full.start(ending.signal, { tickMs: 5, scheduled: false })
  while (lines.length < 1) await sleep(1)
  t.match(lines, [/runs that were left cannot be looked for now/])
  heal()
  fail({ call: 'write', code: 'ENOSPC', file: /json\.part$/ })
  while ((await full.get(String(id))).state !== 'succeeded') await sleep(1)
  t.match(await stored(), [{ generation: 1 }])
  t.ok(lines.some((line) => line.includes(String(id)) && line.includes('cannot be taken over now')))
  ending.abort()
  await started
})

test('where another is at the runs that were left, that is no failure; what it leaves is taken next', async (t) => {
  const lines: string[] = []
  const telemetry = createTelemetry('error', { write: (line) => lines.push(line) })
  const { open, dir, me, dead, clock } = await aggregation(t)
  const { id } = await (await open({ owner: dead })).submit({ at: T0 }, 'ops')
  const leases = createLeases({ dir: `${dir}/control/leases`, owner: me, clock, entropy: seededEntropy(9) })
  const adoption = await leases.acquire('adoption', 'adoption')
  let looks = 0
  const readdir: typeof unsyncedFiles.readdir = async (...folder) => {
    looks += `${folder[0]}`.endsWith('leases') ? 1 : 0
    return unsyncedFiles.readdir(...folder)
  }
  const runs = await open({ telemetry, files: { ...unsyncedFiles, readdir } })
  const ending = new AbortController()
  const started = runs.start(ending.signal, { tickMs: 5, scheduled: false })
  for (const before = looks; looks < before + 20; ) await sleep(1)
  t.equal((await runs.get(String(id))).state, 'queued')
  await adoption.release()
  while (['queued', 'running'].includes((await runs.get(String(id))).state)) await sleep(1)
  t.same(lines, [])
  ending.abort()
  await started
})

test('a run that another took over meanwhile is left to it', async (t) => {
  const { open, dead, me } = await aggregation(t)
  const { id } = await (await open({ owner: dead })).submit({ at: T0 }, 'ops')
  const quick = await open({ owner: { ...me } })
  let before: (() => Promise<void>) | undefined = () => quick.recover()
  const mkdir: typeof unsyncedFiles.mkdir = async (...folder) => {
    // Between the look at the runs that were left and the lease to take them over.
    const first = before
    before = undefined
    await first?.()
    return unsyncedFiles.mkdir(...folder)
  }
  const slow = await open({ files: { ...unsyncedFiles, mkdir } })
  await slow.recover()
  await slow.work(never)
  t.equal((await slow.get(String(id))).state, 'queued', 'not worked off by the slow one')
  await quick.work(never)
  t.equal((await slow.get(String(id))).state, 'succeeded')
})

test('a service that stops leaves its run to the next one, and that is no attempt', async (t) => {
  const { open, engine, dead, deliver, clock, stored } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  const stop = new AbortController()
  engine.meanwhile = async (_, signal) => {
    engine.meanwhile = async () => {}
    const stopped = once(signal, 'abort')
    stop.abort()
    await stopped
    throw new AppError('cancelled', 'killed with its process')
  }
  const stopping = await open({ owner: dead })
  const { id } = await stopping.submit({ at: T0 }, 'ops')
  await stopping.work(stop.signal)
  t.match(await stopping.get(String(id)), { state: 'queued', attempt: 0 })
  const runs = await open()
  await runs.recover()
  await runs.work(never)
  t.match(await runs.get(String(id)), { state: 'succeeded', attempt: 1 })
  t.match(await stored(), [{ generation: 1 }])
})

test('the command line waits for the end of its run, pauses included', async (t) => {
  const { open, engine, deliver, clock: still } = await aggregation(t)
  deliver(at(0), [1])
  still.advance(GRAIN + 2 * MIN)
  const startMs = performance.now()
  const clock = { ...still, nowMs: () => still.nowMs() + Math.floor(performance.now() - startMs) }
  const runs = await open({ clock, entropy: { ...seededEntropy(), uniform: () => 500 / 30_000 } })
  engine.failures.push(new AppError('engine_failed', 'no'))
  const { id } = await runs.submit({ at: T0 }, 'ops')
  t.match(await runs.finish(String(id), never), { state: 'succeeded', attempt: 2 })
  const stop = new AbortController()
  stop.abort()
  const next = await runs.submit({ at: T0, reprocess: 'all' }, 'ops')
  t.match(await runs.finish(String(next.id), stop.signal), { state: 'queued' })
})
