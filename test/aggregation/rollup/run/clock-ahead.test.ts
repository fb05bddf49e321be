import { once } from 'node:events'
import { test } from 'tap'
import { definitionPrefix } from '../../../../src/aggregation/rollup/commit/manifest-keys.ts'
import { DAY_MS, HOUR_MS } from '../../../../src/std/durations.ts'
import { AppError } from '../../../../src/std/errors.ts'
import type { FileOps } from '../../../../src/std/files/files.ts'
import { createTelemetry, quietTelemetry } from '../../../../src/std/telemetry.ts'
import { aggregation, definition, GRAIN, MIN, never, T0 } from '../../../fakes/aggregation/aggregation.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'
import { unsyncedFiles } from '../../../fakes/files/unsynced-files.ts'

/** What was written while the clock was ahead holds nothing up once the clock is right again. */

const AHEAD = 25 * 60 * MIN
const at = (i: number) => T0 + i * GRAIN
const late = { ...seededEntropy(99), uniform: () => 0.999 }

async function opened(t: Parameters<typeof aggregation>[0], telemetry = quietTelemetry()) {
  const parts = await aggregation(t, { telemetry, entropy: late })
  const runs = await parts.open()
  parts.deliver(at(0), [1])
  parts.clock.advance(GRAIN + 2 * MIN)
  return {
    ...{ ...parts, runs },
    metrics: () => telemetry.metrics.metrics(),
    async turn(of = runs) {
      await of.tick(never)
      await of.work(never)
    },
  }
}

test('a scheduled run that a stop set back is begun by the next process', async (t) => {
  const { dead, open, clock, engine, stored, turn } = await opened(t)
  const before = await open({ owner: dead, telemetry: quietTelemetry() })
  const stop = new AbortController()
  engine.meanwhile = async (_plan, signal) => {
    const stopped = once(signal, 'abort')
    stop.abort()
    await stopped
    signal.throwIfAborted()
  }
  clock.shift(AHEAD)
  await before.tick(never)
  await before.work(stop.signal)
  clock.shift(-AHEAD)
  engine.meanwhile = async () => {}
  const after = await open({ telemetry: quietTelemetry() })
  await after.recover()
  t.match(await after.list({ limit: 9 }), [
    { state: 'queued', attempt: 0, notBeforeMs: clock.nowMs() + AHEAD },
  ])
  await turn(after)
  t.match(await after.list({ limit: 9 }), [{ state: 'succeeded' }])
  t.match((await stored())[0], { at: 0, sum: 1 })
})

test('a run that was asked for is begun, and a scheduled one makes way for it', async (t) => {
  const { runs, clock, engine, deliver, stored } = await opened(t)
  clock.shift(2 * 60 * MIN)
  await runs.submit({ at: at(0) }, 'ops')
  clock.shift(-2 * 60 * MIN)
  await runs.work(never)
  t.match(await stored(), [{ at: 0, sum: 1 }])
  for (const i of [1, 2]) deliver(at(i), [1])
  clock.advance(2 * GRAIN)
  await runs.tick(never)
  engine.meanwhile = async () => {
    engine.meanwhile = async () => {}
    clock.shift(2 * 60 * MIN)
    await runs.submit({ at: at(0), reprocess: 'all' }, 'ops')
    clock.shift(-2 * 60 * MIN)
  }
  await runs.work(never)
  t.same(
    engine.plans.map(({ fromMs }) => (fromMs - T0) / GRAIN),
    [0, 1, 0],
  )
})

test('a run that failed is tried again, and its windows are not kept from the schedule', async (t) => {
  const { runs, clock, engine, stored, turn } = await opened(t)
  clock.shift(AHEAD)
  engine.failures.push(...Array.from({ length: 200 }, () => new AppError('engine_failed', 'no')))
  await turn()
  engine.failures.length = 0
  t.match(await runs.list({ limit: 9 }), [{ state: 'queued', attempt: 1 }])
  clock.shift(-AHEAD)
  await turn()
  t.match(await stored(), [{ at: 0, sum: 1 }])
})

