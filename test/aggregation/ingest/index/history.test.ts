import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { arrivedIndex } from '../../../../src/aggregation/ingest/index/arrived-index.ts'
import { entryText, type StoredEntry } from '../../../../src/aggregation/ingest/index/entry-text.ts'
import { indexEntries } from '../../../../src/aggregation/ingest/index/index-entries.ts'
import { objectsTouching } from '../../../../src/aggregation/ingest/index/objects-touching.ts'
import { synopses } from '../../../../src/aggregation/ingest/index/synopses.ts'
import { fsLake } from '../../../../src/lake/fs.ts'
import { runToEnd } from '../../../../src/std/async/yielding.ts'
import { DAY_MS, dayOf, HOUR_MS, MINUTE_MS } from '../../../../src/std/durations.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { minuteRows } from '../../../fakes/aggregation/minutes.ts'
import { fakeClock } from '../../../fakes/clock.ts'

const NOON = Date.UTC(2026, 10, 22, 12)
const OLD = NOON - 5 * DAY_MS
const hourOf = (ms: number) => `dt=${dayOf(ms)}/hr=${new Date(ms).toISOString().slice(11, 13)}`
const DENIED = Object.assign(new Error('not allowed'), { code: 'EACCES' })
const SYNOPSIS = `synopses/dt=${dayOf(OLD)}.ndjson`

/** A lake with an index, and processes that look at it; which of its entries are read. */
function setUp() {
  const clock = fakeClock(NOON)
  const lake = memoryLake(clock.nowMs)
  const read: string[] = []
  const written: string[] = []
  const denied = { isSo: (_key: string) => false }
  const watched: typeof lake = {
    ...lake,
    get(key, ...more) {
      if (denied.isSo(key)) return Promise.reject(new AppError('lake_failed', 'denied', { cause: DENIED }))
      if (key.startsWith('index/')) read.push(key)
      return lake.get(key, ...more)
    },
    put(key, ...more) {
      if (denied.isSo(key)) return Promise.reject(new AppError('lake_failed', 'denied', { cause: DENIED }))
      written.push(key)
      return lake.put(key, ...more)
    },
  }
  const { log } = quietTelemetry()
  const open = () => {
    const entries = indexEntries(watched, log)
    const index = arrivedIndex({ entries, synopses: synopses(watched, log), clock })
    const touching = async (fromMs = OLD - DAY_MS, toMs = NOON + DAY_MS) =>
      (await objectsTouching({ index, entries }, fromMs, toMs)).map(({ key }) => nameOf(key)).sort()
    return { entries, index, touching }
  }
  const writer = indexEntries(lake, log)
  const entryOf = (name: string, ms: number, change: Partial<StoredEntry> = {}): StoredEntry => ({
    ...{ version: 1, key: keyOf(name, ms), rows: 2, bytes: 9, inputs: [], malformed: 0 },
    ...{ minutes: minuteRows({ [ms]: 1, [ms + MINUTE_MS]: 1 }), arrivalMinMs: ms, arrivalMaxMs: ms },
    ...change,
  })
  async function put(name: string, ms: number, change: Partial<StoredEntry> = {}) {
    const key = `index/${hourOf(ms)}/${name}.json`
    await writer.commit(key, entryOf(name, ms, change))
    return key
  }
  /** So much later that everything that was put is sure to be seen. */
  const later = () => clock.advance(60_000)
  return {
    clock,
    lake,
    read,
    written,
    denied,
    open,
    put,
    entryOf,
    later,
    taken: () => read.splice(0).map(nameOf),
  }
}

