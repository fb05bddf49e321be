import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { test } from 'tap'
import { keptDefinition } from '../../../../src/aggregation/rollup/model/definition.ts'
import { FAILED_PAUSE_MS, type Reprocess } from '../../../../src/aggregation/rollup/plan/plan.ts'
import { MANY_UNPUBLISHED } from '../../../../src/aggregation/rollup/plan/window-news.ts'
import type { SavedProgress } from '../../../../src/aggregation/rollup/run/execute-run.ts'
import { HELD_PAUSE_MS } from '../../../../src/aggregation/rollup/run/log/run-record.ts'
import { MAX_WAIT_MS } from '../../../../src/aggregation/rollup/run/upstream.ts'
import { localStore } from '../../../../src/aggregation/rollup/stores/local-store.ts'
import { parseManifestKey } from '../../../../src/lake/layout.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { nodeFiles } from '../../../../src/std/files/files.ts'
import { createTelemetry, quietTelemetry } from '../../../../src/std/telemetry.ts'
import { aggregation, definition, GRAIN, MIN, never, T0 } from '../../../fakes/aggregation/aggregation.ts'
import { memorySortRows } from '../../../fakes/aggregation/engine.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'
import { faultyFiles } from '../../../fakes/files/faulty-files.ts'
import { noFiles, replaceByNoFile } from '../../../fakes/files/not-files.ts'
import { unsyncedFiles } from '../../../fakes/files/unsynced-files.ts'
import { reconciliation } from '../../../fakes/reconciliation.ts'

const DAY = 24 * 60 * MIN
/** Of an hour, so that few windows are inside. */
const shortHorizon = { schedule: { graceMs: 2 * MIN, horizonMs: 60 * MIN } }
const at = (i: number) => T0 + i * GRAIN
const failure = (code: 'engine_failed' | 'engine_out_of_memory' = 'engine_failed') => new AppError(code, 'no')
const atOnce = { ...seededEntropy(99), uniform: () => 0 }

test('a window that is over is committed and published, the one that is open is waited for', async (t) => {
  const { deliver, clock, open, stored, store } = await aggregation(t)
  const runs = await open()
  await runs.tick(never)
  t.same(await runs.list({ limit: 9 }), [], 'an empty lake needs no run')
  deliver(at(0), [1, 2])
  deliver(at(1), [4])
  clock.advance(GRAIN + 2 * MIN - 1)
  await runs.tick(never)
  t.same(await runs.list({ limit: 9 }), [], 'not before the grace is over')
  clock.advance(1)
  await runs.tick(never)
  await runs.work(never)
  t.same(await stored(), [{ at: 0, generation: 1, complete: true, rows: 2, sum: 3 }])
  const [run] = await runs.list({ limit: 9 })
  t.match(run, {
    state: 'succeeded',
    trigger: 'schedule',
    principal: 'schedule',
    attempt: 1,
    windows: [{ result: 'committed', generation: 1, rows: 1 }],
  })
  const told = await store.windows('vitals', at(0), at(1))
  t.match(told, [{ definition: keptDefinition(definition) }], 'and what it was computed under')
  await runs.tick(never)
  t.equal((await runs.list({ limit: 9 })).length, 1, 'and nothing is left to do')
})

test('late rows open a window again, after a pause that grows', async (t) => {
  const telemetry = quietTelemetry()
  const { deliver, clock, open, stored } = await aggregation(t, { telemetry })
  const runs = await open()
  const told = async (windowsToRepeat: number) => {
    await runs.tick(never)
    t.same([...(runs.lackingRows().get('vitals') ?? [])], windowsToRepeat > 0 ? [at(0)] : [])
    const line = `headgate_rollup_windows_to_repeat{rollup="vitals"} ${windowsToRepeat}\n`
    t.ok((await telemetry.metrics.metrics()).includes(line), line)
  }
  const turn = async (ms: number) => {
    clock.advance(ms)
    await runs.tick(never)
    await runs.work(never)
    return (await stored())[0]
  }
  deliver(at(0), [1])
  t.match(await turn(GRAIN + 2 * MIN), { generation: 1, rows: 1 })
  deliver(at(0), [2], at(1) + 2 * MIN)
  t.match(await turn(5 * MIN - 1), { generation: 1, rows: 1 })
  t.match(await runs.windows({}), [{ state: 'dirty' }, { state: 'open' }])
  await told(1)
  const lacking = runs.lackingRows().get('vitals')
  t.equal(runs.lackingRows().get('vitals'), lacking, 'made once a look, whoever asks how often')
  t.match(await turn(1), { generation: 2, rows: 2, sum: 3 })
  t.same(runs.lackingRows().get('vitals'), new Float64Array(), 'as soon as a run is through')
  await told(0)
  t.match((await runs.windows({}))[0], { state: 'committed', late: 1, rejected: 0, rows: 1, lagMs: 7 * MIN })
  deliver(at(0), [4])
  t.match(await turn(10 * MIN - 1), { generation: 2 })
  t.match(await turn(1), { generation: 3, rows: 3, sum: 7 })
})

test('when the first event happened is known after a run of a range, without a schedule too', async (t) => {
  const { deliver, clock, open } = await aggregation(t)
  const runs = await open()
  clock.advance(3 * GRAIN)
  const { id } = await runs.submit({ from: at(1), to: at(2) }, 'ops')
  t.equal(runs.firstEventMs(), Number.POSITIVE_INFINITY)
  deliver(at(0), [1])
  await runs.work(never)
  t.match(await runs.get(String(id)), { state: 'succeeded' })
  t.equal(runs.firstEventMs(), at(0))
})

test('downtime is caught up, the newest of a day and then the oldest first, a bounded number a run', async (t) => {
  const { deliver, clock, open, engine, stored } = await aggregation(t)
  const runs = await open()
  t.equal(runs.firstEventMs(), undefined, 'nobody has looked')
  await runs.tick(never)
  t.equal(runs.firstEventMs(), Number.POSITIVE_INFINITY)
  for (let i = 0; i < 110; i++) deliver(at(i), [i])
  clock.advance(110 * GRAIN + 2 * MIN)
  await runs.tick(never)
  t.equal(runs.firstEventMs(), at(0))
  await runs.work(never)
  t.equal(engine.plans.length, 96, 'a bounded number a run')
  t.equal((await runs.overview()).filter(({ state }) => state === 'due').length, 14)
  await runs.tick(never)
  await runs.work(never)
  t.same(
    engine.plans.map(({ fromMs }) => (fromMs - T0) / GRAIN),
    [
      ...Array.from({ length: 48 }, (_, i) => 109 - i),
      ...Array.from({ length: 48 }, (_, i) => i),
      ...Array.from({ length: 14 }, (_, i) => 48 + i),
    ],
    'all of them',
  )
  t.equal((await stored()).length, 110)
  t.equal((await runs.overview()).filter(({ state }) => state === 'due').length, 0)
})

test('a scheduled run makes way for who asks, after the window under way, and the next tick takes the rest', async (t) => {
  const { deliver, clock, open, engine, stored } = await aggregation(t)
  const asked: Promise<unknown>[] = []
  const runs = await open({
    engine: {
      ...engine,
      async compute(plan, signal) {
        await Promise.all(asked)
        return engine.compute(plan, signal)
      },
    },
    onProgress({ through }) {
      if (through === 2 && asked.length === 0) asked.push(runs.submit({ at: at(9) }, 'somebody'))
    },
  })
  for (let i = 0; i < 10; i++) deliver(at(i), [i])
  clock.advance(10 * GRAIN + 2 * MIN)
  await runs.tick(never)
  await runs.work(never)
  const order = () => engine.plans.map(({ fromMs }) => (fromMs - T0) / GRAIN)
  t.same(order(), [0, 1, 2, 9])
  const listed = await runs.list({ limit: 9 })
  const asking = listed.find(({ trigger }) => trigger === 'request')
  const scheduled = listed.find(({ trigger }) => trigger === 'schedule')
  t.match(asking, { state: 'succeeded', windows: [{ result: 'committed' }] })
  t.match(scheduled, { state: 'succeeded', windows: { length: 3 } })
  t.same(
    scheduled?.skipped.map(({ window, why }) => [(window.fromMs - T0) / GRAIN, why]),
    [[10, 'open'], ...[3, 4, 5, 6, 7, 8, 9].map((i) => [i, 'next_tick'])],
  )
  await runs.tick(never)
  await runs.work(never)
  t.same(order(), [0, 1, 2, 9, 3, 4, 5, 6, 7, 8])
  t.equal((await stored()).length, 10)
})

test('rows that arrive days late are due, and empty windows between them are not', async (t) => {
  const { deliver, clock, open, engine, stored } = await aggregation(t, shortHorizon)
  const runs = await open()
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  await runs.tick(never)
  await runs.work(never)
  clock.advance(5 * DAY)
  deliver(at(-3 * 96), [2])
  deliver(at(100), [4], clock.nowMs())
  for (let i = 0; i < 3; i++) {
    await runs.tick(never)
    await runs.work(never)
  }
  const rows = (await stored()).filter((window) => window.rows > 0)
  t.match(rows, [
    { at: -3 * 96, sum: 2, complete: true },
    { at: 0, sum: 1 },
    { at: 100, sum: 4 },
  ])
  const [oldest] = engine.plans.slice(1)
  t.equal(oldest?.fromMs, at(-3 * 96), 'the oldest first')
  t.notOk(
    engine.plans.some(({ fromMs }) => fromMs > at(-3 * 96) && fromMs < at(-2 * 96)),
    'what nothing touched is of interest inside the horizon only',
  )
})

test('rows that come after the horizon of a finished window are told, and wait for a run of all', async (t) => {
  const lines: string[] = []
  const telemetry = createTelemetry('warn', { write: (line: string) => lines.push(line) })
  const { deliver, clock, open, stored } = await aggregation(t, { telemetry, ...shortHorizon })
  const runs = await open()
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  const turn = async () => {
    await runs.tick(never)
    await runs.work(never)
  }
  await turn()
  clock.advance(60 * MIN)
  deliver(at(0), [2, 3], clock.nowMs())
  await turn()
  await turn()
  t.match((await stored())[0], { generation: 1, rows: 1 })
  t.match((await runs.windows({ fromMs: at(0), toMs: at(1) }))[0], { state: 'dirty', tooLate: 2 })
  t.match((await runs.overview())[0], { window: { fromMs: at(0) }, tooLate: 2 })
  t.match(await telemetry.metrics.metrics(), 'headgate_rollup_too_late_rows{rollup="vitals"} 2')
  t.match(await telemetry.metrics.metrics(), 'headgate_rollup_windows_to_repeat{rollup="vitals"} 0')
  t.same([...(runs.lackingRows().get('vitals') ?? [])], [at(0)], 'no number has them')
  t.match(
    lines.map((line) => JSON.parse(line)),
    [{ rollup: 'vitals', events: 2, windows: 1, from: '2026-11-22T12:00:00.000Z', msg: /came after/ }],
    'once, not with each tick',
  )
  const { skipped } = await runs.submit({}, 'ops')
  t.match(skipped[0], { window: { fromMs: at(0) }, why: 'sealed', tooLate: 2 })
  await runs.work(never)
  t.match((await stored())[0], { generation: 1 })
  await runs.submit({ reprocess: 'all' }, 'ops')
  await runs.work(never)
  t.match((await stored())[0], { generation: 2, rows: 3, sum: 6 })
  await turn()
  t.match(await telemetry.metrics.metrics(), 'headgate_rollup_too_late_rows{rollup="vitals"} 0')
  t.equal(lines.length, 1)
})

test('a request without a range takes everything that is due, without being confirmed', async (t) => {
  const { deliver, clock, open, stored } = await aggregation(t, shortHorizon)
  const runs = await open()
  for (let i = 0; i < 210; i++) deliver(at(i), [1])
  clock.advance(30 * DAY)
  await runs.tick(never)
  const { windows } = await runs.submit({}, 'ops')
  t.ok(windows.length > 210, 'the horizon and the open window as well')
  t.equal(Math.min(...windows.map(({ fromMs }) => fromMs)), at(0))
  for (let i = 0; i < 3; i++) await runs.work(never)
  t.equal((await stored()).filter(({ rows }) => rows === 1).length, 210)
})

test('what other processes did is seen, and a store that lost a window gets it again', async (t) => {
  const { deliver, clock, open, dir, store } = await aggregation(t)
  const runs = await open()
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  await runs.tick(never)
  const other = await open()
  await other.submit({ at: at(0) }, 'ops')
  await other.work(never)
  await runs.work(never)
  t.match(
    (await runs.list({ limit: 9 })).map(({ windows }) => windows[0]?.result),
    ['committed', 'not_needed'],
  )
  await rm(`${dir}/store/vitals`, { recursive: true })
  await runs.tick(never)
  await runs.work(never)
  t.match(await store.windows('vitals', 0, at(1)), [{ generation: 1 }])
})

