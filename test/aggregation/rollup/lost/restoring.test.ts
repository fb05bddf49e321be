import { rm } from 'node:fs/promises'
import { type Test, test } from 'tap'
import { erasureBooks } from '../../../../src/aggregation/ingest/erase/erasure-books.ts'
import type { Erasure } from '../../../../src/aggregation/ingest/erase/erasure-record.ts'
import { newErasure } from '../../../../src/aggregation/ingest/erase/erasure-record.ts'
import { erasedTimes } from '../../../../src/aggregation/rollup/lost/erased-time.ts'
import { createRepublish } from '../../../../src/aggregation/rollup/lost/republish.ts'
import { definitionHash } from '../../../../src/aggregation/rollup/model/definition.ts'
import type { Runs } from '../../../../src/aggregation/rollup/run/runner.ts'
import { localStore } from '../../../../src/aggregation/rollup/stores/local-store.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import {
  aggregation,
  definition,
  GRAIN,
  MIN,
  never,
  type RunParts,
  T0,
} from '../../../fakes/aggregation/aggregation.ts'
import { memoryArrivals } from '../../../fakes/aggregation/arrivals.ts'
import { memorySortRows } from '../../../fakes/aggregation/engine.ts'
import { changingCalls, killedAt } from '../../../fakes/files/killed.ts'
import { unsyncedFiles } from '../../../fakes/files/unsynced-files.ts'

const DAY = 24 * 60 * MIN
const at = (i: number) => T0 + i * GRAIN
const HOURS = [T0, at(8)] as const
const otherSets = { ...definition, maxValues: 400 }
const ofGrain = (minutes: number) => ({ ...definition, grainMs: minutes * MIN })

const erasure = newErasure({
  ...{ id: 'e1', dryRun: false, principal: 'ops', createdMs: T0, app: 'shop', by: 'user' },
  ...{ salt: 'salt', digest: 'digest' },
})

type Definition = typeof definition

/** Two hours were computed under each of the definitions, one after the other, all or a part of them, long ago. */
async function scene(t: Test, definitions: readonly (readonly [Definition, fromMs: number, toMs: number])[]) {
  const it = await aggregation(t)
  for (let i = 0; i < 8; i++) it.deliver(at(i), [i + 1])
  it.clock.advance(3 * 60 * MIN)
  for (const [each, from, to] of definitions) {
    const runs = await it.open({ definitions: [each] })
    await runs.submit({ from, to, reprocess: 'all' }, 'ops')
    await runs.work(never)
  }
  it.clock.advance(30 * DAY)
  const lines: string[] = []
  const write = (line: string) => void lines.push(line)
  const restored = async (present: Definition, over: Partial<RunParts> = {}) => {
    await rm(`${it.dir}/store`, { recursive: true, force: true })
    await rm(`${it.dir}/control`, { recursive: true, force: true })
    return it.open({
      definitions: [present],
      arrivals: memoryArrivals(),
      telemetry: createTelemetry('info', { write }),
      ...over,
    })
  }
  return { ...it, lines, restored }
}

/** Of two hours one quarter was computed anew, and none of the others of its hour: it waits for them. */
async function withOneQuarter(t: Test) {
  const it = await scene(t, [
    [ofGrain(60), ...HOURS],
    [definition, T0, at(1)],
  ])
  const ofOthers = [1, 2, 3].map((i) => `/15m/dt=2026-11-22/w=${at(i)}/`)
  for (const key of it.lake.objects.keys())
    if (ofOthers.some((each) => key.includes(each))) it.lake.objects.delete(key)
  return it
}

const scheduled = async (runs: Runs) => {
  for (let tick = 0; tick < 3; tick++) {
    await runs.tick(never)
    await runs.work(never)
  }
}
const asked = async (runs: Runs) => {
  await runs.submit({}, 'ops')
  await runs.work(never)
}
const askedOfThem = async (runs: Runs) => {
  await runs.submit({ from: T0, to: at(8) }, 'ops')
  await runs.work(never)
}

