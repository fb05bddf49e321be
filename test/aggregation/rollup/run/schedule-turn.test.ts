import { test } from 'tap'
import type { SavedProgress } from '../../../../src/aggregation/rollup/run/execute-run.ts'
import type { Runs } from '../../../../src/aggregation/rollup/run/runner.ts'
import { localStore } from '../../../../src/aggregation/rollup/stores/local-store.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { aggregation, GRAIN, MIN, never, T0 } from '../../../fakes/aggregation/aggregation.ts'
import { unsyncedFiles } from '../../../fakes/files/unsynced-files.ts'

const TICK = 5 * MIN
const GRACE = 2 * MIN
const at = (i: number) => T0 + i * GRAIN
const numberOf = ({ fromMs }: { readonly fromMs: number }) => (fromMs - T0) / GRAIN
const oneTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)

/** So many windows, each a minute of work, that are over; and a service that ends with the last of these runs. */
async function setUp(t: Parameters<typeof aggregation>[0], windows: number) {
  const parts = await aggregation(t)
  const { deliver, clock, engine } = parts
  const stop = new AbortController()
  const asked: string[] = []
  for (const i of oneTo(windows)) deliver(at(i), [i])
  clock.advance(windows * GRAIN + GRACE)
  engine.meanwhile = async () => clock.advance(MIN)
  return {
    ...parts,
    stop,
    order: () => engine.plans.map(numberOf),
    ends({ runId, through, of }: SavedProgress) {
      if (runId === asked.at(-1) && through === of) stop.abort()
    },
    async ask(runs: Runs, request: Parameters<Runs['submit']>[0]) {
      const { id } = await runs.submit(request, 'ops', `key ${asked.length}`)
      asked.push(String(id))
      // So that the order of their ids is theirs.
      clock.advance(1)
      return String(id)
    },
    serve: (runs: Runs, scheduled = true) => runs.start(stop.signal, { tickMs: TICK, scheduled }),
  }
}

test('whatever runs are queued, fresh windows are committed on time, and the runs go on where they were', async (t) => {
  const { open, ask, serve, ends, order, deliver, clock, engine } = await setUp(t, 40)
  const runs = await open({ onProgress: (progress) => ends(progress) })
  await runs.tick(never)
  await runs.work(never)
  t.same(order(), oneTo(40))
  engine.plans.length = 0
  let fresh = Math.ceil((clock.nowMs() - T0) / GRAIN)
  const first = fresh
  engine.meanwhile = async () => {
    clock.advance(MIN)
    if (clock.nowMs() < at(fresh)) return
    deliver(at(fresh), [1], clock.nowMs())
    fresh += 1
  }
  const ids: string[] = []
  for (const _ of oneTo(6)) ids.push(await ask(runs, { from: at(0), to: at(40), reprocess: 'all' }))
  await serve(runs)
  for (const id of ids)
    t.match(await runs.get(id), { state: 'succeeded', attempt: 1, windows: { length: 40 } }, id)
  t.match(String(await runs.log(String(ids[0]))), /the schedule had its turn/)
  const asked = order().filter((i) => i < 40)
  t.same(
    asked,
    oneTo(6).flatMap(() => oneTo(40)),
    'in the order in which they were asked for',
  )
  // Since the end of the last window to be waited for, a tick, and the windows of a run and of a turn.
  const overMs = clock.nowMs() - GRACE - TICK - 3 * MIN
  const inTime = (await runs.windows({ fromMs: at(first), toMs: overMs - GRAIN })).filter(
    ({ toMs }) => toMs <= overMs,
  )
  t.ok(inTime.length > 10, `${inTime.length} windows fell due meanwhile`)
  for (const { state, lagMs } of inTime) {
    t.equal(state, 'committed')
    t.ok(lagMs <= GRACE + TICK + 3 * MIN, `${lagMs / MIN} min`)
  }
  const taken = order().filter((i) => i >= 40)
  t.same(
    taken,
    [...new Set(taken)].sort((a, b) => a - b),
    'none of them twice',
  )
})