test('a rerun with the same rows is a new generation that changes nothing', async (t) => {
  const { deliver, clock, open, stored } = await aggregation(t)
  const runs = await open()
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  const { id } = await runs.submit({ at: T0 }, 'ops')
  await runs.work(never)
  t.match(await runs.get(String(id)), { windows: [{ result: 'committed' }] })
  const again = await runs.submit({ at: T0, reprocess: 'all' }, 'ops')
  await runs.work(never)
  t.match(await runs.get(String(again.id)), { windows: [{ result: 'unchanged', generation: 2 }] })
  t.match(await stored(), [{ generation: 2, rows: 1, complete: true }])
})

test('a run that was given no start reaches back to what is ingested only when it begins', async (t) => {
  const { deliver, clock, open, stored } = await aggregation(t)
  const runs = await open()
  clock.advance(3 * GRAIN)
  await runs.submit({}, 'ops')
  deliver(at(0), [1, 2])
  await runs.work(never)
  t.match((await stored())[0], { at: 0, rows: 2, sum: 3 })
})

test('an explicit run ignores the grace and takes the open window, as incomplete; the schedule completes it', async (t) => {
  const { deliver, clock, open, stored } = await aggregation(t)
  const runs = await open()
  deliver(at(0), [1])
  clock.advance(GRAIN + MIN)
  deliver(at(1), [2])
  await runs.tick(never)
  t.match(await runs.submit({}, 'ops'), {
    state: 'queued',
    windows: [
      { fromMs: at(0), step: 'compute' },
      { fromMs: at(1), step: 'compute' },
    ],
    skipped: [],
  })
  await runs.work(never)
  t.match(await stored(), [
    { at: 0, complete: false, sum: 1 },
    { at: 1, complete: false, sum: 2 },
  ])
  t.match(await runs.submit({}, 'ops'), {
    windows: [],
    skipped: [{ why: 'committed' }, { why: 'committed' }],
  })
  clock.advance(GRAIN + MIN)
  await runs.work(never)
  await runs.tick(never)
  await runs.work(never)
  t.match(await stored(), [
    { at: 0, complete: true, generation: 2 },
    { at: 1, complete: true, generation: 2 },
  ])
})

test('what arrived since the request is ingested and run as well', async (t) => {
  const { deliver, clock, open, stored } = await aggregation(t)
  const runs = await open()
  deliver(at(0), [1])
  clock.advance(2 * GRAIN)
  await runs.submit({ from: at(0), to: at(2) }, 'ops')
  await runs.work(never)
  deliver(at(0), [2])
  const { windows, id } = await runs.submit({ from: at(0), to: at(2) }, 'ops')
  t.same(windows, [], 'not known yet')
  await runs.work(never)
  t.match(await runs.get(String(id)), { windows: [{ fromMs: at(0), result: 'committed', generation: 2 }] })
  t.match(await stored(), [{ rows: 2 }, { rows: 0 }])
})

test('rows that come after the request are counted, whatever step their window needed when it was asked for', async (t) => {
  const { deliver, clock, open, store, stored } = await aggregation(t)
  let publishing = async () => {}
  const publish: typeof store.publish = async (...given) => {
    const before = publishing
    publishing = async () => {}
    await before()
    return store.publish(...given)
  }
  const runs = await open({ stores: [{ ...store, publish }], entropy: atOnce })
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)

  let asked: string | null = null
  publishing = async () => {
    const { id, windows } = await runs.submit({}, 'ops')
    t.match(windows, [{ fromMs: at(0), step: 'publish' }, {}], 'committed, and on its way to the store')
    asked = id
    deliver(at(0), [2], at(1) + MIN)
  }
  await runs.tick(never)
  await runs.work(never)
  t.match(await runs.get(String(asked)), {
    state: 'succeeded',
    windows: [{ fromMs: at(0), step: 'compute', result: 'committed', generation: 2 }, {}],
  })
  t.match((await stored())[0], { rows: 2, sum: 3 })

  publishing = async () => {
    deliver(at(0), [4], at(1) + MIN)
    throw Object.assign(new Error('the disk was away'), { code: 'EIO' })
  }
  deliver(at(0), [8], at(1) + MIN)
  const again = await runs.submit({}, 'ops')
  await runs.work(never)
  t.match(await runs.get(String(again.id)), { state: 'succeeded', attempt: 2 })
  t.match((await stored())[0], { rows: 4, sum: 15 }, 'nor when its run had to publish it once more')
})

test('an explicit run looks everywhere for what arrived, the schedule where nearly all does', async (t) => {
  const { deliver, clock, open, arrivals, stored } = await aggregation(t)
  const runs = await open()
  deliver(at(0), [1])
  deliver(at(0), [2])
  arrivals.elsewhere.add('raw-0002')
  clock.advance(GRAIN + 2 * MIN)
  await runs.tick(never)
  await runs.work(never)
  t.match((await stored())[0], { rows: 1, sum: 1 })
  await runs.submit({}, 'ops')
  await runs.work(never)
  t.match((await stored())[0], { rows: 2, sum: 3 })
})

test('a run that is tried again tells what it did not see, as far as it was through with windows by then', async (t) => {
  for (const [what, failing, unseen] of [
    ['it was with none', 2, undefined],
    ['it was with the first', 1, { why: 'no_gateway' }],
  ] as const) {
    const { deliver, clock, open, engine } = await aggregation(t)
    const delivered = {
      sink: { ...reconciliation().sink, kind: 'lake' },
      backlog: { events: 0, bytes: 0 },
    } as const
    const answers = [null, delivered]
    const runs = await open({ entropy: atOnce, askGateway: async () => answers.shift() ?? null })
    for (const i of [0, 1]) deliver(at(i), [1])
    clock.advance(2 * GRAIN + 2 * MIN)
    engine.meanwhile = async ({ fromMs }) => {
      if (answers.length > 0 && fromMs >= at(2 - failing)) throw failure('engine_out_of_memory')
    }
    const { id } = await runs.submit({ from: at(0), to: at(2) }, 'ops')
    await runs.work(never)
    const run = await runs.get(String(id))
    t.match(run, { state: 'succeeded', attempt: 2 }, what)
    t.same(run.unseen, unseen, what)
  }
})

test('rows that arrive while a window is computed make it dirty, not wrong', async (t) => {
  const { deliver, clock, open, engine, arrivals, stored } = await aggregation(t)
  const runs = await open()
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  engine.meanwhile = async () => {
    engine.meanwhile = async () => {}
    deliver(at(0), [2])
    await arrivals.ingest(never)
  }
  await runs.submit({ at: T0 }, 'ops')
  await runs.work(never)
  t.match(await stored(), [{ rows: 1, sum: 1 }])
  t.match(await runs.windows({ toMs: at(1) }), [{ state: 'dirty' }])
})

test('two processes on one window: one works, the other comes back', async (t) => {
  const { deliver, clock, open, engine, stored } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  const first = await open()
  const second = await open({ entropy: { ...atOnce, uniform: () => 0.5 } })
  await first.submit({ at: T0 }, 'ops')
  const { id } = await second.submit({ at: T0, reprocess: 'all' }, 'ops')
  engine.meanwhile = async () => {
    engine.meanwhile = async () => {}
    await second.work(never)
    t.match(await second.get(String(id)), {
      state: 'queued',
      attempt: 0,
      notBeforeMs: clock.nowMs() + HELD_PAUSE_MS,
      error: undefined,
      windows: [{ error: undefined, result: undefined }],
    })
  }
  await first.work(never)
  clock.advance(HELD_PAUSE_MS)
  await second.work(never)
  t.match(await second.get(String(id)), {
    state: 'succeeded',
    attempt: 1,
    windows: [{ result: 'unchanged' }],
  })
  t.match(String(await second.log(String(id))), 'window is at work in another run: looked at again')
  t.match(await stored(), [{ generation: 2, rows: 1 }])
})

test('two processes on one lake: what the other takes in is waited for, and is no fault', async (t) => {
  const lines: string[] = []
  const { deliver, clock, open, arrivals, stored } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  const first = await open()
  const second = await open({ telemetry: createTelemetry('info', { write: (line) => lines.push(line) }) })
  const { id } = await second.submit({ at: T0 }, 'ops')
  const { ingest } = arrivals
  arrivals.ingest = async (...asked) => {
    arrivals.ingest = ingest
    for (let tries = 0; tries < 6; tries++) {
      await second.tick(never)
      await second.work(never)
      clock.advance(HELD_PAUSE_MS)
    }
    t.match(await second.get(String(id)), { state: 'queued', attempt: 0, error: undefined })
    const told = lines.map((line) => JSON.parse(line)).filter(({ run }) => run === id)
    t.match(told, [{ state: 'queued', attempt: 0, msg: 'a run ended, or waits for its next try' }])
    t.equal(told.length, 1, 'it is told once, however often it looks')
    return ingest(...asked)
  }
  await first.tick(never)
  t.equal((await second.list({ limit: 9 })).length, 2, 'the schedule of the second begins nothing')
  await first.work(never)
  await second.work(never)
  t.match(await second.get(String(id)), { state: 'succeeded', attempt: 1 })
  t.match(await stored(), [{ generation: 1, rows: 1 }])
})

test('a run that lost its lease to a quicker one is superseded, and its rows are nowhere', async (t) => {
  const { deliver, clock, open, engine, dead, stored } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  // Its process looks dead to the other one, as one that was paused for long would.
  const paused = await open({ owner: dead, entropy: { ...atOnce, uniform: () => 0.5 } })
  const quick = await open()
  const { id } = await paused.submit({ at: T0, reprocess: 'all' }, 'ops')
  engine.meanwhile = async () => {
    engine.meanwhile = async () => {}
    deliver(at(0), [2])
    await quick.submit({ at: T0 }, 'ops')
    await quick.work(never)
  }
  await paused.work(never)
  t.match(await paused.get(String(id)), { state: 'queued', windows: [{ error: { code: 'lease_lost' } }] })
  t.match(await stored(), [{ generation: 1, rows: 2 }])
})

test('of two that both believe to hold the lease, the first to commit wins', async (t) => {
  const { deliver, clock, open, lake, stored } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  const runs = await open()
  const { put } = lake
  lake.put = async (key, body, options) => {
    if (key.endsWith('gen-000001.json'))
      await put(key, Buffer.from(String(body).replace('"runId":"', '"runId":"other-')), options)
    return put(key, body, options)
  }
  const { id } = await runs.submit({ at: T0 }, 'ops')
  await runs.work(never)
  t.match(await runs.get(String(id)), { state: 'succeeded', windows: [{ result: 'superseded' }] })
  t.same(await stored(), [], 'publishing is the winner’s')
  await runs.tick(never)
  await runs.work(never)
  t.match(await stored(), [{ generation: 1 }], 'or, should it have died, the schedule’s')
})

test('a failed window is tried again while the others stay', async (t) => {
  const { deliver, clock, open, engine, stored } = await aggregation(t)
  const runs = await open({ entropy: { ...atOnce, uniform: () => 0.5 } })
  for (const i of [0, 1, 2]) deliver(at(i), [1])
  clock.advance(3 * GRAIN + 2 * MIN)
  engine.failures.push(failure(), failure())
  await runs.tick(never)
  await runs.work(never)
  const [run] = await runs.list({ limit: 1 })
  t.match(run, { state: 'queued', attempt: 1, notBeforeMs: clock.nowMs() + 15_000 })
  t.same(
    (await stored()).map((window) => window.at),
    [2],
  )
  await runs.tick(never)
  t.equal((await runs.list({ limit: 9 })).length, 1, 'the schedule waits for its run')
  clock.advance(14_999)
  await runs.work(never)
  t.equal((await stored()).length, 1)
  clock.advance(1)
  await runs.work(never)
  t.same(
    (await stored()).map((window) => window.at),
    [0, 1, 2],
  )
  t.equal(engine.plans.length, 5, 'what succeeded is not repeated')
  t.match(await runs.get(String(run?.id)), { state: 'succeeded', attempt: 2 })
})