const cases = [
  ['other sets', [[definition, ...HOURS]], otherSets],
  [
    'computed twice, then other sets',
    [
      [definition, ...HOURS],
      [definition, at(1), at(3)],
    ],
    otherSets,
  ],
  ['a larger grain', [[definition, ...HOURS]], ofGrain(60)],
  ['a smaller grain', [[ofGrain(60), ...HOURS]], definition],
  [
    'other sets, a part computed anew',
    [
      [definition, ...HOURS],
      [otherSets, at(2), at(5)],
    ],
    otherSets,
  ],
  [
    'a larger grain, a part computed anew',
    [
      [definition, ...HOURS],
      [ofGrain(60), T0, at(4)],
    ],
    ofGrain(60),
  ],
  [
    'a smaller grain, a part computed anew',
    [
      [ofGrain(60), ...HOURS],
      [definition, at(4), at(8)],
    ],
    definition,
  ],
  [
    'there and back: sets',
    [
      [definition, ...HOURS],
      [otherSets, ...HOURS],
    ],
    definition,
  ],
  [
    'there and back: larger',
    [
      [definition, ...HOURS],
      [ofGrain(60), ...HOURS],
    ],
    definition,
  ],
  [
    'there and back: smaller',
    [
      [ofGrain(60), ...HOURS],
      [definition, ...HOURS],
    ],
    ofGrain(60),
  ],
  [
    'a third',
    [
      [ofGrain(60), ...HOURS],
      [definition, T0, at(4)],
    ],
    ofGrain(5),
  ],
  ['the same', [[definition, ...HOURS]], definition],
] as const

for (const [who, job] of [
  ['the schedule', scheduled],
  ['a run of everything', asked],
  ['a run of their time', askedOfThem],
] as const) {
  test(`a store that is gone gets its numbers back from the lake alone, by ${who}`, async (t) => {
    for (const [what, definitions, present] of cases) {
      const { restored, stored } = await scene(t, definitions)
      const before = await stored()
      const runs = await restored(present)
      await job(runs)
      // Who asks for everything gets the window that is open now as well.
      t.same(
        (await stored()).filter((window) => window.at < 8),
        before,
        what,
      )
      // Whoever names a time has it computed, and is told where its events are gone.
      const failed = (await runs.list({ state: 'failed', limit: 9 })).flatMap(({ windows }) => windows)
      t.ok(
        failed.every(({ error }) => error === undefined || error.code === 'input_missing'),
        what,
      )
      if (who !== 'a run of their time') t.same(failed, [], what)
      const again = await runs.submit({ dryRun: true }, 'ops')
      t.same(
        again.windows.filter(({ definitionHash }) => definitionHash !== undefined),
        [],
        `${what}: none is left`,
      )
    }
  })
}

test('what it did is in the log, in the record of the run and in the answer to who asked', async (t) => {
  const { restored, lines, stored } = await scene(t, [[definition, ...HOURS]])
  const runs = await restored(otherSets)
  const answer = await runs.submit({}, 'ops')
  const hash = definitionHash(definition)
  t.match(answer.windows[0], { fromMs: at(7), toMs: at(8), step: 'publish', definitionHash: hash })
  await runs.work(never)
  const run = await runs.get(String(answer.id))
  const again = run.windows.filter(({ definitionHash }) => definitionHash === hash)
  t.equal(again.length, 8)
  t.ok(
    again.every(({ result, generation, rows }) => result === 'published' && generation === 1 && rows === 1),
  )
  await runs.submit({ dryRun: true }, 'ops')
  const messages = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg.startsWith('store/'))
  t.match(messages, [
    { level: 30, rollup: 'vitals', windows: 8, msg: /^store\/ lacks results that only manifests know of/ },
    { level: 30, rollup: 'vitals', msg: /^store\/ has all results that only manifests know of/ },
  ])
  const none = await runs.submit({ from: T0, to: at(8), reprocess: 'failed', dryRun: true }, 'ops')
  t.same(none.windows, [])
  await rm(`${t.testdirName}/store`, { recursive: true })
  const failedOnly = await runs.submit({ from: T0, to: at(8), reprocess: 'failed', dryRun: true }, 'ops')
  t.same(failedOnly.windows, [], 'who asks for what failed does not get this')
  const one = await runs.submit({ at: at(3), dryRun: true }, 'ops')
  t.same(
    one.windows.map(({ fromMs, step }) => [fromMs, step]),
    [
      [at(3), 'publish'],
      [at(3), 'compute'],
    ],
  )
  t.same(await stored(), [])
})

