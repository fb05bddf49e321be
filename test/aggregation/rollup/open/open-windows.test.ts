import { readdir } from 'node:fs/promises'
import { type Test, test } from 'tap'
import {
  createOpenWindows,
  MOST_OPEN_WINDOWS,
  REFRESH_MS,
} from '../../../../src/aggregation/rollup/open/open-windows.ts'
import { localOpenStore } from '../../../../src/aggregation/rollup/stores/local-open.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { aggregation, definition, GRAIN, MIN, never, T0 } from '../../../fakes/aggregation/aggregation.ts'
import { chunks, committed, rollupRow } from '../../../fakes/aggregation/store.ts'
import { unsyncedFiles } from '../../../fakes/files/unsynced-files.ts'

const GRACE = 2 * MIN

/** Open windows over a lake in which something has come at T0, in the first minute of a window. */
async function scene(t: Test, graceMs = GRACE) {
  const it = await aggregation(t)
  const dir = `${it.dir}/open`
  const store = localOpenStore({ dir, files: unsyncedFiles })
  const lines: string[] = []
  const { log } = createTelemetry('warn', { write: (line) => lines.push(line) })
  const { engine, sortRows, entropy, arrivals, lake, clock } = it.options()
  let letGo = 0
  const end = async () => {
    letGo += 1
  }
  const open = createOpenWindows({
    ...{ definitions: [definition], arrivals, lake, store, graceMs, system: { clock, entropy, log } },
    computing: { engine, sortRows, letGo: end },
  })
  const arrive = async (ms: number, values: readonly number[]) => {
    it.deliver(ms, values)
    await arrivals.ingest(never)
  }
  await arrive(T0, [1, 2, 3])
  const request = { rollup: 'vitals', app: 'shop', metric: 'browser.web_vital.lcp', set: 'app' }
  return {
    ...{ ...it, arrive, open, openStore: store, lines, letGo: () => letGo },
    /** Starts, in minutes after T0, and rows of the windows that are there. */
    async there() {
      const windows = await store.contents({ ...request, fromMs: 0, toMs: T0 + 100 * GRAIN }, never)
      return windows.map(({ fromMs, complete, units }) => [(fromMs - T0) / MIN, units[0]?.rows, complete])
    },
    outputs: async () => (await lake.list('rollups/')).map(({ key }) => key),
    files: async () => (await readdir(dir, { recursive: true })).filter((name) => name.includes('rollup')),
  }
}

test('what has come of an open window is computed while somebody looks at it, once a minute', async (t) => {
  const { open, clock, arrive, engine, there, outputs, letGo } = await scene(t)
  clock.advance(MIN)
  await open.refresh(never)
  t.same(await there(), [], 'nobody looks')

  open.watched('vitals')
  await open.refresh(never)
  t.same(await there(), [[0, 3, false]])
  t.same(await outputs(), [], 'nothing of it stays in the lake, and no manifest names it')
  t.ok(letGo() > 0)

  await arrive(T0 + MIN, [4, 5])
  clock.advance(REFRESH_MS - 1)
  await open.refresh(never)
  t.same(await there(), [[0, 3, false]], 'it is not a minute old')
  clock.advance(1)
  await open.refresh(never)
  t.same(await there(), [[0, 5, false]])
  t.equal(engine.plans.length, 2)
  t.ok(engine.plans.every(({ lateAfterMs }) => lateAfterMs === T0 + GRAIN + GRACE))

  clock.advance(REFRESH_MS)
  await open.refresh(never)
  t.equal(engine.plans.length, 2, 'nothing new has come')
  clock.advance(3 * MIN)
  await open.refresh(never)
  t.equal(engine.plans.length, 2, 'nobody looked for so long')
  t.same(await there(), [])
  open.watched('vitals')
  await open.refresh(never)
  t.same(await there(), [[0, 5, false]], 'at once for who looks again')
})