test('a run and the schedule have turns of the same length, and what one has done the other does not', async (t) => {
  const { open, ask, serve, ends, order } = await setUp(t, 40)
  const runs = await open({ onProgress: (progress) => ends(progress) })
  const id = await ask(runs, {})
  await serve(runs)
  t.same(
    [...order()].sort((a, b) => a - b),
    oneTo(41),
    'each window once, and the one that is open',
  )
  const { windows, state } = await runs.get(id)
  t.equal(state, 'succeeded')
  const byRun = windows.filter(({ result }) => result === 'committed').map(numberOf)
  const bySchedule = windows.filter(({ result }) => result === 'not_needed').map(numberOf)
  t.equal(byRun.length + bySchedule.length, 41)
  t.same(byRun.slice(0, 5), oneTo(5))
  t.same(bySchedule.slice(0, 5), oneTo(5, 5))
})

test('what a run asks for whatever there is, it computes though the schedule has just done so', async (t) => {
  const { open, ask, serve, ends, order } = await setUp(t, 12)
  const runs = await open({ onProgress: (progress) => ends(progress) })
  const id = await ask(runs, { from: at(0), to: at(12), reprocess: 'all' })
  await serve(runs)
  t.same(order(), [...oneTo(5), ...oneTo(5, 5), ...oneTo(5, 5), ...oneTo(3, 10), ...oneTo(2, 10)])
  t.match(await runs.get(id), { windows: oneTo(12).map((i) => ({ result: i < 5 ? 'committed' : /./ })) })
})

test('a window is computed with its late rows, though the schedule has brought its old result to a store', async (t) => {
  const { open, ask, stop, order, deliver, dir, engine } = await setUp(t, 4)
  const work = engine.meanwhile
  engine.meanwhile = async () => {}
  const before = await open()
  await before.tick(never)
  await before.work(never)
  for (const i of oneTo(4)) deliver(at(i), [9])
  engine.plans.length = 0
  engine.meanwhile = work
  const store = localStore({ dir: `${dir}/another`, files: unsyncedFiles })
  const results: unknown[] = []
  const runs = await open({
    stores: [store],
    onProgress({ through, of, done }) {
      results.push(done.result)
      if (through === of && results.length > 4) stop.abort()
    },
  })
  const id = await ask(runs, { from: at(0), to: at(4) })
  await runs.start(stop.signal, { tickMs: MIN, scheduled: true })
  t.same(results, ['committed', 'published', 'published', 'published', 'committed', 'committed', 'committed'])
  t.same(order(), oneTo(4))
  t.match(await runs.get(id), { state: 'succeeded', windows: oneTo(4).map(() => ({ result: 'committed' })) })
})

test('what a scheduled run has done in an earlier try is not done as things are now', async (t) => {
  const { open, ask, stop, order, deliver, engine } = await setUp(t, 3)
  const work = engine.meanwhile
  engine.meanwhile = async () => {}
  engine.failures.push(undefined, undefined, new AppError('engine_failed', 'not now'))
  let id = ''
  const runs = await open({
    onProgress: ({ runId, through, of }) => {
      if (runId === id && through === of) stop.abort()
    },
  })
  await runs.tick(never)
  await runs.work(never)
  for (const i of oneTo(2)) deliver(at(i), [9])
  engine.plans.length = 0
  engine.meanwhile = work
  id = await ask(runs, { from: at(0), to: at(3) })
  await runs.start(stop.signal, { tickMs: MIN, scheduled: true })
  t.same(order(), [0, 2, 1])
  t.match(await runs.get(id), {
    windows: ['committed', 'committed', 'not_needed'].map((result) => ({ result })),
  })
})