test('what was erased does not come back', async (t) => {
  const minutes = [at(2) + 3 * MIN]
  const endedMs = T0 + 4 * 60 * MIN
  const all = [0, 1, 2, 3, 4, 5, 6, 7]
  const others = [0, 1, 3, 4, 5, 6, 7]
  for (const [what, over, published] of [
    [
      'erased after it was computed, and its window not computed since',
      { state: 'failed', endedMs, minutes },
      others,
    ],
    ['computed by the run of the erasure', { state: 'done', endedMs, minutes, runs: 'its own' }, all],
    ['computed later', { state: 'done', endedMs: T0, minutes }, all],
    ['of another time', { state: 'done', endedMs, minutes: [T0 + DAY] }, all],
    ['at work', { state: 'erasing' }, []],
    ['windows are being computed', { state: 'computing', minutes }, []],
    ['no end was written down', { state: 'failed', minutes }, others],
    ['a dry run', { state: 'done', endedMs, minutes, dryRun: true }, all],
    ['a record that nobody can read', 'damaged', []],
  ] as const) {
    const { restored, stored, lake, lines } = await scene(t, [[definition, ...HOURS]])
    if (over === 'damaged') lake.objects.set('erasures/e1.json', Buffer.from('{'))
    else {
      const key = [...lake.objects.keys()].find((each) => each.includes(`w=${at(2)}/gen-`))
      const { runId } = JSON.parse(String(lake.objects.get(String(key))))
      const runs = 'runs' in over ? [runId] : []
      await erasureBooks(lake).save({ ...erasure, ...over, minutes: over.minutes ?? [], runs } as Erasure)
    }
    const runs = await restored(otherSets)
    await scheduled(runs)
    const there = (await stored()).map((window) => window.at)
    t.same(there, published, what)
    const told = lines.filter((line) => line.includes('are not published again'))
    t.equal(told.length, published.length === 8 ? 0 : 1, what)
  }
})

test('an erasure that begins after the plan was made, and a window that was computed since, are seen', async (t) => {
  const { restored, stored, lake } = await scene(t, [[definition, ...HOURS]])
  const runs = await restored(otherSets)
  const { id } = await runs.submit({}, 'ops')
  const books = erasureBooks(lake)
  const minutes = [at(2)]
  const queued = await runs.get(String(id))
  t.equal(queued.windows.filter((window) => window.definitionHash !== undefined).length, 8)
  await books.save({ ...erasure, state: 'failed', endedMs: T0 + 4 * 60 * MIN, minutes })
  const key = [...lake.objects.keys()].find((each) => each.includes(`w=${at(5)}/gen-`))
  const newer = String(key)
    .replace(definitionHash(definition), definitionHash(otherSets))
    .replace('000001', '000002')
  lake.objects.set(newer, Buffer.from('{"not":"a manifest"}'))
  await runs.work(never)
  t.same(
    (await stored()).map((window) => window.at).filter((each) => each < 8),
    [0, 1, 3, 4, 6, 7],
  )
})