test('an engine that does not work ends the try of its run, which gives up none of its windows', async (t) => {
  const { deliver, clock, open, engine, stored } = await aggregation(t)
  const runs = await open({ entropy: atOnce })
  for (const i of [0, 1, 2]) deliver(at(i), [1])
  clock.advance(3 * GRAIN + 2 * MIN)
  const unusable = new AppError('engine_unusable', 'The engine does not work now')
  engine.failures.push(...Array.from({ length: 5 }, () => unusable))
  await runs.tick(never)
  await runs.work(never)
  const [run] = await runs.list({ state: 'failed', limit: 1 })
  const { code, message } = unusable
  t.match(run, { attempt: 5, error: { code, message }, windows: [1, 2, 3].map(() => ({ error: undefined })) })
  t.equal(engine.plans.length, 5, 'one window a try')
  await runs.tick(never)
  await runs.work(never)
  t.same(
    (await stored()).map((window) => window.at),
    [0, 1, 2],
    'the next turn has all of them',
  )
})

test('a damaged object is set aside by name, and the window computed from the rest at once', async (t) => {
  const { deliver, clock, open, engine, stored, arrivals } = await aggregation(t)
  const runs = await open()
  deliver(at(0), [1, 2])
  deliver(at(0), [4])
  clock.advance(GRAIN + 2 * MIN)
  arrivals.unreadable.add('raw-0002')
  arrivals.troubles.setAside.push({ key: 'raw/a', why: 'it lacks name', lines: 2, keptIn: 'dead/a' })
  engine.failures.push(failure())
  await runs.tick(never)
  await runs.work(never)
  const [run] = await runs.list({ limit: 1 })
  t.match(run, { state: 'succeeded', attempt: 1 })
  const { lines, objects } = run?.setAside ?? {}
  t.same([lines, objects], [4, 1], 'by the look of the schedule, by its own, and what its window met')
  t.same(await runs.setAside(), { lines: 4, objects: 1, lastMs: clock.nowMs() })
  t.same(await stored(), [{ at: 0, generation: 1, complete: true, rows: 2, sum: 3 }])
  const log = String(await runs.log(String(run?.id)))
  t.match(
    log,
    /"level":"warn","message":"an object cannot be read as events and is set aside in dead\/","key":"raw-0002","why":"Its pages are damaged"/,
  )
})

test('an engine that fails with whole objects is told of with what it read', async (t) => {
  const { deliver, clock, open, engine } = await aggregation(t)
  const runs = await open({ entropy: { ...atOnce, uniform: () => 0.5 } })
  for (const _ of [1, 2, 3, 4, 5]) deliver(at(0), [1])
  deliver(at(1), [1])
  clock.advance(2 * GRAIN + 2 * MIN)
  engine.failures.push(failure(), failure())
  await runs.tick(never)
  await runs.work(never)
  const [run] = await runs.list({ limit: 1 })
  t.match(
    run?.windows.map(({ error }) => error?.message),
    ['no, while it read raw-0001, raw-0002, raw-0003 and 2 more', 'no, while it read raw-0006'],
  )
})

test('what an ingest set aside or could not take is in the log of its run', async (t) => {
  const { deliver, clock, open, stored, arrivals } = await aggregation(t)
  const runs = await open()
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  arrivals.troubles.setAside.push({
    ...{ key: 'raw/f.parquet', why: 'It lacks the columns app_id' },
    keptIn: 'dead/f.parquet',
  })
  arrivals.troubles.doubtful.push({ key: 'raw/d.parquet', why: 'unit is s', rows: 7 })
  arrivals.troubles.failed.push(...Array.from({ length: 30 }, (_, i) => ({ key: `raw/${i}.`, why: 'EIO' })))
  const submitted = await runs.submit({ at: T0 }, 'ops')
  await runs.work(never)
  t.equal((await stored()).length, 1, 'the rest goes on')
  const log = String(await runs.log(String(submitted.id)))
  t.match(log, /"key":"raw\/f.parquet","why":"It lacks the columns app_id"/)
  t.match(
    log,
    /"rows are counted as they say, which was hardly meant","key":"raw\/d.parquet","why":"unit is s","rows":7/,
  )
  t.equal(log.split('cannot be ingested now').length - 1, 20, 'not each of a fault of everything')
  const run = await runs.get(String(submitted.id))
  t.match(
    run,
    { state: 'succeeded', notIngested: { count: 30 } },
    'its windows are, and it says without what',
  )
  t.same(run.notIngested?.objects.slice(0, 1), [{ key: 'raw/0.', why: 'EIO' }])
  t.equal(run.notIngested?.objects.length, 20)
  t.equal(runs.lastIngest().notIngested, 30)

  arrivals.troubles.failed.length = 0
  const again = await runs.submit({ at: T0, reprocess: 'all' }, 'ops')
  await runs.work(never)
  t.equal((await runs.get(String(again.id))).notIngested, undefined, 'taken at last')
  t.equal(runs.lastIngest().notIngested, 0)
})

test('an engine that does not work is told with what waits for it, until it works', async (t) => {
  const { clock, open, arrivals } = await aggregation(t)
  const runs = await open()
  clock.advance(GRAIN + 2 * MIN)
  const { troubles } = arrivals
  const unusable = new AppError('engine_unusable', 'The engine does not work now')
  const lost = { key: 'raw/x', why: 'no event', keptIn: 'dead/x' }
  troubles.setAside.push(lost)
  troubles.failed.push({ key: 'raw/a', why: 'The engine' }, { key: 'raw/b', why: 'The engine' })
  troubles.unusable = unusable
  t.same(runs.lastIngest(), {}, 'nobody knows yet')
  await t.rejects(runs.tick(never), unusable)
  t.same(runs.lastIngest(), { notIngested: 2, engine: unusable.message })
  t.match(await runs.setAside(), { objects: 1 }, 'what was set aside before that is in the books')
  troubles.failed.length = 0
  delete troubles.unusable
  await runs.tick(never)
  t.same(runs.lastIngest(), { notIngested: 0 })
})

test('what the schedule cannot take, tick after tick, fills no log', async (t) => {
  const { open, arrivals, dir } = await aggregation(t)
  const runs = await open()
  arrivals.troubles.failed.push({ key: 'raw/a', why: 'EIO' })
  await runs.tick(never)
  t.equal(runs.lastIngest().notIngested, 1)
  t.notOk((await readdir(`${dir}/control`)).includes('runs'))
})

test('a store that cannot be asked is left out; a mistake of ours is told', async (t) => {
  const { deliver, clock, open, store, stored } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  const held = async () => {
    throw Object.assign(new Error('no'), { code: 'EACCES' })
  }
  const runs = await open({ stores: [{ ...store, held }] })
  await runs.tick(never)
  await runs.work(never)
  t.match(await stored(), [{ generation: 1 }])
  for (const mistaken of [
    async () => {
      throw new RangeError('a mistake of ours')
    },
    async (_: string, fromMs: number, toMs: number) => {
      if (toMs - fromMs > GRAIN) return []
      throw Object.assign(new TypeError('a mistake of ours'), { code: 'ERR_INVALID_ARG_TYPE' })
    },
  ]) {
    const broken = await open({ stores: [{ ...store, held: mistaken }] })
    const answer = broken.submit({ from: at(0), to: at(2), reprocess: 'all' }, 'ops')
    const failure = await answer
      .then(({ id }) => broken.work(never).then(() => broken.get(String(id))))
      .catch(String)
    t.match(
      failure,
      typeof failure === 'string' ? /RangeError/ : { windows: [{ error: { code: 'internal' } }] },
    )
  }
})

test('a window that fails holds up no other: the schedule takes what becomes due meanwhile', async (t) => {
  const { deliver, clock, open, engine, stored } = await aggregation(t)
  const runs = await open({ entropy: { ...atOnce, uniform: () => 0.999 } })
  const turn = async () => {
    await runs.tick(never)
    await runs.work(never)
  }
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  engine.meanwhile = async ({ fromMs }) => {
    if (fromMs === at(0)) throw failure()
  }
  await turn()
  clock.advance(30_000)
  await turn()
  clock.advance(60_000)
  await turn()
  t.match(await runs.list({ limit: 9 }), [{ state: 'queued', attempt: 3 }])
  deliver(at(-1), [2])
  await turn()
  t.match(await stored(), [{ at: -1, sum: 2 }])
  t.match(await runs.list({ limit: 9 }), [
    { state: 'succeeded', windows: [{ fromMs: at(-1) }] },
    { state: 'queued', attempt: 3, windows: [{ fromMs: at(0) }] },
  ])
  t.equal(engine.plans.filter(({ fromMs }) => fromMs === at(0)).length, 3, 'nor is it tried more often')
  engine.meanwhile = async () => {}
  clock.advance(120_000)
  await turn()
  t.match(await stored(), [{ at: -1 }, { at: 0, sum: 1 }])
})

