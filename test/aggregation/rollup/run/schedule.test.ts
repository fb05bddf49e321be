import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { createSchedule } from '../../../../src/aggregation/rollup/run/schedule.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry, quietTelemetry } from '../../../../src/std/telemetry.ts'
import { aggregation, definition, GRAIN, MIN, never, T0 } from '../../../fakes/aggregation/aggregation.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { unsyncedFiles } from '../../../fakes/files/unsynced-files.ts'

const { log } = quietTelemetry()
const begin = async () => {}

/** What is logged, and a promise of so many lines that say this. */
function awaited(level: 'error' | 'info', text: string, many = 1) {
  const lines: string[] = []
  let resolve = () => {}
  const said = new Promise<void>((done) => {
    resolve = done
  })
  const write = (line: string) => {
    lines.push(line)
    if (lines.filter((each) => each.includes(text)).length === many) resolve()
  }
  return { telemetry: createTelemetry(level, { write }), lines, said }
}
const hourly = [{ ...definition, grainMs: 4 * GRAIN }]

test('it ticks, then works, at once and each time the clock comes round', async (t) => {
  const clock = fakeClock()
  const stop = new AbortController()
  const seen: string[] = []
  const schedule = createSchedule({
    begin,
    clock,
    log,
    tickMs: 1,
    tick: async () => {
      seen.push('tick')
    },
    work: async () => {
      seen.push('work')
      if (seen.length === 2) clock.advance(1)
      if (seen.length === 5) stop.abort()
    },
  })
  await schedule.run(stop.signal)
  t.same(seen, ['tick', 'work', 'tick', 'work', 'work'], 'woken before its time, it works without a tick')
})

test('it can be woken for work between ticks, and without any', async (t) => {
  const stop = new AbortController()
  let works = 0
  const schedule = createSchedule({
    begin,
    clock: fakeClock(),
    log,
    tickMs: 3_600_000,
    tick: undefined,
    work: async () => {
      works++
      if (works === 3) stop.abort()
      else schedule.wake()
    },
  })
  await schedule.run(stop.signal)
  t.equal(works, 3)
})

test('a tick that fails is logged, and the next one comes', async (t) => {
  const clock = fakeClock()
  const stop = new AbortController()
  let ticks = 0
  const schedule = createSchedule({
    begin,
    clock,
    log,
    tickMs: 1,
    tick: async () => {
      clock.advance(1)
      if (++ticks === 2) stop.abort()
      throw new Error('the lake is away')
    },
    work: async () => {
      t.fail('no work without a tick that succeeded')
    },
  })
  await schedule.run(stop.signal)
  t.equal(ticks, 2)
})

test('what a stop ends is no failure; whatever else fails meanwhile, and what nobody stopped, is one', async (t) => {
  for (const [rule, error, isStopped, failures] of [
    ['the stop ended it', new AppError('cancelled', 'The session was cancelled'), true, 0],
    ['it failed while it was stopped', new AppError('lake_failed', 'The lake is away'), true, 1],
    ['nobody stopped it', new AppError('cancelled', 'The session was cancelled'), false, 1],
  ] as const) {
    const stop = new AbortController()
    const lines: string[] = []
    let works = 0
    const schedule = createSchedule({
      begin,
      clock: fakeClock(),
      log: createTelemetry('info', { write: (line) => lines.push(line) }).log,
      tickMs: 1,
      tick: undefined,
      work: async () => {
        if (isStopped || ++works === 2) stop.abort()
        else schedule.wake()
        if (works < 2) throw error
      },
    })
    await schedule.run(stop.signal)
    t.equal(lines.length, failures, rule)
  }
})

test('it ends when it is told before it began', async (t) => {
  const stop = new AbortController()
  stop.abort()
  const work = async () => {
    t.fail('nothing is done')
  }
  const schedule = createSchedule({ begin, clock: fakeClock(), log, tickMs: 1, tick: work, work })
  await schedule.run(stop.signal)
  t.equal(stop.signal.aborted, true)
})