const keyOf = (name: string, ms: number) => `raw/gateway/${hourOf(ms)}/${name}.parquet`
const nameOf = (key: string) => key.replace(/^.*\//, '').replace(/\..*$/, '')

test('of days that are over, a start reads what they say together, and answers the same', async (t) => {
  const { open, put, later, taken, lake } = setUp()
  await put('a', OLD)
  await put('b', OLD + HOUR_MS)
  await put('none', OLD, { rows: 0, minutes: minuteRows({}) })
  await put('c', NOON - DAY_MS)
  await put('d', NOON)
  later()
  const first = open()
  t.same(await first.touching(), ['a', 'b', 'c', 'd'])
  t.same(taken().sort(), ['a', 'b', 'c', 'd', 'none'])
  t.ok(lake.objects.has(SYNOPSIS))
  t.notOk([...lake.objects.keys()].some((key) => key.startsWith(`synopses/dt=${dayOf(NOON - DAY_MS)}`)))

  const second = open()
  t.same(await second.touching(), ['a', 'b', 'c', 'd'])
  t.same(taken().sort(), ['c', 'd'], 'of the last two days each')
  t.same([...(await second.index.minutes())], [...(await first.index.minutes())])
  t.equal(await second.index.earliestMs(), OLD)
  for (const { index } of [first, second]) {
    t.equal(index.holds(keyOf('a', OLD)), true)
    t.equal(index.holds(keyOf('d', NOON)), true)
    t.equal(index.holds(keyOf('none', OLD)), false)
    t.equal(index.holds(keyOf('other', OLD)), false)
    t.equal(index.holds(keyOf('other', OLD - DAY_MS)), false)
  }
  t.same(await second.touching(OLD + HOUR_MS, OLD + 2 * HOUR_MS), ['b'])
  t.same(await second.touching(OLD, OLD + MINUTE_MS), ['a'])
  t.same(taken(), [])
})

test('what comes to an old hour is seen, by whoever looks, and costs that hour alone', async (t) => {
  const { open, put, later, taken } = setUp()
  await put('a', OLD)
  await put('b', OLD + HOUR_MS)
  later()
  const running = open()
  await running.touching()
  taken()
  await put('late', OLD)
  t.same(await running.touching(), ['a', 'b', 'late'], 'at once')
  t.same(taken().sort(), ['a', 'late'])
  t.equal(running.index.holds(keyOf('late', OLD)), true)
  later()
  t.same(await open().touching(), ['a', 'b', 'late'], 'after a start')
  t.same(taken().sort(), ['a', 'late'], 'the hour that changed')
  t.same(await open().touching(), ['a', 'b', 'late'])
  t.same(taken(), [], 'and is written down again')
  t.same(await running.touching(), ['a', 'b', 'late'])
})

test('an hour that is read again leaves nothing behind of what it touched before', async (t) => {
  const { open, put, later, entryOf, lake } = setUp()
  const years = [-9_000, -100, 0, 100].map((days) => OLD + days * DAY_MS)
  const a = await put('a', OLD, { minutes: minuteRows(Object.fromEntries(years.map((ms) => [ms, 1]))) })
  await put('b', OLD + HOUR_MS)
  later()
  const { index, touching } = open()
  const near = async () =>
    (await Promise.all(years.map((ms) => index.near(ms, ms + MINUTE_MS)))).map(({ keys, folders }) => [
      ...keys,
      ...folders,
    ])
  t.same(
    await near(),
    years.map(() => [`index/${hourOf(OLD)}/`]),
  )
  await lake.remove([a])
  await put('c', OLD)
  t.same(await touching(), ['b', 'c'])
  t.same(await near(), [[], [], [`index/${hourOf(OLD)}/c.json`], []])
  t.same([index.holds(keyOf('a', OLD)), index.holds(keyOf('c', OLD))], [false, true])
  await index.add(a, entryOf('a', OLD, { minutes: minuteRows({ [OLD - DAY_MS]: 1 }) }))
  const losses = index.losses(keyOf('b', OLD))
  t.ok(losses > 0, 'its hour was reopened')
  index.forget(a, keyOf('a', OLD))
  t.equal(index.losses(keyOf('b', OLD)), losses + 1)
  t.equal(index.losses(keyOf('b', NOON)), 0)
  t.same((await index.near(OLD - DAY_MS, OLD)).keys, [])
})

test('an entry of its own is seen before the next look', async (t) => {
  const { open, put, later, entryOf } = setUp()
  await put('a', OLD)
  later()
  const { index, entries, touching } = open()
  await touching()
  const key = `index/${hourOf(OLD)}/own.json`
  await entries.commit(key, entryOf('own', OLD))
  await index.add(key, entryOf('own', OLD))
  t.same(await touching(), ['a', 'own'])
  later()
  t.same(await touching(), ['a', 'own'])
  t.same(await open().touching(), ['a', 'own'])
})

test('what leaves the index, or is mended by others, is no longer what was written down of it', async (t) => {
  const { open, put, later, entryOf, lake } = setUp()
  const a = await put('a', OLD)
  await put('b', OLD)
  later()
  const [one, other] = [open(), open()]
  t.same(
    [await one.touching(), await other.touching()],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
  )
  await one.entries.mend(a, entryOf('a', OLD, { rows: 0, minutes: minuteRows({}) }))
  one.index.forget(a, keyOf('a', OLD))
  t.equal(one.index.holds(keyOf('a', OLD)), false)
  t.equal(one.index.holds(keyOf('b', OLD)), true)
  for (let look = 0; look < 2; look += 1) {
    t.same([await one.touching(), await other.touching()], [['b'], ['b']])
    t.same(await open().touching(), ['b'])
    later()
  }
  await lake.remove([a])
  later()
  t.same([await one.touching(), await other.touching(), await open().touching()], [['b'], ['b'], ['b']])
})

test('what others mended before a day was over is written down as it is then', async (t) => {
  const { open, put, later, entryOf, clock, lake } = setUp()
  const a = await put('a', NOON)
  await put('b', NOON)
  later()
  const running = open()
  t.same(await running.touching(), ['a', 'b'])
  await open().entries.mend(a, entryOf('a', NOON, { rows: 0, minutes: minuteRows({}) }))
  clock.advance(3 * DAY_MS)
  await running.index.minutes()
  t.ok(lake.objects.has(`synopses/dt=${dayOf(NOON)}.ndjson`))
  t.same(await running.touching(), ['b'])
  t.same(await open().touching(), ['b'])
})

test('a synopsis that is damaged, gone or of another time is never an answer', async (t) => {
  const { open, put, later, lake, taken } = setUp()
  await put('a', OLD)
  later()
  const running = open()
  await running.touching()
  const whole = String(lake.objects.get(SYNOPSIS))
  await put('b', OLD)
  later()
  for (const [what, text] of [
    ['damaged', whole.replace('"key"', '').slice(0, -1)],
    ['of before', whole],
    ['gone', undefined],
  ] as const) {
    if (text === undefined) await lake.remove([SYNOPSIS])
    else await lake.put(SYNOPSIS, Buffer.from(text))
    taken()
    t.same(await open().touching(), ['a', 'b'], what)
    t.same(taken().sort(), ['a', 'b'], what)
    t.not(String(lake.objects.get(SYNOPSIS)), text, 'it is made anew')
  }
  await running.touching()
  await lake.remove([SYNOPSIS])
  const other = open()
  await other.index.minutes()
  await lake.remove([SYNOPSIS])
  t.same(await other.touching(), ['a', 'b'], 'gone since the last look')
})

test('what cannot be read stays to be read, and keeps its hour from being written down', async (t) => {
  const { open, put, later, lake, taken, clock } = setUp()
  const a = await put('a', OLD)
  await put('b', OLD + HOUR_MS)
  await put('c', OLD)
  const body = lake.objects.get(a) ?? Buffer.from('')
  await lake.put(a, Buffer.from('{"cut'))
  later()
  const running = open()
  t.same(await running.touching(), ['b', 'c'])
  t.same(running.entries.damaged(), [a])
  t.same(await open().touching(), ['b', 'c'])
  taken()
  await lake.put(a, body)
  clock.advance(1)
  t.same(await running.touching(), ['a', 'b', 'c'])
  t.same(taken().includes('b'), false)
})

test('one that touches many minutes, and one that cannot be read while its day is written down, stay entries', async (t) => {
  const { open, put, later, lake, taken, clock, denied } = setUp()
  const many = Object.fromEntries(Array.from({ length: 2_049 }, (_, at) => [OLD + at * MINUTE_MS, 1]))
  await put('many', OLD, { rows: 2_049, minutes: minuteRows(many) })
  await put('b', OLD + HOUR_MS)
  const gone = await put('gone', NOON)
  await put('c', NOON)
  later()
  const running = open()
  t.same(await running.touching(), ['b', 'c', 'gone', 'many'])
  taken()
  t.same(await open().touching(), ['b', 'c', 'gone', 'many'])
  t.same(taken().sort(), ['c', 'gone', 'many'])
  t.notOk(String(lake.objects.get(SYNOPSIS)).includes('many'))
  denied.isSo = (key) => key === gone
  clock.advance(3 * DAY_MS)
  t.same(await running.touching(), ['b', 'c', 'many'])
  t.notOk(lake.objects.has(`synopses/dt=${dayOf(NOON)}.ndjson`))
})

test('a lake that refuses synopses is read entry by entry', async (t) => {
  const { open, put, later, lake, taken } = setUp()
  await put('a', OLD)
  later()
  lake.failures.push(new AppError('lake_failed', 'Lake put failed: access denied'))
  const running = open()
  t.same(await running.touching(), ['a'])
  t.same(taken(), ['a'])
  t.equal(running.index.holds(keyOf('a', OLD)), true)
  t.notOk(lake.objects.has(SYNOPSIS))
})

test('what comes to an hour while its day is written down is not forgotten with it', async (t) => {
  const { open, put, later, lake, entryOf } = setUp()
  await put('a', OLD)
  later()
  let release = () => {}
  lake.gate = new Promise((resolve) => {
    release = resolve
  })
  const { index, touching } = open()
  const looking = index.minutes()
  while (!index.holds(keyOf('a', OLD))) await new Promise((resolve) => setImmediate(resolve))
  const key = `index/${hourOf(OLD)}/own.json`
  lake.objects.set(key, Buffer.from(runToEnd(entryText(entryOf('own', OLD)))))
  await index.add(key, entryOf('own', OLD))
  release()
  await looking
  t.same(await touching(), ['a', 'own'])
  later()
  t.same(await touching(), ['a', 'own'])
})

for (const [what, isDenied] of [
  ['all of it', () => true],
  ['its entries', (key: string) => key.startsWith('index/')],
  ['one of them', (key: string) => key.startsWith('index/') && nameOf(key) === 'b'],
] as const)
  test(`what was closed is never written down as nothing, while ${what} may not be read`, async (t) => {
    const { open, put, later, lake, denied } = setUp()
    for (const name of ['a', 'b']) await put(name, OLD)
    await put('c', OLD + HOUR_MS)
    later()
    const running = open()
    await running.index.minutes()
    await put('d', OLD + 2 * HOUR_MS)
    later()
    await lake.remove([SYNOPSIS])
    denied.isSo = isDenied
    await running.index.lookEverywhere()
    const couldRead = ['a', 'b', 'c', 'd'].filter((name) => !isDenied(`index/${name}.json`))
    t.same(await running.touching(), couldRead)
    t.equal(running.entries.leftOut().size, 4 - couldRead.length, 'and it is told')
    denied.isSo = () => false
    for (const process of [running, open()]) t.same(await process.touching(), ['a', 'b', 'c', 'd'])
    later()
    await running.index.lookEverywhere()
    for (const process of [running, open()]) t.same(await process.touching(), ['a', 'b', 'c', 'd'])
    t.equal(running.entries.leftOut().size, 0)
    t.equal(running.index.holds(keyOf('b', OLD)), true)
  })

test('what a query of a closed folder cannot read is looked for again, and counts as new then', async (t) => {
  const { open, put, later, lake, denied } = setUp()
  await put('a', OLD)
  later()
  const running = open()
  const before = (await running.index.minutes()).get(OLD)
  const synopsis = lake.objects.get(SYNOPSIS) ?? Buffer.from('')
  await lake.remove([SYNOPSIS])
  denied.isSo = () => true
  t.same(await running.touching(), [])
  t.equal(running.entries.leftOut().size, 1)
  denied.isSo = () => false
  await lake.put(SYNOPSIS, synopsis)
  await running.index.lookEverywhere()
  t.equal(running.entries.leftOut().size, 0, 'nobody is told any more of what can be read')
  t.same(await running.touching(), ['a'])
  t.ok(Number((await running.index.minutes()).get(OLD)) > Number(before), 'so windows are looked at again')
})

test('on a local disk, folders tell what changed', async (t) => {
  const root = t.testdir()
  const lake = fsLake(root)
  const { log } = quietTelemetry()
  const clock = fakeClock(Date.now() + HOUR_MS)
  const read: string[] = []
  const watched: typeof lake = {
    ...lake,
    get: (key, ...more) => {
      if (key.startsWith('index/')) read.push(key)
      return lake.get(key, ...more)
    },
  }
  const { entryOf } = setUp()
  const open = () => {
    const entries = indexEntries(watched, log)
    const index = arrivedIndex({ entries, synopses: synopses(watched, log), clock })
    return async () =>
      (await objectsTouching({ index, entries }, OLD, OLD + DAY_MS)).map(({ key }) => nameOf(key)).sort()
  }
  const writer = indexEntries(lake, log)
  const commit = (name: string, ms: number) =>
    writer.commit(`index/${hourOf(ms)}/${name}.json`, entryOf(name, ms))
  await commit('a', OLD)
  await commit('b', OLD + HOUR_MS)
  await mkdir(join(root, `index/${hourOf(OLD + 2 * HOUR_MS)}`))
  const running = open()
  t.same(await running(), ['a', 'b'])
  t.same(read.splice(0).length, 2)
  t.same(await open()(), ['a', 'b'])
  t.same(read, [])
  await commit('late', OLD)
  clock.advance(1_000)
  t.same(
    [await running(), await open()()],
    [
      ['a', 'b', 'late'],
      ['a', 'b', 'late'],
    ],
  )
})

test('an hour of which every entry went, by whomever, is no more', async (t) => {
  for (const ms of [OLD, NOON]) {
    const { open, put, later, lake, taken } = setUp()
    const keys = [await put('a', ms), await put('b', ms)]
    await put('other', OLD - HOUR_MS)
    later()
    const [running, opened] = [open(), open()]
    t.same(await running.touching(), ['a', 'b', 'other'])
    t.same(await opened.touching(), ['a', 'b', 'other'])
    await lake.remove(keys)
    later()
    for (const { index, touching } of [running, opened, open()]) {
      t.same(await touching(), ['other'])
      t.equal(index.holds(keyOf('a', ms)), false)
      t.same((await index.near(ms, ms + MINUTE_MS)).keys, [])
    }
    await put('a', ms)
    later()
    t.same(await running.touching(), ['a', 'other'], 'and may come again')
    taken()
  }
})

test('one entry that went is forgotten, and one of this process that a listing has not is kept', async (t) => {
  const { open, put, later, lake, entryOf } = setUp()
  const a = await put('a', NOON)
  await put('b', NOON)
  later()
  const { index, touching } = open()
  t.same(await touching(), ['a', 'b'])
  await lake.remove([a])
  later()
  t.same(await touching(), ['b'])
  t.equal(index.holds(keyOf('a', NOON)), false)
  const own = `index/${hourOf(NOON)}/own.json`
  await index.add(own, entryOf('own', NOON))
  later()
  t.same((await index.near(NOON, NOON + 1)).keys.includes(own), true)
})

test('an entry that cannot be read has no synopsis written again with each look', async (t) => {
  const { open, put, later, lake, written } = setUp()
  await put('a', OLD)
  await put('b', OLD + HOUR_MS)
  await lake.put(`index/${hourOf(OLD + 2 * HOUR_MS)}/c.json`, Buffer.from('{"version":2}'))
  later()
  const { touching } = open()
  for (let look = 0; look < 3; look++) {
    t.same(await touching(), ['a', 'b'])
    later()
  }
  t.same(written, [SYNOPSIS])
})

test('a day whose synopsis could not be written is tried again, one day an hour', async (t) => {
  const { open, put, later, lake, denied, written, clock, taken } = setUp()
  await put('a', OLD)
  await put('b', OLD - DAY_MS)
  later()
  denied.isSo = (key) => key.startsWith('synopses/')
  const { touching } = open()
  for (let look = 0; look < 3; look++) {
    t.same(await touching(), ['a', 'b'])
    later()
  }
  t.equal(taken().length, 2, 'no entry is read again')
  denied.isSo = () => false
  await touching()
  t.same(written, [])
  clock.advance(HOUR_MS)
  t.same(await touching(), ['a', 'b'])
  t.ok(lake.objects.has(SYNOPSIS))
  t.equal(written.length, 2)
})