test('the first events of a window are told with the next look', async (t) => {
  const { open, clock, arrive, engine, there } = await scene(t)
  clock.advance(GRAIN + GRACE)
  open.watched('vitals')
  await open.refresh(never)
  t.same([await there(), engine.plans.length], [[], 0])
  clock.advance(1)
  await arrive(T0 + GRAIN, [7])
  await open.refresh(never)
  t.same(await there(), [[15, 1, false]])
})

test('a window is open until it is committed, and none stays behind', async (t) => {
  const { open, clock, arrive, there, files } = await scene(t)
  const look = async () => {
    open.watched('vitals')
    await open.refresh(never)
    return there()
  }
  clock.advance(GRAIN)
  await arrive(T0 + GRAIN, [7])
  t.same(await look(), [
    [0, 3, false],
    [15, 1, false],
  ])
  clock.advance(GRACE)
  t.same(await look(), [[15, 1, false]])
  t.equal((await files()).length, 1)
  open.watched('vitals')
  await open.clear()
  t.same(await files(), [])
  await open.refresh(never)
  t.same(await there(), [[15, 1, false]], 'cleared windows are due at once')
})

test('of windows that got nothing new none is computed, but for its age; and of many the newest alone', async (t) => {
  const { open, clock, arrive, engine, there } = await scene(t, 100 * GRAIN)
  for (let at = 1; at <= 10; at++) await arrive(T0 + at * GRAIN, [at])
  clock.advance(10 * GRAIN)
  const look = async () => {
    open.watched('vitals')
    await open.refresh(never)
    return engine.plans.length
  }
  t.equal(await look(), MOST_OPEN_WINDOWS)
  t.same(
    (await there()).map(([at]) => at),
    [105, 120, 135, 150],
  )
  clock.advance(REFRESH_MS)
  await arrive(T0 + 9 * GRAIN, [1])
  t.equal(await look(), MOST_OPEN_WINDOWS + 1)
  clock.advance(3 * MIN)
  t.equal(await look(), 2 * MOST_OPEN_WINDOWS, 'those of four minutes ago')
})

test('what is removed while a window is computed does not come back, whoever left it', async (t) => {
  const { open, openStore, engine, there, files } = await scene(t)
  const window = { rollup: 'of another configuration', fromMs: T0, toMs: T0 + GRAIN, generation: 1 }
  const left = committed(T0, { ...window, complete: false })
  await openStore.publish(left, chunks([rollupRow({}, [1])]))
  engine.meanwhile = async () => {
    t.equal((await files()).length, 0, 'what another configuration left')
    engine.meanwhile = async () => {}
    await open.clear()
  }
  open.watched('vitals')
  await open.refresh(never)
  t.same([await there(), engine.plans.length], [[], 1])
  await open.refresh(never)
  t.same(await there(), [[0, 3, false]])
})

test('a clock that was set back does not keep a window as it was', async (t) => {
  const { open, clock, arrive, there } = await scene(t)
  clock.advance(5 * MIN)
  open.watched('vitals')
  await open.refresh(never)
  await arrive(T0, [9])
  clock.shift(-3 * MIN)
  clock.advance(REFRESH_MS)
  open.watched('vitals')
  await open.refresh(never)
  t.same(await there(), [[0, 4, false]])
})

test('what fails is told once, keeps nobody from anything, and is tried again', async (t) => {
  const { open, clock, arrive, engine, lines, there, outputs } = await scene(t)
  const failure = new AppError('engine_failed', 'no memory')
  engine.failures.push(failure, failure, undefined, failure)
  const told: number[] = []
  for (let i = 0; i < 4; i++) {
    if (i === 3) await arrive(T0, [4])
    open.watched('vitals')
    await open.refresh(never)
    told.push(lines.length)
    clock.advance(REFRESH_MS)
  }
  t.same(told, [1, 1, 1, 2])
  t.match(lines[0], /an open window cannot be computed now; it is tried again later/)
  t.same(await there(), [[0, 3, false]], 'what was computed before is still there')
  t.same(await outputs(), [])

  engine.failures.push(new TypeError('a mistake'))
  open.watched('vitals')
  await t.rejects(open.refresh(never), { message: 'a mistake' })
})