test('a command waits for no time of a clock that was ahead', async (t) => {
  let corrected = () => {}
  const files: FileOps = {
    ...unsyncedFiles,
    async readFile(path, maxBytes) {
      const found = await unsyncedFiles.readFile(path, maxBytes)
      if (/"state":"queued","attempt":1,/.test(String(found))) corrected()
      return found
    },
  }
  const { open, clock, engine } = await aggregation(t, { files, entropy: late })
  const runs = await open()
  clock.shift(AHEAD)
  engine.failures.push(new AppError('engine_failed', 'no'))
  const { id } = await runs.submit({ at: T0 }, 'ops')
  // After it was looked for what is ready.
  corrected = () => {
    corrected = () => {}
    clock.shift(-AHEAD)
  }
  t.match(await runs.finish(String(id), never), { state: 'succeeded', attempt: 2 })
})

test('a window that was given up is taken', async (t) => {
  const { runs, clock, engine, stored, turn } = await opened(t)
  clock.shift(AHEAD)
  engine.failures.push(new AppError('bad_configuration', 'no'))
  await runs.submit({ at: at(0) }, 'ops')
  await runs.work(never)
  clock.shift(-AHEAD)
  t.match(await runs.windows({ fromMs: at(0), toMs: at(1) }), [{ state: 'failed' }])
  await turn()
  t.match(await stored(), [{ at: 0, sum: 1 }])
  t.match(await runs.windows({ fromMs: at(0), toMs: at(1) }), [{ state: 'committed' }])
})

test('a window that was committed then is told to have failed, once a run gives it up', async (t) => {
  const { runs, clock, engine, deliver, stored, turn } = await opened(t)
  clock.shift(AHEAD)
  await runs.submit({ at: at(0) }, 'ops')
  await runs.work(never)
  clock.shift(-AHEAD)
  deliver(at(0), [2])
  engine.failures.push(new AppError('bad_configuration', 'no'))
  await runs.submit({ at: at(0) }, 'ops')
  await runs.work(never)
  t.match(await runs.windows({ fromMs: at(0), toMs: at(1) }), [{ state: 'failed' }])
  clock.advance(HOUR_MS)
  await turn()
  t.match(await runs.windows({ fromMs: at(0), toMs: at(1) }), [{ state: 'committed' }])
  t.match((await stored())[0], { at: 0, sum: 3 })
})

test('what a run writes that is at work is not swept, however old it looks', async (t) => {
  const { runs, clock, lake, engine } = await opened(t)
  await runs.tick(never)
  const [run] = await runs.list({ limit: 1 })
  const parts = ['.a', '0.a'].map((attempt) => `${definitionPrefix(definition)}run=${run?.id}${attempt}/part`)
  for (const key of parts) await lake.put(key, Buffer.from('rows'))
  engine.meanwhile = async () => {
    clock.advance(2 * DAY_MS)
    await runs.tick(never)
    t.same(
      parts.map((key) => lake.objects.has(key)),
      [true, false],
    )
  }
  await runs.work(never)
  t.match(await runs.list({ limit: 1 }), [{ state: 'succeeded' }], 'nor is its lease')
  clock.advance(2 * DAY_MS)
  await runs.tick(never)
  t.notOk(parts.some((key) => lake.objects.has(key)))
})

test('the metrics tell of windows that have begun', async (t) => {
  const { runs, clock, deliver, metrics, turn } = await opened(t)
  await turn()
  clock.shift(AHEAD)
  deliver(at(100), [1])
  await runs.submit({ at: at(100) }, 'ops')
  await runs.work(never)
  await runs.overview()
  t.match(await metrics(), /due_windows\{rollup="vitals"\} [1-9]/)
  clock.shift(-AHEAD)
  deliver(at(1), [1])
  clock.advance(GRAIN)
  await turn()
  t.match(await metrics(), 'headgate_rollup_due_windows{rollup="vitals"} 1', 'as it was looked at')
  await turn()
  t.match(await metrics(), 'headgate_rollup_due_windows{rollup="vitals"} 0')
  t.match(await metrics(), 'headgate_rollup_lag_seconds{rollup="vitals"} 120')
})