test('what cannot be read fails by itself, is told, and is tried again after an hour', async (t) => {
  for (const [what, broken] of [
    ['its manifest', 'gen-'],
    ['its rows', '/run='],
  ] as const) {
    const { restored, stored, lake, clock } = await scene(t, [[definition, ...HOURS]])
    const key = String(
      [...lake.objects.keys()].find((each) => each.includes(`w=${at(2)}/`) && each.includes(broken)),
    )
    const whole = lake.objects.get(key) as Buffer
    lake.objects.set(key, Buffer.from('?'))
    if (broken === '/run=') lake.objects.delete(key)
    const runs = await restored(otherSets)
    for (let attempt = 0; attempt < 6; attempt++) {
      await scheduled(runs)
      clock.advance(5 * MIN)
    }
    t.same(
      (await stored()).map((window) => window.at),
      [0, 1, 3, 4, 5, 6, 7],
      what,
    )
    const [failed] = await runs.list({ state: 'failed', limit: 9 })
    t.equal(failed?.windows.filter(({ result }) => result === 'failed').length, 1, what)
    lake.objects.set(key, whole)
    const count = (await runs.list({ limit: 99 })).length
    await scheduled(runs)
    t.equal((await runs.list({ limit: 99 })).length, count, `${what}: not before an hour`)
    clock.advance(60 * MIN)
    await scheduled(runs)
    t.same(
      (await stored()).map((window) => window.at),
      [0, 1, 2, 3, 4, 5, 6, 7],
      `${what}: put back`,
    )
  }
})

test('a store that cannot tell what it holds lacks nothing until it can', async (t) => {
  const { restored, store, stored } = await scene(t, [[definition, ...HOURS]])
  const failing = new AppError('internal', 'The disk is gone')
  const runs = await restored(otherSets, {
    stores: [{ ...store, held: async () => Promise.reject(failing) }],
  })
  await scheduled(runs)
  t.same(await stored(), [])
  const wrong = { ...store, held: async () => Promise.reject(new TypeError('a mistake')) }
  const strange = await restored(otherSets, { stores: [wrong] })
  await t.rejects(strange.tick(never), { message: 'a mistake' })
})

test('a tick publishes so many, the newest first, and what lies in a larger one that is left waits for it', async (t) => {
  const { restored, stored, clock, lake, arrivals } = await withOneQuarter(t)
  const copies = [...lake.objects].filter(([key]) => key.includes(`w=${at(4)}/gen-000001`))
  const until = 3 + 960
  for (let hour = 2; hour < until; hour++) {
    for (const [key, body] of copies) {
      const fromMs = at(4 * hour)
      const day = new Date(fromMs).toISOString().slice(0, 10)
      lake.objects.set(key.replace(`w=${at(4)}`, `w=${fromMs}`).replace(/dt=[^/]+/, `dt=${day}`), body)
    }
  }
  clock.advance(60 * DAY)
  const runs = await restored(definition, { arrivals })
  await runs.tick(never)
  const [run] = await runs.list({ limit: 1 })
  const lost = run?.windows.filter((window) => window.definitionHash !== undefined)
  t.equal(lost?.length, 960)
  t.match(lost?.[0], { fromMs: at(4 * (until - 1)), toMs: at(4 * until) })
  t.match(
    run?.skipped.find(({ why }) => why === 'next_tick'),
    { window: { fromMs: T0, toMs: at(1) } },
  )
  t.same(await stored(), [])
})

test('a larger one counts before a smaller one that is newer, and until the others are there', async (t) => {
  const { restored, stored, arrivals } = await withOneQuarter(t)
  const runs = await restored(definition, { arrivals })
  await runs.tick(never)
  const [run] = await runs.list({ limit: 1 })
  t.match(run?.windows.slice(0, 2), [
    { fromMs: at(4), toMs: at(8), step: 'publish' },
    { fromMs: T0, toMs: at(4), step: 'publish' },
  ])
  await runs.work(never)
  await scheduled(runs)
  const windows = (await stored()).filter((window) => window.at < 8)
  t.same(
    windows.map((window) => [window.at, window.generation, window.sum]),
    [
      [0, 2, 1],
      [1, 2, 2],
      [2, 2, 3],
      [3, 2, 4],
      [4, 1, 26],
    ],
  )
})