test('the service takes over what was left, works on schedule, and is woken by a request', async (t) => {
  const { open, deliver, clock, engine, dead, stored } = await aggregation(t)
  const left = await (await open({ owner: dead })).submit({ at: T0 - GRAIN }, 'ops')
  deliver(T0, [1])
  clock.advance(GRAIN + 2 * MIN)
  const stop = new AbortController()
  const runs = await open({
    onProgress: ({ done }) => {
      if (done.fromMs === T0) asked = runs.submit({ at: T0 + GRAIN }, 'ops')
      if (done.fromMs === T0 + GRAIN) stop.abort()
    },
  })
  let asked: ReturnType<typeof runs.submit> | undefined
  await runs.start(stop.signal, { tickMs: 3_600_000, scheduled: true })
  t.match(await runs.get(String(left.id)), { state: 'succeeded' })
  t.match(await stored(), [{ at: -1 }, { at: 0 }, { at: 1, complete: false }])
  t.match(await asked, { windows: [{ fromMs: T0 + GRAIN }] })
  t.equal(engine.plans.length, 3)
})

test('the schedule has small objects joined after its work, and tells what keeps them from it', async (t) => {
  const { open, deliver, clock, arrivals } = await aggregation(t)
  deliver(T0, [1])
  clock.advance(GRAIN + 2 * MIN)
  const stop = new AbortController()
  const { telemetry, lines, said } = awaited('error', 'small objects of an hour cannot be joined now')
  const windows: number[] = []
  const runs = await open({ telemetry, onProgress: () => windows.push(arrivals.joins.count) })
  arrivals.joins.failures.push(new AppError('lake_failed', 'The policy does not allow it'))
  const working = runs.start(stop.signal, { tickMs: 1, scheduled: true })
  await said
  await new Promise<void>((resolve) => {
    arrivals.joins.begun = resolve
  })
  stop.abort()
  await working
  t.same(windows, [0], 'windows go before')
  t.ok(arrivals.joins.count >= 2, 'and it is tried again')
  t.equal(lines.length, 1)
})

test('open windows are computed beside the schedule, and what keeps them from it is told', async (t) => {
  const { open } = await aggregation(t)
  const stop = new AbortController()
  const { telemetry, said } = awaited('error', 'open windows cannot be computed')
  const done: string[] = []
  const runs = await open({
    telemetry,
    open: {
      async refresh() {
        done.push('computed')
        if (done.length === 1) throw new TypeError('a mistake')
        stop.abort()
      },
      async clear() {
        done.push('removed')
      },
    },
  })
  const working = runs.start(stop.signal, { tickMs: 1, scheduled: true })
  await said
  await working
  t.same(done, ['computed', 'computed'], 'and tried again')

  await runs.forgetOpen()
  t.same(done.slice(2), ['removed'])
})

test('without a schedule only what is asked for is run', async (t) => {
  const { open, deliver, clock, stored, arrivals } = await aggregation(t)
  deliver(T0, [1])
  clock.advance(2 * GRAIN)
  const stop = new AbortController()
  const runs = await open({ onProgress: () => stop.abort() })
  const { id } = await runs.submit({ at: T0 + GRAIN }, 'ops')
  await runs.start(stop.signal, { tickMs: 3_600_000, scheduled: false })
  t.match(await stored(), [{ at: 1 }])
  t.match(await runs.get(String(id)), { windows: [{ result: 'committed' }] })
  t.equal(arrivals.joins.count, 0)
})