test('short runs in a row keep the schedule waiting no longer than a long one', async (t) => {
  const { open, ask, serve, ends, order } = await setUp(t, 12)
  const runs = await open({ onProgress: (progress) => ends(progress) })
  for (const i of oneTo(7)) await ask(runs, { at: at(11 - i) })
  await serve(runs)
  t.same(order(), [11, 10, 9, 8, 7, ...oneTo(5), 6, 5], 'the schedule from the first on, after a tick')
})

test('outside of its turn a scheduled run makes way for who asks after one window', async (t) => {
  const { open, ask, serve, ends, order, clock, engine } = await setUp(t, 4)
  const runs = await open({ onProgress: (progress) => ends(progress) })
  let asked: Promise<string> | undefined
  engine.meanwhile = async () => {
    clock.advance(1)
    asked ??= ask(runs, { at: at(3) })
    await asked
  }
  await serve(runs)
  t.same(order(), [0, 3])
})

test('without a schedule nothing comes between', async (t) => {
  const { open, ask, serve, ends, order } = await setUp(t, 12)
  const runs = await open({ onProgress: (progress) => ends(progress) })
  for (const i of [0, 6]) await ask(runs, { from: at(i), to: at(i + 6) })
  await serve(runs, false)
  t.same(order(), oneTo(12))
  t.equal((await runs.list({ limit: 9 })).length, 2)
})

test('a run that has made way is cancelled at once, and the schedule goes on', async (t) => {
  const { open, ask, serve, stop, clock, engine, order } = await setUp(t, 20)
  const runs = await open({
    onProgress: ({ done }) => {
      if (done.fromMs === at(9)) stop.abort()
    },
  })
  const id = await ask(runs, { from: at(0), to: at(20) })
  engine.meanwhile = async ({ fromMs }) => {
    clock.advance(MIN)
    if (fromMs === at(6)) t.match(await runs.cancel(id), { state: 'cancelled' }, 'within a window')
  }
  await serve(runs)
  t.same(order(), oneTo(10))
  t.match((await runs.get(id)).windows.filter(({ result }) => result !== undefined).map(numberOf), oneTo(5))
})

test('a run that has made way is left by a stop, or the end of its process, as it was', async (t) => {
  for (const [how, isOrderly] of [
    ['a stop', true],
    ['the end of the process', false],
  ] as const) {
    const { open, ask, serve, stop, dead, clock, engine, order } = await setUp(t, 12)
    const left = await open({ owner: dead })
    const id = await ask(left, { from: at(0), to: at(12) })
    let reach = () => {}
    const reached = new Promise<void>((resolve) => {
      reach = resolve
    })
    engine.meanwhile = async ({ fromMs }, signal) => {
      clock.advance(MIN)
      if (fromMs !== at(6)) return
      reach()
      if (!isOrderly) await new Promise(() => {})
      stop.abort()
      signal.throwIfAborted()
    }
    const served = serve(left)
    await (isOrderly ? served : reached)
    t.match(await left.get(id), { state: isOrderly ? 'queued' : 'running' }, how)
    engine.meanwhile = async () => {}
    clock.advance(10 * MIN)
    const runs = await open()
    await runs.recover()
    await runs.work(never)
    t.match(await runs.get(id), { state: 'succeeded' }, how)
    t.same(order(), [...oneTo(7), ...oneTo(7, 6)], how)
  }
})

test('what fails in the turn of the schedule is told, and fails no run that was asked for', async (t) => {
  const lines: string[] = []
  const telemetry = createTelemetry('error', { write: (line) => lines.push(line) })
  const { open, ask, serve, ends, arrivals, order } = await setUp(t, 12)
  const runs = await open({
    telemetry,
    onProgress(progress) {
      ends(progress)
      if (progress.through === 5) arrivals.failures.push(new AppError('lake_failed', 'The lake is away'))
    },
  })
  const id = await ask(runs, { from: at(0), to: at(12), reprocess: 'all' })
  await serve(runs)
  t.match(await runs.get(id), { state: 'succeeded' })
  t.same(order().slice(0, 10), oneTo(10))
  t.match(lines, [/the schedule cannot look for work now/])
})