test('the metrics tell what is due while the schedule makes no run', async (t) => {
  const { runs, clock, deliver, metrics } = await opened(t)
  await runs.tick(never)
  t.match(await metrics(), 'headgate_rollup_due_windows{rollup="vitals"} 1')
  deliver(at(1), [1])
  clock.advance(GRAIN)
  await runs.tick(never)
  t.equal((await runs.list({ limit: 9 })).length, 1, 'it is still at the first')
  t.match(await metrics(), 'headgate_rollup_due_windows{rollup="vitals"} 2')
})

test('what nobody needs is swept a day after the last time, whatever the clock said then', async (t) => {
  const { runs, clock, lake } = await opened(t)
  clock.shift(AHEAD)
  await runs.tick(never)
  clock.shift(-AHEAD)
  const orphan = `${definitionPrefix(definition)}orphan`
  await lake.put(orphan, Buffer.from('rows'))
  clock.advance(2 * DAY_MS)
  await runs.tick(never)
  t.notOk(lake.objects.has(orphan))
})

test('events of a time to come are told, by runs as well, and counted when it has come', async (t) => {
  const lines: string[] = []
  const telemetry = createTelemetry('warn', { write: (line: string) => lines.push(line) })
  const { clock, deliver, metrics, runs, stored, turn } = await opened(t, telemetry)
  await turn()
  // A run takes what a gateway stamped, while both are ahead.
  clock.shift(2 * HOUR_MS)
  deliver(at(9), [1, 2, 3])
  await runs.submit({ at: at(9) }, 'ops')
  await turn()
  t.match(await metrics(), 'headgate_rollup_ahead_rows{rollup="vitals"} 0', 'by that clock it is now')
  clock.shift(-2 * HOUR_MS)
  deliver(at(9), [4, 5])
  deliver(at(20), [6])
  await turn()
  await turn()
  t.match(await metrics(), 'headgate_rollup_ahead_rows{rollup="vitals"} 6')
  t.match(await metrics(), 'headgate_rollup_due_windows{rollup="vitals"} 0')
  const told = [
    { rollup: 'vitals', events: 6, windows: 2, msg: /^events lie in windows that have not begun/ },
  ]
  t.match(
    lines.map((line) => JSON.parse(line)),
    told.map((each) => ({ ...each, from: '2026-11-22T14:15:00.000Z', to: '2026-11-22T17:15:00.000Z' })),
    'once',
  )
  t.match(
    (await runs.overview()).filter(({ ahead }) => ahead > 0),
    [
      { window: { fromMs: at(9) }, state: 'open', ahead: 5 },
      { window: { fromMs: at(20) }, state: 'open', ahead: 1 },
    ],
  )
  const { skipped } = await runs.submit({}, 'ops')
  t.match(
    skipped.filter(({ why }) => why === 'in_the_future'),
    [{ window: { fromMs: at(9) } }, { window: { fromMs: at(20) } }],
  )
  clock.advance(9 * GRAIN)
  await turn()
  t.match(
    (await stored()).find((window) => window.at === 9),
    { sum: 15, complete: true },
  )
  t.match(await metrics(), 'headgate_rollup_ahead_rows{rollup="vitals"} 1')
})

test('what the clocks of clients and gateways may be ahead by is no time to come', async (t) => {
  const { clock, deliver, metrics, runs, turn } = await opened(t)
  await turn()
  clock.advance(5 * MIN)
  deliver(at(2), [1])
  await runs.tick(never)
  t.match(await metrics(), 'headgate_rollup_ahead_rows{rollup="vitals"} 0')
})

for (const [what, farMs, ahead] of [
  ['microseconds', T0 * 1_000, 0],
  ['the last minute of all', 8.64e15 - MIN, 0],
  ['the last window of 9999', Date.UTC(9999, 11, 31, 23, 45), 0],
  ['the one before', Date.UTC(9999, 11, 31, 23, 30), 1],
] as const) {
  test(`an event of a time to come that may have no window holds up no other: ${what}`, async (t) => {
    const { runs, deliver, stored, turn } = await opened(t)
    deliver(farMs, [2])
    await turn()
    t.match(await stored(), [{ at: 0, rows: 1 }])
    t.equal((await runs.submit({}, 'ops')).skipped.filter(({ why }) => why === 'in_the_future').length, ahead)
    t.equal((await runs.overview()).filter((note) => note.ahead > 0).length, ahead)
  })
}