test('beside a process of another grain nothing is computed; what is asked for is refused, the schedule waits', async (t) => {
  const { open, deliver, clock, engine, me, stored } = await aggregation(t)
  deliver(T0, [1])
  clock.advance(4 * GRAIN + 2 * MIN)
  const elsewhere = { ...me, pidNamespace: 'pid:[1]' }
  const ending = new AbortController()
  const worked = awaited('info', 'a run ended')
  const first = await open({ owner: elsewhere, telemetry: worked.telemetry })
  const working = first.start(ending.signal, { tickMs: 3_600_000, scheduled: true })
  await worked.said
  const before = await stored()

  const { telemetry, lines, said } = awaited('error', 'the schedule cannot look for work now')
  const stop = new AbortController()
  const runs = await open({
    definitions: hourly,
    telemetry,
    onProgress: () => stop.abort(),
  })
  const asked = { at: T0, reprocess: 'all' } as const
  const difference = { code: 'rollups_differ', message: /grain: 1h here, 15m there/ }
  await t.rejects(runs.submit(asked, 'ops'), difference)
  t.equal((await runs.list({ limit: 9 })).length, 1, 'no run is left for anybody')
  t.match(await runs.submit({ ...asked, dryRun: true }, 'ops'), { state: 'planned' })
  t.match(await (await open()).submit(asked, 'ops'), { state: 'queued' }, 'the same may be done by several')

  const waiting = runs.start(stop.signal, { tickMs: 1, scheduled: true })
  await said
  t.match(lines, [/"code":"rollups_differ".*the schedule cannot look for work now; it tries again/])
  t.same(await stored(), before)
  const plans = engine.plans.length
  ending.abort()
  await working
  await waiting
  t.ok(engine.plans.length > plans, 'when the other has ended it goes on')
})

test('a run of a process that finds another grain at work when it begins is left to nobody', async (t) => {
  const { open, deliver, clock, me } = await aggregation(t)
  deliver(T0, [1])
  clock.advance(4 * GRAIN + 2 * MIN)
  const runs = await open({ definitions: hourly })
  const { id } = await runs.submit({ at: T0 }, 'command line')

  const ending = new AbortController()
  const { telemetry, said } = awaited('info', 'a run ended')
  const other = await open({ owner: { ...me, pidNamespace: 'pid:[1]' }, telemetry })
  const working = other.start(ending.signal, { tickMs: 3_600_000, scheduled: true })
  await said
  await t.rejects(runs.finish(String(id), never), { code: 'rollups_differ' })
  t.match(await runs.get(String(id)), { state: 'cancelled' })
  ending.abort()
  await working
})

test('a file in the place of a folder of ours is told once by each that needs it, and waited for', async (t) => {
  for (const [folder, told] of [
    [
      'leases',
      [
        'this process cannot show that it lives; it tries again',
        'the schedule cannot look for work now; it tries again',
      ],
    ],
    [
      'runs',
      [
        'runs that were left cannot be looked for now',
        'what nobody needs any more cannot be removed now',
        'the schedule cannot look for work now; it tries again',
      ],
    ],
  ] as const) {
    const { dir, open, deliver, clock, stored } = await aggregation(t)
    const path = join(dir, 'control', folder)
    writeFileSync(path, 'no folder')
    deliver(T0, [1])
    clock.advance(GRAIN + 2 * MIN)
    let looks = 0
    let enough = () => {}
    const looked = new Promise<void>((done) => {
      enough = done
    })
    const seen = <T>(of: string, work: Promise<T>): Promise<T> => {
      if (of === path && ++looks === 9) enough()
      return work
    }
    const files = {
      ...unsyncedFiles,
      mkdir: (of: string, how: { recursive: true; mode: number }) => seen(of, unsyncedFiles.mkdir(of, how)),
      readdir: (of: string) => seen(of, unsyncedFiles.readdir(of)),
    }
    const lines: string[] = []
    const telemetry = createTelemetry('warn', { write: (line) => lines.push(line) })
    const stop = new AbortController()
    const runs = await open({ telemetry, files, heartbeatMs: 1, onProgress: () => stop.abort() })
    const working = runs.start(stop.signal, { tickMs: 1, scheduled: true })
    await looked
    const found = lines.map((line) => JSON.parse(line))
    rmSync(path)
    clock.advance(MIN)
    await working
    t.match(await stored(), [{ at: 0, sum: 1 }], folder)
    t.same(
      found.map(({ msg }) => msg),
      told,
      folder,
    )
    for (const { err } of found) t.match(err, { message: path, why: /a file lies in the place of a folder/ })
  }
})