test('an explicit run waits for what a gateway had before it was asked for, or says what it did not see', async (t) => {
  const { deliver, clock, open, stored } = await aggregation(t)
  const lake = { ...reconciliation().sink, kind: 'lake' } as const
  /** A clock of its own, which is days behind ours or ahead of it. */
  const there = (skewMs: number) => T0 + skewMs
  const state = (events: number, oldestMs?: number, nowMs?: number, silent = 0) => ({
    silent,
    ...(nowMs !== undefined && { nowMs }),
    sink: lake,
    backlog: { events, bytes: 1, ...(oldestMs !== undefined && { oldestMs }) },
  })
  const [behind, ahead] = [there(-3 * 86_400_000), there(3 * 86_400_000)]
  clock.advance(GRAIN)
  for (const [what, answers, unseen] of [
    ['all is delivered', [state(0)], undefined],
    ...[behind, ahead].flatMap((nowMs) => [
      ['what waits came later', [state(1, nowMs, nowMs), state(3, nowMs + 1, nowMs + 5)], undefined] as const,
      [
        'it is delivered while the run waits',
        [state(2, nowMs - 1, nowMs), state(1, nowMs, nowMs + 100), state(0, undefined, nowMs + 200)],
        undefined,
      ] as const,
      ['nothing says when', [state(2, undefined, nowMs), state(0)], undefined] as const,
    ]),
    [
      'its clock was put back',
      [state(1, ahead, T0), state(2, ahead, T0 + 100), state(1, T0 + 90, T0 + 200)],
      undefined,
    ],
    ['a gateway that does not say its time', [state(2, behind), state(3, ahead), state(0)], undefined],
    [
      'a worker that did not answer does',
      [state(0, undefined, T0, 1), state(1, T0, T0), state(0)],
      undefined,
    ],
    [
      'a journal of a former worker is looked into',
      [{ ...state(0, undefined, T0), unopened: 1 }, state(1, T0, T0), state(0)],
      undefined,
    ],
    ['nobody answers', [], { why: 'no_gateway' }],
    ['it is delivered to a stream', [{ ...state(0), sink: { ...lake, kind: 'kinesis' } }], { why: 'stream' }],
  ] as const) {
    const left = [...answers]
    const runs = await open({ askGateway: async () => left.shift() ?? null })
    const { id } = await runs.submit({ at: T0 + GRAIN, reprocess: 'all' }, 'ops')
    await runs.work(never)
    t.same((await runs.get(String(id))).unseen, unseen, what)
    t.same(left, [], what)
  }
  for (const untold of [state(0, undefined, T0, 1), { ...state(0, undefined, T0), unopened: 1 }]) {
    const silent = await open({
      askGateway: async () => {
        clock.advance(MAX_WAIT_MS)
        return untold
      },
    })
    const unheard = await silent.submit({ at: at(0), reprocess: 'all' }, 'ops')
    await silent.work(never)
    t.match(await silent.get(String(unheard.id)), { state: 'succeeded', unseen: { why: 'no_gateway' } })
  }
  const runs = await open({
    askGateway: async () => {
      clock.advance(MAX_WAIT_MS)
      deliver(at(0), [7])
      return state(5, ahead, ahead)
    },
  })
  const { id } = await runs.submit({ at: at(0) }, 'ops')
  await runs.work(never)
  t.match(await runs.get(String(id)), { state: 'succeeded', unseen: { why: 'backlog', events: 5 } })
  t.match(String(await runs.log(String(id))), /on their way to the lake","why":"backlog","events":5/)
  t.match(await stored(), [{ at: 0, sum: 7 }], 'it does what it can')
})

test('a window that keeps failing is given up, shown, and tried by the schedule an hour later', async (t) => {
  const { deliver, clock, open, engine, stored } = await aggregation(t)
  const runs = await open({ entropy: atOnce })
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  engine.failures.push(failure('engine_out_of_memory'), failure('engine_out_of_memory'))
  await runs.tick(never)
  await runs.work(never)
  const [run] = await runs.list({ state: 'failed', limit: 1 })
  t.match(run, {
    attempt: 2,
    error: { code: 'engine_out_of_memory', message: '1 of 1 windows failed; the first: no' },
    windows: [{ result: 'failed', error: { code: 'engine_out_of_memory' } }],
  })
  t.match(await runs.windows({ toMs: at(1) }), [{ state: 'failed', generation: undefined }])
  await runs.tick(never)
  await runs.work(never)
  t.same(await stored(), [])
  clock.advance(60 * MIN)
  await runs.tick(never)
  await runs.work(never)
  t.match((await stored())[0], { at: 0, rows: 1 })
  t.match(await runs.windows({ toMs: at(1) }), [{ state: 'committed' }])
})

test('what else lies in the folder of failed windows means nothing', async (t) => {
  const { deliver, clock, open, dir } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  await mkdir(`${dir}/control/failed`)
  const left = [`vitals.${at(0)}.${at(1)}.part`, `other.${at(0)}.${at(1)}`, `vitals.${at(0)}`]
  for (const name of left) await writeFile(`${dir}/control/failed/${name}`, `${clock.nowMs()}`)
  const readdir = async (path: string) => {
    const names = await nodeFiles.readdir(path)
    return path.endsWith('failed') ? [...names, `vitals.${at(0)}.${at(1)}`] : names
  }
  const runs = await open({ files: { ...nodeFiles, readdir } })
  await runs.tick(never)
  await runs.work(never)
  t.match(await runs.windows({ toMs: at(1) }), [{ state: 'committed' }], 'nor what was removed meanwhile')
})

test('a file that may not be read or written fails its window by name', async (t) => {
  const { deliver, clock, open, engine } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  const runs = await open()
  const path = '/data/tmp/rollup-1'
  for (const [code, error] of [
    [
      'EROFS',
      {
        code: 'storage_denied',
        message: `${path}: the file system is read-only (EROFS): mount it so that it can be written`,
      },
    ],
    ['EMFILE', { code: 'system_limit', message: /^\/data\/tmp\/rollup-1: .* \(EMFILE\): raise LimitNOFILE/ }],
    [
      'EACCES',
      {
        code: 'storage_denied',
        message: `${path}: this user may not read or write there (EACCES): give it the file or the folder`,
      },
    ],
    [
      'EDQUOT',
      {
        code: 'storage_full',
        message: `${path}: the quota of this user is used up (EDQUOT): free some of it, or raise it`,
      },
    ],
  ] as const) {
    engine.failures.push(Object.assign(new Error('no'), { code, path }))
    const { id } = await runs.submit({ at: T0, reprocess: 'all' }, 'ops')
    await runs.work(never)
    t.match(await runs.get(String(id)), { windows: [{ error }] })
    await runs.cancel(String(id))
  }
})

test('a window whose results cannot be read is computed again, and told', async (t) => {
  const lines: string[] = []
  const telemetry = createTelemetry('error', { write: (line) => lines.push(line) })
  const { deliver, clock, open, lake, dir } = await aggregation(t)
  deliver(at(0), [1, 2])
  clock.advance(GRAIN + 2 * MIN)
  const first = await open()
  await first.tick(never)
  await first.work(never)
  const lost = new Set((await lake.list('rollups/')).map(({ key }) => key))
  const store = localStore({ dir: `${dir}/restored`, files: unsyncedFiles })
  const whole = memorySortRows(lake)
  const runs = await open({
    telemetry,
    stores: [store],
    sortRows: (keys, signal) => {
      if (keys.some((key) => lost.has(key))) throw failure()
      return whole(keys, signal)
    },
  })
  await runs.tick(never)
  await runs.work(never)
  t.match(await store.windows('vitals', at(0), at(1)), [{ generation: 2 }])
  t.match((await runs.list({ limit: 1 }))[0], { state: 'succeeded', windows: [{ result: 'unchanged' }] })
  t.equal(lines.length, 1)
  t.match(lines[0], /results of a window cannot be read/)
  t.match(JSON.parse(String(lines[0])).keys, [/^rollups\//])
})

test('a window that is computed again because somebody asked waits no longer for late rows', async (t) => {
  const { deliver, clock, open, lake } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  const completions = async () => {
    clock.advance(1)
    const runs = await open()
    await runs.submit({ at: T0, reprocess: 'all' }, 'ops')
    await runs.work(never)
    const newest = (await lake.list('rollups/')).filter(({ key }) => parseManifestKey(key)).at(-1)
    return JSON.parse(String(await lake.get(String(newest?.key)))).completions
  }
  for (let time = 0; time < 4; time++) t.equal(await completions(), 1)
  deliver(at(0), [2])
  t.equal(await completions(), 2)
})

test('a damaged manifest is followed by the generation after it, one of the first versions by its count', async (t) => {
  const { deliver, clock, open, lake, stored } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  const again = async () => {
    clock.advance(1)
    const runs = await open()
    await runs.submit({ at: T0, reprocess: 'all' }, 'ops')
    await runs.work(never)
    return (await stored())[0]?.generation
  }
  t.equal(await again(), 1)
  const manifests = async () => (await lake.list('rollups/')).filter(({ key }) => parseManifestKey(key))
  const [first] = await manifests()
  const { completions: _, ...old } = JSON.parse(String(await lake.get(String(first?.key))))
  await lake.put(String(first?.key), Buffer.from(JSON.stringify(old)))
  deliver(at(0), [2])
  t.equal(await again(), 2)
  const second = (await manifests()).at(-1)
  t.match(JSON.parse(String(await lake.get(String(second?.key)))), { completions: 2 })
  await lake.put(String(second?.key), Buffer.from('{'))
  t.equal(await again(), 3)
})

test('what cannot be swept now is told, and keeps nothing from running', async (t) => {
  const lines: string[] = []
  const telemetry = createTelemetry('error', { write: (line) => lines.push(line) })
  const { deliver, clock, open, lake, stored } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  let failing = true
  const list = async (prefix: string) => {
    if (failing) throw new AppError('lake_failed', 'no list')
    return lake.list(prefix)
  }
  const runs = await open({ telemetry, lake: { ...lake, list } })
  await t.rejects(runs.tick(never), { code: 'lake_failed' })
  t.match(lines[0], /cannot be removed now/)
  failing = false
  await runs.tick(never)
  await runs.work(never)
  t.match(await stored(), [{ generation: 1 }])
})

test('failed windows alone can be run again', async (t) => {
  const { deliver, clock, open, engine, stored } = await aggregation(t)
  const runs = await open({ entropy: atOnce })
  deliver(at(0), [1])
  deliver(at(1), [1])
  clock.advance(2 * GRAIN + 2 * MIN)
  engine.failures.push(...Array.from({ length: 10 }, () => failure('engine_out_of_memory')))
  await runs.submit({ at: at(0) }, 'ops')
  await runs.work(never)
  engine.failures.splice(0)
  const answer = await runs.submit({ from: at(0), to: at(2), reprocess: 'failed' }, 'ops')
  t.match(answer, { windows: [{ fromMs: at(0) }], skipped: [{ why: 'not_failed' }] })
  await runs.work(never)
  t.match(await stored(), [{ at: 0 }])
})

test('no window is committed before the index is durable that tells of its input', async (t) => {
  const { deliver, clock, open, arrivals, stored } = await aggregation(t)
  const runs = await open()
  deliver(at(0), [1, 2])
  clock.advance(GRAIN + 2 * MIN)
  arrivals.durable.failures.push(new AppError('lake_failed', 'Lake sync failed: EIO'))
  await runs.submit({ at: T0 }, 'ops')
  await runs.work(never)
  t.same(await stored(), [])
  await runs.submit({ at: T0 }, 'ops')
  await runs.work(never)
  t.match(await stored(), [{ generation: 1, rows: 2 }])
  t.same(arrivals.durable.keys, [['raw-0001']])
})

test('a committed window is never overwritten because its input is gone', async (t) => {
  const { deliver, clock, open, arrivals, stored } = await aggregation(t)
  const runs = await open()
  deliver(at(0), [1, 2])
  deliver(at(0), [3])
  clock.advance(GRAIN + 2 * MIN)
  await runs.submit({ at: T0 }, 'ops')
  await runs.work(never)
  arrivals.lose('raw-0001')
  const { id } = await runs.submit({ at: T0, reprocess: 'all' }, 'ops')
  await runs.work(never)
  t.match(await runs.get(String(id)), {
    state: 'failed',
    attempt: 1,
    error: {
      code: 'input_missing',
      message:
        /^1 of 1 windows failed; the first: The lake has 1 of the 3 events .* back\. Objects gone: 1 of 2, raw-0001$/,
    },
  })
  t.match(await stored(), [{ generation: 1, rows: 3 }])
})

test('rows that came since stand for none that are gone, unless all is asked for anew', async (t) => {
  const { deliver, clock, open, arrivals, stored } = await aggregation(t)
  const runs = await open()
  const run = async (reprocess: Reprocess) => {
    const { id } = await runs.submit({ at: T0, reprocess }, 'ops')
    await runs.work(never)
    return runs.get(String(id))
  }
  deliver(at(0), [1, 2])
  deliver(at(0), [4])
  clock.advance(GRAIN + 2 * MIN)
  await run('missing')
  arrivals.lose('raw-0001')
  deliver(at(0), [8, 16, 32])
  t.match(await run('missing'), {
    state: 'failed',
    error: {
      code: 'input_missing',
      message:
        /The lake no longer has all that the window was counted from, though others came since; it stays as it is until they are back\. Objects gone: 1 of 2, raw-0001\. If those are in their place, reprocess all counts them instead$/,
    },
  })
  t.match(await stored(), [{ generation: 1, sum: 7 }])
  t.match(await run('all'), { state: 'succeeded' })
  t.match(await stored(), [{ generation: 2, sum: 60 }])
})

test('a window whose input is gone stays as it is when its definition changes', async (t) => {
  for (const [what, changed, of] of [
    [
      'a set more',
      { sets: [...definition.sets, { name: 'route', dimensions: ['page_route'] as const }] },
      'the window',
    ],
    ['smaller windows', { grainMs: 5 * MIN }, 'a window of another length over its time'],
    ['larger windows', { grainMs: 60 * MIN }, 'a window of another length over its time'],
  ] as const) {
    const { deliver, clock, open, arrivals, engine, store } = await aggregation(t)
    const before = await open()
    deliver(at(0), [1, 2, 4])
    deliver(at(0), [8])
    clock.advance(60 * MIN + 2 * MIN)
    await before.submit({ from: at(0), to: at(4) }, 'ops')
    await before.work(never)
    const held = () => store.held('vitals', at(0), at(1))
    t.match(await held(), [{ fromMs: at(0), toMs: at(1), generation: 1 }], what)
    arrivals.unreadable.add('raw-0001')
    engine.failures.push(failure())
    const after = await open({ definitions: [{ ...definition, ...changed }] })
    const { id } = await after.submit({ from: at(0), to: at(4) }, 'ops')
    await after.work(never)
    const run = await after.get(String(id))
    t.match(run, { state: 'failed', error: { code: 'input_missing' } }, what)
    t.ok(run?.error?.message.includes(`1 of the 4 events that ${of} was counted from`), what)
    t.match(await held(), [{ fromMs: at(0), toMs: at(1), generation: 1 }], what)
  }
})

test('what comes for a window that counts under another definition is seen, however old that is', async (t) => {
  const NAME = 'raw/import-old/dt=2026-11-22/hr=12/c-000001-0123456789abcdef.parquet'
  for (const [what, changed] of [
    ['a set more', { sets: [...definition.sets, { name: 'route', dimensions: ['page_route'] as const }] }],
    ['smaller windows', { grainMs: 5 * MIN }],
    ['larger windows', { grainMs: 60 * MIN }],
  ] as const) {
    const { deliver, clock, open, arrivals, stored, dir } = await aggregation(t)
    const sum = async () => (await stored()).reduce((total, window) => total + window.sum, 0)
    const before = await open()
    deliver(at(0), [1, 2])
    deliver(at(1), [4])
    clock.advance(60 * MIN + 2 * MIN)
    await before.submit({ from: at(0), to: at(4) }, 'ops')
    await before.work(never)
    clock.advance(26 * 60 * MIN)
    const after = await open({ definitions: [{ ...definition, ...changed }] })
    const oldOnes = async () => {
      const { windows } = await after.submit({ dryRun: true }, 'ops')
      return windows.filter(({ fromMs }) => fromMs < at(4))
    }
    const tick = async () => {
      await after.tick(never)
      await after.work(never)
    }
    await tick()
    t.match(await stored(), [{ generation: 1 }, { generation: 1 }], `${what}: what is old stays`)

    deliver(at(0) + 11 * MIN, [8, 16], clock.nowMs())
    await tick()
    t.equal(await sum(), 7, `${what}: rows that came too late`)
    const tooLate = (await after.overview()).reduce((rows, window) => rows + window.tooLate, 0)
    t.equal(tooLate, 2, `${what}: are told, each once`)
    t.same(await oldOnes(), [], what)

    arrivals.deliver(NAME, [{ timeMs: at(0) + 7 * MIN, value: 32, receivedMs: clock.nowMs() }])
    await tick()
    t.equal(await sum(), 63, `${what}: an import is counted, and takes them along`)
    t.same(await oldOnes(), [], `${what}: once`)
    await rm(`${dir}/store`, { recursive: true })
    await rm(`${dir}/control`, { recursive: true })
  }
})

test('what counted a window last tells what came since, also when the configuration has gone back', async (t) => {
  const NAME = 'raw/import-old/dt=2026-11-22/hr=12/c-00000'
  const sets = [...definition.sets, { name: 'route', dimensions: ['page_route'] as const }]
  for (const [what, first, then, by] of [
    ['to larger windows, all asked for', {}, { grainMs: 60 * MIN }, 'request'],
    ['to larger windows, by an import', {}, { grainMs: 60 * MIN }, 'import'],
    ['to smaller windows, all asked for', { grainMs: 60 * MIN }, {}, 'request'],
    ['to smaller windows, by an import', { grainMs: 60 * MIN }, {}, 'import'],
    ['to a set more, all asked for', {}, { sets }, 'request'],
    ['to a set more, by an import', {}, { sets }, 'import'],
  ] as const) {
    const { deliver, clock, open, arrivals, stored, dir } = await aggregation(t, shortHorizon)
    const sum = async () => (await stored()).reduce((total, window) => total + window.sum, 0)
    const under = (changed: Partial<typeof definition>) =>
      open({ definitions: [{ ...definition, ...changed }] })
    type Opened = Awaited<ReturnType<typeof under>>
    const tick = async (runs: Opened) => {
      await runs.tick(never)
      await runs.work(never)
    }
    const told = async (runs: Opened) =>
      (await runs.overview()).reduce((rows, window) => rows + window.tooLate, 0)
    const old = async (runs: Opened) => {
      const { windows } = await runs.submit({ dryRun: true }, 'ops')
      return windows.filter(({ fromMs }) => fromMs < at(4))
    }
    const imported = (number: number, timeMs: number, value: number) =>
      arrivals.deliver(`${NAME}${number}-0123456789abcdef.parquet`, [
        { timeMs, value, receivedMs: clock.nowMs() },
      ])
    for (let i = 0; i < 4; i++) deliver(at(i), [1])
    clock.advance(60 * MIN + 2 * MIN)
    const before = await under(first)
    await before.submit({ from: at(0), to: at(4) }, 'ops')
    await before.work(never)
    clock.advance(3 * 60 * MIN)
    deliver(at(3), [2], clock.nowMs())
    await tick(before)
    t.same([await sum(), await told(before)], [4, 1], `${what}: late rows are told`)

    const meanwhile = await under(then)
    if (by === 'import') imported(1, at(3), 4)
    else await meanwhile.submit({ from: at(0), to: at(4), reprocess: 'all' }, 'ops')
    await tick(meanwhile)
    const counted = by === 'import' ? 10 : 6
    t.same([await sum(), await told(meanwhile)], [counted, 0], `${what}: all of it is counted`)

    const back = await under(first)
    await tick(back)
    t.same([await sum(), await told(back)], [counted, 0], `${what}: and stays so`)
    deliver(at(1), [8], clock.nowMs())
    await tick(back)
    t.same([await sum(), await told(back)], [counted, 1], `${what}: what came since is too late`)
    t.same(await old(back), [], `${what}: also for a run without a range`)
    imported(2, at('sets' in then ? 1 : 0), 16)
    await tick(back)
    t.same([await sum(), await told(back)], [counted + 24, 0], `${what}: an import is counted`)
    t.same(await old(back), [], `${what}: once`)
    await rm(`${dir}/store`, { recursive: true })
    await rm(`${dir}/control`, { recursive: true })
  }
})

test('an old hour that has begun to be replaced is replaced: what has come into it counts', async (t) => {
  const { deliver, clock, open, stored } = await aggregation(t, shortHorizon)
  const sum = async () => (await stored()).reduce((total, window) => total + window.sum, 0)
  for (let i = 0; i < 4; i++) deliver(at(i), [1])
  clock.advance(4 * GRAIN + 2 * MIN)
  const hourly = await open({ definitions: [{ ...definition, grainMs: 4 * GRAIN }] })
  await hourly.tick(never)
  await hourly.work(never)
  clock.advance(3 * 60 * MIN)
  deliver(at(0), [2], clock.nowMs())
  const cancelled: Promise<unknown>[] = []
  const quarterly = await open({
    onProgress({ runId }) {
      if (cancelled.length === 0) cancelled.push(quarterly.cancel(runId))
    },
  })
  await quarterly.submit({ from: at(0), to: at(4), reprocess: 'all' }, 'ops')
  await quarterly.work(never)
  t.match(await quarterly.list({ limit: 1 }), [{ state: 'cancelled', windows: [{ result: 'committed' }] }])
  t.equal(await sum(), 4, 'one quarter does not count')
  await quarterly.tick(never)
  await quarterly.work(never)
  t.equal(await sum(), 6)
})

test('a window of another definition is newer than all that counted it, though the store was lost', async (t) => {
  const { deliver, clock, open, dir } = await aggregation(t)
  const before = await open()
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  for (const _ of [1, 2]) {
    await before.submit({ at: at(0), reprocess: 'all' }, 'ops')
    await before.work(never)
  }
  const store = localStore({ dir: `${dir}/another` })
  const after = await open({ definitions: [{ ...definition, maxValues: 7 }], stores: [store] })
  await after.submit({ at: at(0) }, 'ops')
  await after.work(never)
  t.match(await store.held('vitals', at(0), at(1)), [{ generation: 3 }])
})

test('what a run itself sets aside, others stand for only once it is asked for again', async (t) => {
  const { deliver, clock, open, arrivals, engine, stored } = await aggregation(t)
  const runs = await open()
  const run = async (reprocess: Reprocess) => {
    const { id } = await runs.submit({ at: T0, reprocess }, 'ops')
    await runs.work(never)
    return (await runs.get(String(id)))?.state
  }
  deliver(at(0), [1, 2])
  deliver(at(0), [4])
  clock.advance(GRAIN + 2 * MIN)
  t.equal(await run('missing'), 'succeeded')
  arrivals.unreadable.add('raw-0001')
  engine.failures.push(failure())
  deliver(at(0), [8, 16, 32])
  t.equal(await run('all'), 'failed', 'nobody knew of it')
  t.match(await stored(), [{ generation: 1, sum: 7 }])
  t.equal(await run('all'), 'succeeded')
  t.match(await stored(), [{ generation: 2, sum: 60 }])
})

test('input that is gone is waited for by the schedule, and late rows of other windows do not wait with it', async (t) => {
  const { deliver, clock, open, arrivals, stored } = await aggregation(t)
  const runs = await open({ entropy: { ...atOnce, uniform: () => 0.999 } })
  const turn = async () => {
    await runs.tick(never)
    await runs.work(never)
  }
  deliver(at(0), [1, 2])
  deliver(at(1), [8])
  clock.advance(2 * GRAIN + 2 * MIN)
  await turn()
  const restored = arrivals.eventsOf('raw-0001') ?? []
  arrivals.lose('raw-0001')
  deliver(at(0), [4], at(2))
  clock.advance(5 * MIN)
  await turn()
  t.match(await runs.list({ limit: 1 }), [
    { state: 'queued', windows: [{ error: { code: 'input_missing' } }] },
  ])
  deliver(at(1), [16], at(2))
  await turn()
  t.match(await stored(), [{ sum: 3 }, { sum: 24 }])
  arrivals.deliver('raw-0001', restored)
  clock.advance(30_000)
  await turn()
  t.match(await stored(), [{ sum: 7 }, { sum: 24 }], 'it was put back')
})

test('a store that fails is brought up to date later, and keeps the others from nothing', async (t) => {
  const { deliver, clock, open, store, dir, stored } = await aggregation(t)
  let broken = true
  const refused = Object.assign(new Error('connection refused to db.internal'), { code: 'ECONNREFUSED' })
  const second = localStore({ dir: `${dir}/second` })
  const flaky = {
    ...second,
    publish: async (...given: Parameters<typeof second.publish>) => {
      if (broken) throw refused
      return second.publish(...given)
    },
    held: async (...given: Parameters<typeof second.held>) => {
      if (broken) throw refused
      return second.held(...given)
    },
  }
  const runs = await open({ stores: [flaky, store], entropy: atOnce })
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  await runs.tick(never)
  await runs.work(never)
  t.match(await stored(), [{ generation: 1, rows: 1 }])
  const [run] = await runs.list({ limit: 1 })
  t.match(run, { state: 'failed', attempt: 5, error: { code: 'internal', message: /Unexpected error/ } })
  t.notMatch(JSON.stringify(run), /db.internal/, 'what others’ errors say is for the log')
  broken = false
  clock.advance(60 * MIN)
  await runs.tick(never)
  await runs.work(never)
  t.match(await second.windows('vitals', 0, at(1)), [{ generation: 1 }], 'published, not computed again')
  t.match((await runs.list({ limit: 1 }))[0], {
    windows: [{}, {}, {}, {}, { step: 'publish', result: 'published' }],
  })
})

test('results that a store lost are due and told until they are published again', async (t) => {
  const lines: string[] = []
  const telemetry = createTelemetry('info', { write: (line) => lines.push(line) })
  const { deliver, clock, open, dir } = await aggregation(t)
  const told = (what: RegExp) => lines.filter((line) => what.test(line)).length
  const [lacks, whole] = [/store\/ lacks results/, /store\/ has all results/]
  for (let i = 0; i < MANY_UNPUBLISHED; i++) deliver(at(i), [1])
  clock.advance(MANY_UNPUBLISHED * GRAIN + 2 * MIN)
  const before = await open()
  await before.tick(never)
  await before.work(never)
  t.equal((await before.overview()).filter(({ isUnpublished }) => isUnpublished).length, 0)

  const restored = localStore({ dir: `${dir}/restored` })
  const runs = await open({ telemetry, stores: [restored] })
  const due = (await runs.overview()).filter(({ state }) => state === 'due')
  t.equal(due.length, MANY_UNPUBLISHED)
  t.ok(due.every(({ isUnpublished, generation }) => isUnpublished && generation === 1))
  t.match(await runs.windows({ fromMs: at(0), toMs: at(1) }), [{ state: 'due', generation: 1 }])
  await runs.tick(never)
  t.same([told(lacks), told(whole)], [1, 0], 'once, however often it is looked')
  t.match(
    lines.find((line) => lacks.test(line)),
    `"windows":${MANY_UNPUBLISHED}`,
  )
  await runs.work(never)
  await runs.tick(never)
  t.equal((await restored.windows('vitals', at(0), at(MANY_UNPUBLISHED))).length, MANY_UNPUBLISHED)
  t.same(
    (await runs.overview()).filter(({ state }) => state === 'due'),
    [],
  )
  t.same([told(lacks), told(whole)], [1, 1])
})

test('a store that is new gets what was committed before', async (t) => {
  const { deliver, clock, open, store, dir, engine } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  const before = await open()
  await before.tick(never)
  await before.work(never)
  const second = localStore({ dir: `${dir}/second` })
  const runs = await open({ stores: [store, second] })
  await runs.tick(never)
  await runs.work(never)
  t.match(await second.windows('vitals', 0, at(1)), [{ generation: 1 }])
  t.equal(engine.plans.length, 1)
})

test('a changed definition computes its windows anew and replaces what stores hold; so does going back', async (t) => {
  const { deliver, clock, open, stored } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  for (const [generation, maxValues] of [
    [1, 500],
    [2, 400],
    [3, 500],
  ] as const) {
    const runs = await open({ definitions: [{ ...definition, maxValues }] })
    await runs.tick(never)
    await runs.work(never)
    t.match(await stored(), [{ generation, rows: 1 }])
  }
})

test('the open window that a run counted under another definition is taken by the first tick, once', async (t) => {
  const { deliver, clock, open, stored } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(5 * MIN)
  const before = await open()
  await before.submit({}, 'ops')
  await before.work(never)
  t.match(await stored(), [{ generation: 1, rows: 1 }])
  deliver(at(0), [1, 1])
  clock.advance(MIN)
  const runs = await open({ definitions: [{ ...definition, maxValues: 400 }] })
  const tick = async () => {
    await runs.tick(never)
    await runs.work(never)
  }
  await tick()
  t.match(await stored(), [{ generation: 2, rows: 3 }])
  const [run] = await runs.list({ limit: 1 })
  t.match(run, { trigger: 'schedule', windows: [{ result: 'committed' }] })
  t.match(await runs.windows({}), [{ state: 'open', generation: 2, complete: false }])
  deliver(at(0), [1])
  await tick()
  t.match(await stored(), [{ generation: 2, rows: 3 }], 'from then on it is open like any other')
})

test('a changed grain counts no event twice, whatever part of the windows is computed anew', async (t) => {
  for (const [what, before, after, part] of [
    ['larger, all of it', 15, 60, [0, 60]],
    ['larger, a part', 5, 15, [0, 15]],
    ['smaller, a part in the middle', 15, 5, [5, 10]],
    ['smaller, the first part', 15, 5, [0, 5]],
    ['smaller, all of it', 60, 15, [0, 60]],
    ['smaller, but for the last part', 60, 5, [0, 55]],
  ] as const) {
    const { deliver, clock, open, stored, store, dir } = await aggregation(t)
    for (let minute = 0; minute < 60; minute++) deliver(T0 + minute * MIN, [1])
    for (const minute of [0, 7, 31]) deliver(T0 + minute * MIN, [-1])
    clock.advance(2 * 60 * MIN)
    const compute = async (minutes: number, [fromMinute, toMinute]: readonly [number, number]) => {
      const runs = await open({ definitions: [{ ...definition, grainMs: minutes * MIN }] })
      await runs.submit({ from: T0 + fromMinute * MIN, to: T0 + toMinute * MIN }, 'ops')
      await runs.work(never)
      return runs
    }
    const heldMinutes = async () => {
      const windows = await store.windows('vitals', T0, T0 + 60 * MIN)
      return windows.reduce((sum, { fromMs, toMs }) => sum + (toMs - fromMs) / MIN, 0)
    }
    const rows = async () => (await stored()).reduce((sum, window) => sum + window.rows, 0)
    await compute(before, [0, 60])
    t.equal(await rows(), 60, what)
    const runs = await compute(after, part)
    t.equal(await rows(), 60, `${what}: rows`)
    t.equal(await heldMinutes(), 60, `${what}: no moment twice, none missing`)
    const rejected = (await runs.overview()).reduce((sum, each) => sum + each.rejected, 0)
    t.equal(rejected, 3, `${what}: and what cannot be counted is told, whoever computed it`)
    const again = await runs.submit({ from: T0 + part[0] * MIN, to: T0 + part[1] * MIN }, 'ops')
    t.same(again.windows, [], `${what}: nothing is left to do`)
    const asked = await store.windows('vitals', T0 + part[0] * MIN, T0 + part[1] * MIN)
    t.ok(
      asked.every(({ fromMs, toMs }) => toMs - fromMs === after * MIN),
      `${what}: what was asked for is seen`,
    )
    await compute(after, [0, 60])
    t.same([await rows(), await heldMinutes()], [60, 60], `${what}: and when all is computed`)
    t.equal((await stored()).length, 60 / after, what)
    await rm(`${dir}/store`, { recursive: true })
    await rm(`${dir}/control`, { recursive: true })
  }
})

test('a smaller grain takes the place of an hour whose events are not in its first window', async (t) => {
  const quarterly = { definitions: [definition] }
  const hourly = { definitions: [{ ...definition, grainMs: 4 * GRAIN }] }
  for (const [what, horizonMs, pauseMs, by] of [
    ['the first hour of all', DAY, 0, 'schedule'],
    ['the first hour of all', DAY, 0, 'request'],
    ['the first hour of all', DAY, 0, 'failure'],
    ['the hour in which the horizon begins', 60 * MIN, 50 * MIN, 'schedule'],
    ['the hour in which the horizon begins', 60 * MIN, 50 * MIN, 'request'],
  ] as const) {
    const schedule = { graceMs: 2 * MIN, horizonMs }
    const { deliver, clock, open, stored, engine, dir } = await aggregation(t, { schedule })
    deliver(at(1), [1])
    clock.advance(4 * GRAIN + 2 * MIN)
    const before = await open(hourly)
    await before.tick(never)
    await before.work(never)
    t.match(await stored(), [{ at: 0, rows: 1 }], `${what}: counted by the hour`)

    deliver(at(1), [2, 4], clock.nowMs())
    clock.advance(pauseMs)
    const after = await open(quarterly)
    if (by === 'request') await after.submit({}, 'ops')
    else await after.tick(never)
    if (by === 'failure') engine.failures.push(new AppError('bad_configuration', 'no'))
    await after.work(never)
    if (by === 'failure') {
      t.match(await stored(), [{ at: 0, rows: 1 }], 'the hour counts until all of it is there')
      clock.advance(FAILED_PAUSE_MS)
      const restarted = await open(quarterly)
      await restarted.tick(never)
      await restarted.work(never)
    }
    const quarters = (await stored()).filter((window) => window.at < 4)
    t.match(quarters, [{ at: 0 }, { at: 1, rows: 3, sum: 7 }, { at: 2 }, { at: 3 }], `${what}, by ${by}`)
    t.equal(quarters.length, 4)
    await rm(`${dir}/store`, { recursive: true })
    await rm(`${dir}/control`, { recursive: true })
  }
})

test('an hour that was given up says nothing of the quarter it begins with', async (t) => {
  const { deliver, clock, open, stored, engine } = await aggregation(t)
  deliver(at(0), [1])
  deliver(at(1), [2])
  clock.advance(4 * GRAIN + 2 * MIN)
  engine.failures.push(new AppError('bad_configuration', 'no'))
  const before = await open({ definitions: [{ ...definition, grainMs: 4 * GRAIN }] })
  await before.tick(never)
  await before.work(never)
  t.match(await before.windows({ toMs: at(4) }), [{ state: 'failed' }])
  const after = await open()
  t.match(await after.windows({ toMs: at(2) }), [{ state: 'due' }, { state: 'due' }])
  await after.tick(never)
  await after.work(never)
  t.match((await stored()).slice(0, 2), [
    { at: 0, rows: 1 },
    { at: 1, rows: 1 },
  ])
})

test('a smaller grain takes the place of a window that was computed while open, and all that came since is seen', async (t) => {
  for (const [what, before, after, request] of [
    ['everything that is due', 15, 1, {}],
    ['everything that is due', 60, 5, {}],
    ['since the hour began', 60, 5, { from: T0 }],
    ['the window of this moment', 15, 1, { at: T0 + 6 * MIN }],
    ['the schedule', 15, 1, undefined],
    ['the schedule', 60, 5, undefined],
  ] as const) {
    const name = `${before}m to ${after}m, ${what}`
    const { deliver, clock, open, stored, store, engine, dir } = await aggregation(t)
    const grain = (minutes: number) => ({ definitions: [{ ...definition, grainMs: minutes * MIN }] })
    const sum = async () => (await stored()).reduce((total, window) => total + window.sum, 0)
    deliver(T0, [1])
    clock.advance(6 * MIN + MIN / 2)
    const larger = await open(grain(before))
    await larger.submit({}, 'ops')
    await larger.work(never)
    t.match(await stored(), [{ complete: false, sum: 1 }], name)

    deliver(T0 + 5 * MIN, [2], clock.nowMs())
    // By a clock that is ahead of ours.
    deliver(T0 + 10 * MIN, [4], clock.nowMs())
    const meanwhile: number[] = []
    const runs = await open({
      ...grain(after),
      engine: {
        ...engine,
        async compute(plan, signal) {
          meanwhile.push(await sum())
          return engine.compute(plan, signal)
        },
      },
    })
    if (request === undefined) await runs.tick(never)
    else await runs.submit(request, 'ops')
    await runs.work(never)
    t.match(await runs.list({ limit: 1 }), [{ state: 'succeeded' }], name)
    t.same(
      meanwhile,
      Array(before / after).fill(1),
      `${name}: the larger one counts until all of it is there`,
    )
    const windows = await store.windows('vitals', T0, T0 + before * MIN)
    t.same(
      windows.map(({ fromMs, toMs }) => [fromMs, toMs]),
      Array.from({ length: before / after }, (_, i) => [T0 + i * after * MIN, T0 + (i + 1) * after * MIN]),
      name,
    )
    t.equal(await sum(), 7, `${name}: all that came`)
    const again = await runs.submit({}, 'ops')
    t.same(again.windows, [], `${name}: nothing is left to do`)

    deliver(T0 + 12 * MIN, [8], clock.nowMs())
    clock.advance(before * MIN)
    await runs.tick(never)
    await runs.work(never)
    const complete = (await stored()).slice(0, before / after)
    t.ok(
      complete.every((window) => window.complete),
      `${name}: what had not begun is computed when it is over`,
    )
    t.equal(await sum(), 15, name)
    await rm(`${dir}/store`, { recursive: true })
    await rm(`${dir}/control`, { recursive: true })
  }
})

test('what was computed before the first event while it was open is finished when it is over, also by a later process', async (t) => {
  const { deliver, clock, open, stored } = await aggregation(t)
  const grain = (minutes: number) => ({ definitions: [{ ...definition, grainMs: minutes * MIN }] })
  const first = T0 + 6 * MIN
  clock.advance(6 * MIN + MIN / 2)
  deliver(first, [1])
  for (const minutes of [15, 1]) {
    const runs = await open(grain(minutes))
    await runs.submit({}, 'ops')
    await runs.work(never)
  }
  const unfinished = async () => (await stored()).filter(({ complete }) => !complete).map(({ at }) => at * 15)
  t.same(await unfinished(), [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14], 'in their grace, open, or not begun')

  const runs = await open(grain(1))
  for (const [minutes, still, due] of [
    [1, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14], 1],
    [1, [6, 7, 8, 9, 10, 11, 12, 13, 14], 1],
    [9, [], 9],
  ] as const) {
    clock.advance(minutes * MIN)
    t.equal((await runs.overview()).filter(({ state }) => state === 'due').length, due)
    await runs.tick(never)
    await runs.work(never)
    t.same(await unfinished(), still)
  }
  await runs.tick(never)
  t.same((await runs.overview())[0]?.window.fromMs, first, 'and then nothing before the first is of interest')
})

test('each rollup has its windows; a run may name some', async (t) => {
  const { deliver, clock, open, stored } = await aggregation(t, {
    definitions: [definition, { ...definition, id: 'hourly', grainMs: 4 * GRAIN }],
  })
  const runs = await open()
  deliver(at(0), [1])
  clock.advance(5 * GRAIN)
  t.match(await runs.submit({ from: at(0), to: at(4), rollups: ['hourly'] }, 'ops'), {
    windows: [{ rollup: 'hourly', fromMs: at(0), toMs: at(4) }],
  })
  await runs.work(never)
  t.match([await stored('hourly'), await stored()], [[{ at: 0 }], []])
  t.equal((await runs.windows({ rollup: 'hourly', fromMs: at(0), toMs: at(4) })).length, 1)
  t.equal((await runs.windows({ fromMs: at(0), toMs: at(4) })).length, 5)
  const unknown = { code: 'invalid_request', message: /vitals, hourly/ }
  await t.rejects(runs.submit({ rollups: ['daily'] }, 'ops'), unknown)
  await t.rejects(runs.windows({ rollup: 'daily' }), unknown)
})

test('a rollup that was removed while its run waited is not run', async (t) => {
  const { deliver, clock, open, dead, engine } = await aggregation(t)
  deliver(at(0), [1])
  clock.advance(GRAIN)
  const before = await open({ owner: dead, entropy: { ...atOnce, uniform: () => 0.5 } })
  engine.failures.push(failure())
  const tried = await before.submit({ at: T0 }, 'ops')
  await before.work(never)
  clock.advance(1)
  const untried = await before.submit({ at: T0 }, 'ops')
  const runs = await open({ definitions: [{ ...definition, id: 'other' }] })
  await runs.recover()
  await runs.work(never)
  t.match(await runs.get(String(untried.id)), { state: 'succeeded', windows: [{ result: 'not_needed' }] })
  clock.advance(15_000)
  await runs.work(never)
  t.match(await runs.get(String(tried.id)), { state: 'failed', error: { code: 'bad_configuration' } })
})

test('a run that was left takes the windows of the grain that is configured now', async (t) => {
  for (const [what, tries, results] of [
    ['not begun', [], ['not_needed', 'not_needed', 'committed']],
    ['to be tried again, from its first window', [failure()], ['not_needed', 'committed', 'committed']],
    ['to be tried again, from its last', [undefined, failure()], ['committed', 'not_needed', 'committed']],
  ] as const) {
    const { arrivals, clock, open, dead, engine, stored, dir } = await aggregation(t)
    // One object, as after compaction: no later one opens the hour again.
    const events = [0, 1, 2, 3].map((quarter) => ({ timeMs: at(quarter), value: 1, receivedMs: T0 }))
    arrivals.deliver('raw-hour', events)
    clock.advance(4 * GRAIN + 2 * MIN)
    const before = await open({ owner: dead, entropy: { ...atOnce, uniform: () => 0.5 } })
    engine.failures.push(...tries)
    const { id } = await before.submit({ from: at(0), to: at(2) }, 'ops')
    if (tries.length > 0) await before.work(never)
    t.match(await before.get(String(id)), { state: 'queued', attempt: Math.sign(tries.length) }, what)

    const runs = await open({ definitions: [{ ...definition, grainMs: 4 * GRAIN }] })
    await runs.recover()
    clock.advance(15_000)
    await runs.work(never)
    const { state, windows } = await runs.get(String(id))
    const inOrder = [...windows].sort((a, b) => a.toMs - b.toMs)
    t.equal(state, 'succeeded', what)
    t.same(
      inOrder.map(({ fromMs, toMs, result }) => [fromMs, toMs, result]),
      [
        [at(0), at(1), results[0]],
        [at(1), at(2), results[1]],
        [at(0), at(4), results[2]],
      ],
      what,
    )
    t.match(await stored(), [{ at: 0, complete: true, rows: 4 }], what)
    t.equal((await stored()).length, 1, what)
    t.match(await runs.windows({ fromMs: at(0), toMs: at(4) }), [{ state: 'committed' }], what)
    await rm(`${dir}/store`, { recursive: true })
    await rm(`${dir}/control`, { recursive: true })
  }
})

test('a dry run says what would be run, and leaves no trace', async (t) => {
  const { clock, open, dir } = await aggregation(t)
  const runs = await open()
  clock.advance(GRAIN)
  t.match(await runs.submit({ from: at(-1), to: at(3), dryRun: true }, 'ops', 'key'), {
    id: null,
    state: 'planned',
    windows: [{ fromMs: at(-1) }, { fromMs: at(0) }, { fromMs: at(1) }],
    skipped: [{ window: { fromMs: at(2) }, why: 'in_the_future' }],
  })
  t.same(await readdir(`${dir}/control`), [])
})

test('many windows need to be confirmed, too many are refused', async (t) => {
  const { clock, open } = await aggregation(t)
  const runs = await open()
  clock.advance(GRAIN)
  const request = { from: at(-200), to: at(1) }
  await t.rejects(runs.submit(request, 'ops'), {
    code: 'invalid_request',
    message: /201 windows need "confirm"/,
    details: { unconfirmedWindows: 201 },
  })
  t.equal((await runs.submit({ ...request, dryRun: true }, 'ops')).windows.length, 201)
  t.equal((await runs.submit({ ...request, from: at(-199) }, 'ops')).windows.length, 200)
  t.equal((await runs.submit({ ...request, confirm: true }, 'ops')).windows.length, 201)
  await t.rejects(runs.submit({ from: 0, confirm: true }, 'ops'), {
    code: 'invalid_request',
    message: /10000/,
  })
  await t.rejects(runs.windows({ fromMs: 0 }), { code: 'invalid_request' })
})

test('a request with a key makes one run, however often it is sent', async (t) => {
  const { open, dead } = await aggregation(t)
  const runs = await open({ owner: dead })
  const [first, ...others] = await Promise.all([1, 2, 3].map(() => runs.submit({ at: T0 }, 'ops', 'key')))
  t.same(others, [first, first])
  t.same((await runs.submit({ rollups: ['vitals'], at: T0 }, 'ops', 'k2')).id === first?.id, false)
  t.equal(
    (await runs.submit({ at: T0, rollups: ['vitals'] }, 'ops', 'k2')).id,
    (await runs.submit({ rollups: ['vitals'], at: T0 }, 'ops', 'k2')).id,
    'the order of fields says nothing',
  )
  await t.rejects(runs.submit({ at: T0, reprocess: 'all' }, 'ops', 'key'), {
    code: 'idempotency_key_reused',
  })
  t.not(
    (await runs.submit({ at: T0, reprocess: 'all' }, 'other', 'key')).id,
    first?.id,
    'keys belong to a token',
  )
  t.equal((await runs.list({ limit: 9 })).length, 3)
  t.equal((await (await open()).submit({ at: T0 }, 'ops', 'key')).id, first?.id, 'also after a restart')
})

test('a run that waits is cancelled at once', async (t) => {
  const { open, engine } = await aggregation(t)
  const runs = await open()
  const { id } = await runs.submit({ at: T0 }, 'ops')
  t.match(await runs.cancel(String(id)), { state: 'cancelled', endedMs: T0 })
  await runs.work(never)
  t.same(engine.plans, [])
  t.match(await runs.cancel(String(id)), { state: 'cancelled', endedMs: T0 }, 'once more changes nothing')
})

test('a run does not begin while it is being cancelled', async (t) => {
  const { open, engine } = await aggregation(t)
  const runs = await open()
  const id = String((await runs.submit({ at: T0 }, 'ops')).id)
  const cancelled = [runs.cancel(id), runs.cancel(id)]
  await runs.work(never)
  for (const each of cancelled) t.match(await each, { state: 'cancelled' })
  t.match(await runs.get(id), { state: 'cancelled' })
  t.same(engine.plans, [])
})

test('a run that cannot be cancelled, as the disk is full, goes on', async (t) => {
  const { files, fail } = faultyFiles()
  const { open } = await aggregation(t, { files })
  const runs = await open()
  const id = String((await runs.submit({ at: T0 }, 'ops')).id)
  fail({ call: 'write', code: 'ENOSPC', file: /json\.part$/ })
  await t.rejects(runs.cancel(id), { code: 'ENOSPC' })
  await runs.work(never)
  t.match(await runs.get(id), { state: 'succeeded' })
})

test('a run that cannot be written down as begun says why, and begins once it can', async (t) => {
  const { files, fail } = faultyFiles()
  const { open } = await aggregation(t, { files })
  const runs = await open()
  const id = String((await runs.submit({ at: T0 }, 'ops')).id)
  fail({ call: 'write', code: 'ENOSPC', file: /json\.part$/ })
  await t.rejects(runs.finish(id, never), { code: 'ENOSPC' })
  t.match(await runs.get(id), { state: 'queued', attempt: 0 })
  t.match(await runs.finish(id, never), { state: 'succeeded', attempt: 1 })
})

test('a run whose record cannot be written is told by its code, and holds up no other', async (t) => {
  for (const [when, after] of [
    ['as begun', 0],
    ['as ended', 4],
  ] as const) {
    const lines: string[] = []
    const telemetry = createTelemetry('error', { write: (line) => lines.push(line) })
    const { files, fail, heal } = faultyFiles()
    const { open, clock } = await aggregation(t, { files })
    const runs = await open({ telemetry })
    const ids: string[] = []
    for (const i of [1, 2, 3]) {
      ids.push(String((await runs.submit({ at: at(-i) }, 'ops')).id))
      clock.advance(1)
    }
    const [first = ''] = ids
    fail({ call: 'write', code: 'ENOSPC', file: new RegExp(`^${first}`), after, times: 9 })
    const unsaved = await runs.work(never)
    t.same([...unsaved.keys()], [first], when)
    t.match(unsaved.get(first), { code: 'ENOSPC' })
    const states = () => Promise.all(ids.map(async (id) => (await runs.get(id)).state))
    t.same((await states()).slice(1), ['succeeded', 'succeeded'], 'the others are done in the same pass')
    const told = lines.filter((line) => line.includes('the record of a run cannot be written now'))
    t.match(
      told.map((line) => JSON.parse(line)),
      [{ run: first, code: 'ENOSPC' }],
    )
    t.equal(told.length, 1)
    heal()
    t.equal((await runs.work(never)).size, 0)
    t.same(await states(), ['succeeded', 'succeeded', 'succeeded'], 'and it is, at the next look')
  }
})

test('what fails of itself, and not of the disk, is no matter of the record', async (t) => {
  const { open } = await aggregation(t)
  const mistake = new TypeError('a mistake of ours')
  const runs = await open({ letGo: () => Promise.reject(mistake) })
  await runs.submit({ at: T0 }, 'ops')
  await t.rejects(runs.work(never), mistake)
})

test('a run that has ended already stays as it is', async (t) => {
  const { open } = await aggregation(t)
  const runs = await open()
  const { id } = await runs.submit({ at: T0 }, 'ops')
  await runs.work(never)
  const ended = await runs.get(String(id))
  t.equal(ended.state, 'succeeded')
  t.same(await runs.cancel(String(id)), ended)
  t.same(await (await open()).cancel(String(id)), ended, 'and for another process')
  t.same(await runs.get(String(id)), ended)
})

test('a request of a range that is at work is a run of its own: it may have come after', async (t) => {
  const { open, engine, deliver, clock } = await aggregation(t)
  const runs = await open()
  deliver(at(0), [1])
  clock.advance(GRAIN)
  const range = { at: at(0), reprocess: 'all' } as const
  const { id } = await runs.submit(range, 'ops')
  const meanwhile: unknown[] = []
  engine.meanwhile = async () => {
    if (meanwhile.length === 0)
      meanwhile.push((await runs.submit(range, 'ops')).id, (await runs.submit(range, 'ops')).id)
  }
  await runs.work(never)
  t.equal(meanwhile.length, 2)
  t.equal(meanwhile[0], meanwhile[1], 'what waits is shared')
  t.not(meanwhile[0], id)
})

test('a run at work is stopped; windows it has committed stay', async (t) => {
  const { deliver, clock, open, engine, stored } = await aggregation(t)
  const runs = await open()
  for (const i of [0, 1, 2]) deliver(at(i), [1])
  clock.advance(3 * GRAIN)
  const { id } = await runs.submit({ from: at(0), to: at(3) }, 'ops')
  let cancelled: ReturnType<typeof runs.cancel> | undefined
  engine.meanwhile = async ({ fromMs }, signal) => {
    if (fromMs === at(0)) return
    const stopped = once(signal, 'abort')
    cancelled = runs.cancel(String(id))
    await stopped
    signal.throwIfAborted()
  }
  await runs.work(never)
  t.match(await cancelled, { state: 'cancelled', windows: [{ result: 'committed' }, {}, {}] })
  t.same(
    (await stored()).map((window) => window.at),
    [0],
  )
  t.equal(engine.plans.length, 2)
})

test('a run of another process cannot be cancelled from here', async (t) => {
  const { open } = await aggregation(t)
  const { id } = await (await open()).submit({ at: T0 }, 'ops')
  await t.rejects((await open()).cancel(String(id)), {
    code: 'run_conflict',
    message: `The run belongs to process ${process.pid}; end that instead.`,
  })
})

test('a run of a process that died is cancelled from here', async (t) => {
  const { open, dead } = await aggregation(t)
  const gone = await open({ owner: dead })
  const { id } = await gone.submit({ at: T0 }, 'ops')
  const here = await open()
  t.match(await here.cancel(String(id)), { state: 'cancelled' })
  t.match(await gone.get(String(id)), { state: 'cancelled' })
})

test('a run that is unknown, or no id at all, is not found', async (t) => {
  const runs = await (await aggregation(t)).open()
  for (const id of ['0mf3jqk2v00-abcdef01', '../../etc/passwd', '']) {
    await t.rejects(runs.get(id), { code: 'not_found' })
    await t.rejects(runs.log(id), { code: 'not_found' })
    await t.rejects(runs.cancel(id), { code: 'not_found' })
  }
})

test('a run keeps a log of what happened', async (t) => {
  const { deliver, clock, open, engine } = await aggregation(t)
  const seen: SavedProgress[] = []
  const runs = await open({ entropy: atOnce, onProgress: (progress) => seen.push(progress) })
  deliver(at(0), [1])
  clock.advance(GRAIN)
  const { id } = await runs.submit({ at: T0 }, 'ops')
  t.equal(String(await runs.log(String(id))), '', 'nothing yet')
  engine.failures.push(failure())
  await runs.work(never)
  const lines = String(await runs.log(String(id)))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(lines, [
    { level: 'info', message: 'run started', attempt: 1, time: '2026-11-22T12:15:00.000Z' },
    {
      level: 'warn',
      message: 'window to be tried again',
      rollup: 'vitals',
      error: { code: 'engine_failed' },
    },
    { level: 'info', message: 'run queued' },
    { message: 'run started', attempt: 2 },
    { level: 'info', message: 'window committed', from: '2026-11-22T12:00:00.000Z', rows: 1, generation: 1 },
    { message: 'run succeeded' },
  ])
  t.match(seen, [
    { runId: id, through: 0, of: 1, done: { error: { code: 'engine_failed' } } },
    { through: 1, of: 1, done: { result: 'committed', rows: 1 } },
  ])
})

test('a window that cannot be computed is told with each try, at last as an error, with the window and why', async (t) => {
  const lines: string[] = []
  const telemetry = createTelemetry('info', { write: (line) => lines.push(line) })
  const { deliver, clock, open, engine } = await aggregation(t, { telemetry })
  const runs = await open({ entropy: atOnce })
  deliver(at(0), [1])
  deliver(at(1), [1])
  clock.advance(2 * GRAIN + 2 * MIN)
  engine.failures.push(...Array.from({ length: 10 }, () => failure()))
  await runs.tick(never)
  await runs.work(never)
  const window = { rollup: 'vitals', from: '2026-11-22T12:00:00.000Z', to: '2026-11-22T12:15:00.000Z' }
  const told = { code: 'engine_failed', windows: 2, ...window }
  const isOfRun = ({ msg = '' }) => /^a run /.test(msg)
  t.match(lines.map((line) => JSON.parse(line)).filter(isOfRun), [
    ...[1, 2, 3, 4].map((attempt) => ({
      ...{ level: 40, state: 'queued', attempt, why: 'no', ...told },
      msg: 'a run failed, and waits for its next try',
    })),
    { level: 50, attempt: 5, why: '2 of 2 windows failed; the first: no', ...told, msg: 'a run is given up' },
  ])
  t.match(await telemetry.metrics.metrics(), 'headgate_rollup_windows_total{result="failed"} 2')
})

test('a run whose ingest fails is tried again as a whole, then fails', async (t) => {
  const { open, arrivals } = await aggregation(t)
  const runs = await open({ entropy: atOnce })
  arrivals.failures.push(failure(), new AppError('lake_failed', 'gone'))
  const { id } = await runs.submit({ at: T0 }, 'ops')
  await runs.work(never)
  t.match(await runs.get(String(id)), { state: 'succeeded', attempt: 3, error: undefined })
  arrivals.failures.push(...Array.from({ length: 5 }, () => new AppError('lake_failed', 'gone')))
  const second = await runs.submit({ at: T0 }, 'ops')
  await runs.work(never)
  t.match(await runs.get(String(second.id)), {
    state: 'failed',
    attempt: 5,
    error: { code: 'lake_failed', message: 'gone' },
  })
})

test('old runs are forgotten, with their logs and keys; those that have not ended are not', async (t) => {
  const { open, clock, dir } = await aggregation(t, { keptRuns: 2 })
  const runs = await open()
  const waiting = await runs.submit({ at: T0 }, 'ops', 'first')
  for (let i = 0; i < 3; i++) {
    clock.advance(1)
    const { id } = await runs.submit({ at: T0 }, 'ops', `key-${i}`)
    if (i < 2) await runs.cancel(String(id))
  }
  t.match(await runs.list({ limit: 9 }), [{ state: 'queued' }, { state: 'cancelled' }, { id: waiting.id }])
  t.equal((await readdir(`${dir}/control/keys`)).length, 3)
  await runs.work(never)
  for (let i = 3; i < 5; i++) {
    clock.advance(1)
    await runs.cancel(String((await runs.submit({ at: T0 }, 'ops')).id))
  }
  t.equal((await readdir(`${dir}/control/runs`)).filter((name) => name.endsWith('.json')).length, 2)
  t.same(await readdir(`${dir}/control/keys`), [])
})

test('a record that holds no run costs no other', async (t) => {
  const lines: string[] = []
  const telemetry = createTelemetry('warn', { write: (line) => lines.push(line) })
  const { open, clock, dir, dead } = await aggregation(t)
  const gone = await open({ owner: dead })
  const runsDir = `${dir}/control/runs`
  const contents = ['', '{"version":1,', '\0\0\0', 'null', '{"version":1}']
  const ids: string[] = []
  for (const content of contents) {
    clock.advance(1)
    const id = String((await gone.submit({ at: T0 }, 'ops')).id)
    ids.push(id)
    await writeFile(`${runsDir}/${id}.json`, content)
  }
  await mkdir(`${runsDir}/zzz.json`)
  clock.advance(1)
  const whole = await gone.submit({ at: T0 }, 'ops', 'key')

  const next = await open({ telemetry })
  await next.recover()
  t.match(await next.list({ limit: 99 }), [{ id: whole.id, state: 'queued' }])
  await t.rejects(next.get(String(ids[0])), { code: 'not_found' })
  for (const id of [...ids, 'zzz']) t.match(lines.filter((line) => line.includes(id)).length, 1, id)
  await next.work(never)
  t.match(
    await next.list({ limit: 99 }),
    [{ id: whole.id, state: 'succeeded' }],
    'the one that is whole is worked off',
  )

  clock.advance(1)
  await (await open({ keptRuns: 3 })).submit({ at: T0 }, 'ops')
  const left = (await readdir(runsDir)).filter((name) => name.endsWith('.json'))
  t.notOk(left.includes(`${ids[0]}.json`), 'the oldest is forgotten as any other is')
})

test('a record of a later version, or one that may not be read, stays, and costs no other', async (t) => {
  const lines: string[] = []
  const telemetry = createTelemetry('warn', { write: (line) => lines.push(line) })
  const { open, clock, dir } = await aggregation(t)
  const { files, fail } = faultyFiles()
  const runs = await open({ telemetry, keptRuns: 1, files: { ...files, open: unsyncedFiles.open } })
  const { id: later } = await runs.submit({ at: T0 }, 'ops', 'key')
  const path = `${dir}/control/runs/${later}.json`
  const text = JSON.stringify({ version: 2, id: later, state: 'dreaming' })
  await runs.work(never)
  await writeFile(path, text)
  const kept: string[] = []
  for (let i = 0; i < 3; i++) {
    clock.advance(1)
    kept.push(String((await runs.submit({ at: T0, reprocess: 'all' }, 'ops')).id))
    await runs.work(never)
    if (i === 0) fail({ call: 'readFile', code: 'EACCES', file: new RegExp(`${kept[0]}.json`), times: 99 })
  }
  t.equal(await readFile(path, 'utf8'), text)
  t.ok((await readdir(`${dir}/control/runs`)).includes(`${kept[0]}.json`), 'what it says is not known')
  t.notOk((await readdir(`${dir}/control/runs`)).includes(`${kept[1]}.json`), 'old, and read')
  t.notOk((await runs.list({ limit: 9 })).some(({ id }) => id === later || id === kept[0]))
  await t.rejects(runs.get(String(later)), { code: 'later_version', message: /version 2/ })
  await t.rejects(
    runs.submit({ at: T0 }, 'ops', 'key'),
    { code: 'later_version' },
    'nor written over by its key',
  )
  t.equal(await readFile(path, 'utf8'), text)
  t.equal(lines.filter((line) => line.includes(`${later}`)).length, 1)
})

test('a key whose file is damaged starts a run once more', async (t) => {
  const { open, dir } = await aggregation(t)
  const runs = await open()
  const first = await runs.submit({ at: T0 }, 'ops', 'key')
  const [name] = await readdir(`${dir}/control/keys`)
  await writeFile(`${dir}/control/keys/${name}`, '{"runId"')
  const second = await runs.submit({ at: T0 }, 'ops', 'key')
  t.not(second.id, first.id)
  t.equal((await runs.submit({ at: T0 }, 'ops', 'key')).id, second.id)
})

test('a control folder that cannot be read is an error, not an empty one', async (t) => {
  const { open, dir } = await aggregation(t)
  const runs = await open({ controlDir: `${dir}/file` })
  await writeFile(`${dir}/file`, '')
  await t.rejects(runs.list({ limit: 9 }), { code: 'ENOTDIR' })
})

test('metrics count windows by result, late and rejected rows once, and tell the lag', async (t) => {
  const telemetry = quietTelemetry()
  const { deliver, clock, open, engine } = await aggregation(t, { telemetry })
  const runs = await open({ entropy: atOnce })
  deliver(at(0), [1, -1, -2])
  deliver(at(0), [1], at(2))
  clock.advance(GRAIN + 2 * MIN)
  await runs.tick(never)
  await runs.work(never)
  engine.failures.push(failure('engine_out_of_memory'), failure('engine_out_of_memory'))
  await runs.submit({ at: T0, reprocess: 'all' }, 'ops')
  await runs.work(never)
  await runs.submit({ at: T0, reprocess: 'all' }, 'ops')
  await runs.work(never)
  const text = await telemetry.metrics.metrics()
  for (const line of [
    'headgate_rollup_windows_total{result="committed"} 1',
    'headgate_rollup_windows_total{result="unchanged"} 1',
    'headgate_rollup_windows_total{result="failed"} 1',
    'headgate_rollup_late_rows_total 1',
    'headgate_rollup_rejected_rows_total 2',
    'headgate_rollup_lag_seconds{rollup="vitals"} 120',
    'headgate_rollup_run_seconds_count 4',
  ]) {
    t.match(text, line)
  }
})

test('the lag is that of windows that were over, and what is behind begins with the oldest that is due', async (t) => {
  const telemetry = quietTelemetry()
  const { deliver, clock, open } = await aggregation(t, { telemetry })
  const runs = await open({ entropy: atOnce })
  const told = async (lagS: number | undefined, behindS: number) => {
    const text = await telemetry.metrics.metrics()
    const lag = /_lag_seconds\{rollup="vitals"\} (.*)/.exec(text)?.[1]
    const behind = /_behind_seconds\{rollup="vitals"\} (.*)/.exec(text)?.[1]
    t.same([lag, behind], [lagS === undefined ? undefined : String(lagS), String(behindS)])
  }
  deliver(at(0), [1])
  clock.advance(MIN)
  await runs.tick(never)
  await told(undefined, 0)
  await runs.submit({ at: T0 }, 'ops')
  await runs.work(never)
  await told(60, 60)
  clock.advance(GRAIN + MIN)
  deliver(at(0) - 2 * GRAIN, [1])
  await runs.tick(never)
  await told(GRAIN / 1_000 + 120, 3 * (GRAIN / 1_000) + 120)
  await runs.work(never)
  await runs.tick(never)
  await told(120, 120)
})

test('after a restart the lag is known from the lake', async (t) => {
  const { deliver, clock, open } = await aggregation(t)
  const before = await open()
  deliver(at(0), [1])
  clock.advance(GRAIN + 2 * MIN)
  await before.tick(never)
  await before.work(never)
  const telemetry = quietTelemetry()
  const runs = await open({ telemetry })
  await runs.tick(never)
  t.match(await telemetry.metrics.metrics(), 'headgate_rollup_lag_seconds{rollup="vitals"} 120')
})

for (const what of Object.keys(noFiles)) {
  test(`${what} in the control folder costs no run and no window`, async (t) => {
    const lines: string[] = []
    const telemetry = createTelemetry('warn', { write: (line) => lines.push(line) })
    const { open, clock, dir, deliver, stored } = await aggregation(t)
    deliver(at(0), [1])
    clock.advance(GRAIN + 2 * MIN)
    const first = await open()
    const { id } = await first.submit({}, 'ops', 'key')
    await first.work(never)
    const [key = ''] = await readdir(`${dir}/control/keys`)
    await mkdir(`${dir}/control/failed`, { recursive: true })
    const places = [`runs/${id}.json`, `runs/${id}.log`, `keys/${key}`, `failed/vitals.${at(1)}.${at(2)}`]
    for (const place of places) await replaceByNoFile(what, `${dir}/control/${place}`)

    const runs = await open({ telemetry })
    await runs.recover()
    t.same(await runs.list({ limit: 9 }), [])
    await t.rejects(runs.get(String(id)), { code: 'not_found' })
    deliver(at(1), [2])
    clock.advance(GRAIN + 2 * MIN)
    const again = await runs.submit({ at: at(1) }, 'ops', 'key')
    t.not(again.id, null, 'a key that is not known any more starts a run')
    await runs.work(never)
    t.match((await stored()).slice(0, 2), [
      { at: 0, rows: 1 },
      { at: 1, rows: 1 },
    ])
    t.match(await runs.list({ limit: 1 }), [{ id: again.id, state: 'succeeded' }])
    for (const place of places.filter((each) => /json$|failed/.test(each)))
      t.match(
        lines.filter((line) => line.includes(`${place}`)),
        [/ and no file: look at what it is/],
        place,
      )
  })
}