test('all that was ever computed is listed once in a while', async (t) => {
  const { restored, lake, stored } = await scene(t, [[definition, ...HOURS]])
  let ms = 0
  let listed = 0
  const clock = { nowMs: () => T0 + 30 * DAY, monotonicMs: () => ++ms }
  const keys = async (prefix: string) => {
    if (prefix === 'rollups/vitals/') listed++
    return lake.keys(prefix)
  }
  const runs = await restored(otherSets, { clock, lake: { ...lake, keys } })
  await runs.overview()
  t.equal(listed, 0, 'not for an overview')
  for (const many of [1, 1]) {
    await runs.submit({ dryRun: true }, 'ops')
    t.equal(listed, many)
  }
  ms += 1_000
  await scheduled(runs)
  t.ok(listed > 1)
  t.equal((await stored()).length, 8)
})

test('of one that is about to be published it is asked again whether it counts, and what was erased', async (t) => {
  const minutes = [at(2)]
  const endedMs = T0 + 4 * 60 * MIN
  const hash = definitionHash(definition)
  for (const [what, erasures, isNewer, result] of [
    ['as it was', [], false, 'published'],
    ['computed anew', [], true, 'not_needed'],
    ['erased from', [{ state: 'failed', endedMs, minutes }], false, 'not_needed'],
    [
      'erased from, of two that were of its hour',
      [
        { state: 'failed', endedMs, minutes: [at(3)] },
        { state: 'failed', endedMs, minutes },
      ],
      false,
      'not_needed',
    ],
    ['an erasure is at work', [{ state: 'erasing' }], false, 'not_needed'],
  ] as const) {
    const { lake, store } = await scene(t, [[definition, ...HOURS]])
    const books = erasureBooks(lake)
    for (const [i, over] of erasures.entries()) {
      const id = `e${i}`
      await books.save({ ...erasure, id, ...over, minutes: 'minutes' in over ? over.minutes : [] } as Erasure)
    }
    if (isNewer) {
      const key = String([...lake.objects.keys()].find((each) => each.includes(`w=${at(2)}/gen-`)))
      lake.objects.set(key.replace(hash, 'other').replace('000001', '000002'), Buffer.from('{}'))
    }
    const republish = createRepublish({
      ...{ lake, stores: [store], sortRows: memorySortRows(lake), erased: erasedTimes(lake) },
      hold: ({ signal }, work) => work(signal, undefined as never),
    })
    const window = { rollup: 'vitals', fromMs: at(2), toMs: at(3), definitionHash: hash }
    const outcome = await republish({ runId: 'r1', window, signal: never, publishing: async () => {} })
    t.equal(outcome.result, result, what)
    await rm(`${t.testdirName}/store`, { recursive: true, force: true })
    await rm(`${t.testdirName}/control`, { recursive: true, force: true })
  }
})

test('killed at any step, a run that publishes again ends in what an undisturbed one ends in', async (t) => {
  let kills = 0
  for (let step = 1; ; step += 7) {
    const { restored, dir, dead, stored, open } = await scene(t, [
      [ofGrain(60), ...HOURS],
      [definition, T0, at(4)],
    ])
    const before = await stored()
    const { death, mortal } = killedAt(step)
    const files = mortal(unsyncedFiles, changingCalls)
    const killed = await restored(ofGrain(5), {
      owner: dead,
      files,
      stores: [localStore({ dir: `${dir}/store`, files })],
    })
    const died = await Promise.race([death.then(() => true), scheduled(killed).then(() => false)])
    const next = await open({ definitions: [ofGrain(5)], arrivals: memoryArrivals() })
    await next.recover()
    await next.work(never)
    await scheduled(next)
    t.same(await stored(), before, `step ${step}`)
    await rm(`${dir}/store`, { recursive: true, force: true })
    await rm(`${dir}/control`, { recursive: true, force: true })
    if (!died) break
    kills++
  }
  t.ok(kills > 5, `${kills} points of death`)
})
