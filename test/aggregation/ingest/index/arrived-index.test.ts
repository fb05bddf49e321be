import { test } from 'tap'
import { arrivedIndex } from '../../../../src/aggregation/ingest/index/arrived-index.ts'
import type { IndexEntry } from '../../../../src/aggregation/ingest/index/entry-text.ts'
import { indexEntries } from '../../../../src/aggregation/ingest/index/index-entries.ts'
import { folderOf } from '../../../../src/aggregation/ingest/index/index-folders.ts'
import { synopses } from '../../../../src/aggregation/ingest/index/synopses.ts'
import { touchedHours } from '../../../../src/aggregation/ingest/index/touched-minutes.ts'
import { dayOf, HOUR_MS, MINUTE_MS } from '../../../../src/std/durations.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { minuteRows } from '../../../fakes/aggregation/minutes.ts'
import { fakeClock } from '../../../fakes/clock.ts'

const DAY_MS = 86_400_000
const NOON = Date.UTC(2026, 10, 22, 12)

/** An index whose listings take as long as is said, and what was listed. */
function setUp() {
  const clock = fakeClock(NOON)
  const lake = memoryLake()
  const [listed, got, lasting] = [[] as string[], [] as string[], { ms: 0 }]
  const slow: typeof lake = {
    ...lake,
    async list(prefix) {
      listed.push(prefix)
      if (prefix === 'index/') clock.advance(lasting.ms)
      return lake.list(prefix)
    },
    async get(key) {
      got.push(key)
      return lake.get(key)
    },
  }
  const { log } = quietTelemetry()
  const entries = indexEntries(slow, log)
  const put = async (name: string, dayMs: number, counts: Readonly<Record<number, number>>) => {
    const key = `index/dt=${dayOf(dayMs)}/hr=00/${name}.json`
    const minutes = minuteRows(counts)
    const rows = Object.values(counts).reduce((sum, each) => sum + each, 0)
    const none = { bytes: 1, inputs: [], malformed: 0, arrivalMinMs: dayMs, arrivalMaxMs: dayMs }
    await entries.commit(key, { version: 1, key: `raw/${name}.parquet`, rows, minutes, ...none })
    return key
  }
  return {
    clock,
    lake,
    listed,
    got,
    lasting,
    put,
    index: arrivedIndex({ entries, synopses: synopses(slow, log), clock }),
  }
}

const today = ['index/dt=2026-11-21/', 'index/dt=2026-11-22/']

test('a listing of everything that is quick is made at each look', async (t) => {
  const { index, listed, lasting, clock } = setUp()
  lasting.ms = 250
  for (let i = 0; i < 3; i++) {
    await index.minutes()
    clock.advance(20 * lasting.ms)
  }
  t.same(listed, ['index/', 'index/', 'index/'])
})

test('a slow one takes a hundredth of the time; between them, the last two days are looked at', async (t) => {
  const { index, listed, lasting, clock, put } = setUp()
  lasting.ms = 1_000
  await put('known', NOON, { [NOON]: 1 })
  t.equal((await index.minutes()).size, 1)
  clock.advance(19_999)
  await put('new', NOON, { [NOON + MINUTE_MS]: 1 })
  const old = await put('old', NOON - 5 * DAY_MS, { [NOON - 5 * DAY_MS]: 2 })
  t.equal((await index.minutes()).size, 1, 'no more than a twentieth of the time goes into looking')
  t.same(listed, ['index/'])
  clock.advance(1)
  t.equal((await index.minutes()).size, 2, 'what is new of today')
  t.same(listed.splice(0), ['index/', ...today])
  clock.advance(79_999)
  t.equal(await index.earliestMs(), NOON)
  t.same(listed.splice(0), today)
  clock.advance(1)
  t.equal(await index.earliestMs(), NOON - 5 * DAY_MS, 'what others have put elsewhere')
  t.same(listed, ['index/'])
  t.match(await index.near(NOON - 5 * DAY_MS, NOON - 4 * DAY_MS), { keys: [], folders: [folderOf(old)] })
})

test('who must not miss anything looks at all of it, however lately that was done', async (t) => {
  const { index, listed, lasting, put } = setUp()
  lasting.ms = 1_000
  t.equal((await index.minutes()).size, 0)
  const old = await put('old', NOON - 5 * DAY_MS, { [NOON - 5 * DAY_MS]: 2 })
  t.equal((await index.minutes()).size, 0, 'it was looked just now')
  await index.lookEverywhere()
  t.same(listed, ['index/', 'index/'])
  t.match(await index.near(NOON - 5 * DAY_MS, NOON), { keys: [], folders: [folderOf(old)] })
  t.same(listed, ['index/', 'index/'])
})

test('a look at all of it follows the one under way, whatever comes of that', async (t) => {
  const { index, lake, listed, got, put, clock } = setUp()
  const key = await put('a', NOON, { [NOON]: 1 })
  const [, , minutes] = await Promise.all([index.minutes(), index.lookEverywhere(), index.minutes()])
  t.same([listed, got, minutes.size], [['index/', 'index/'], [key], 1], 'no entry is read twice')

  clock.advance(1)
  const { list } = lake
  lake.list = async () => {
    lake.list = list
    throw new Error('down')
  }
  const [failed, whole] = await Promise.allSettled([index.minutes(), index.lookEverywhere()])
  t.match([failed, whole], [{ reason: { message: 'down' } }, { status: 'fulfilled' }])
  t.equal((await index.minutes()).size, 1)
})

test('looks at the same time are one', async (t) => {
  const { index, listed } = setUp()
  await Promise.all([index.minutes(), index.earliestMs(), index.near(0, NOON)])
  t.same(listed, ['index/'])
})

test('a minute adds up what touches it, and an entry is counted once', async (t) => {
  const { index, put, clock } = setUp()
  const a = await put('a', NOON, { [NOON]: 2, [NOON + MINUTE_MS]: 1 })
  await put('b', NOON, { [NOON]: 3 })
  const minutes = await index.minutes()
  t.equal(minutes.get(NOON), 2)
  await index.add(a, { ...({} as IndexEntry), minutes: minuteRows({ [NOON]: 9 }) })
  clock.advance(1)
  t.equal((await index.minutes()).get(NOON), 2)
})

test('entries are near what they touch an hour of, each once', async (t) => {
  const { index, lake, put } = setUp()
  const a = await put('a', NOON, { [NOON]: 2, [NOON + MINUTE_MS]: 1, [NOON + HOUR_MS]: 1 })
  const b = await put('b', NOON, { [NOON + HOUR_MS]: 3 })
  const near = async (fromMs: number, toMs: number) => (await index.near(fromMs, toMs)).keys
  t.same(await near(NOON + 59 * MINUTE_MS, NOON + HOUR_MS), [a], 'the hour began before')
  t.same(await near(NOON, NOON + DAY_MS), [a, b])
  t.same(await near(NOON + 2 * HOUR_MS, NOON + DAY_MS), [])
  await lake.remove([a])
  index.forget(a, 'raw/a.parquet')
  t.same(await near(0, NOON + DAY_MS), [b])
})

test('touched hours of a range are the same, whichever of range and index is looked through', async (t) => {
  const hours = new Map([-3, 0, 1, 7].map((n) => [n * HOUR_MS, n] as const))
  for (const [from, to, found] of [
    [0, 2, [0, 1]],
    [0.5, 1, [0]],
    [0, 1.5, [0, 1]],
    [1, 1, []],
    [-100, 100, [-3, 0, 1, 7]],
    [2, 7, []],
    [2, 100, [7]],
  ] as const) {
    const span = { fromMs: from * HOUR_MS, toMs: to * HOUR_MS }
    const expected = found.map((n) => [n * HOUR_MS, n])
    t.same(touchedHours(hours, span), expected, `${from} to ${to}`)
  }
})

test('an entry that was never known is forgotten without a word', async (t) => {
  const { index, put } = setUp()
  const key = await put('known', NOON, { [NOON]: 1 })
  await index.minutes()
  index.forget('index/dt=2026-11-22/hr=00/unknown.json', 'raw/unknown.parquet')
  t.same((await index.near(NOON, NOON + 1)).keys, [key])
})

test('an object that touches minutes by the hundred thousand keeps nobody from their turn', async (t) => {
  const { index } = setUp()
  const count = 150_000
  const minutes = minuteRows(Object.fromEntries(Array.from({ length: count }, (_, i) => [i * MINUTE_MS, 1])))
  let turns = 0
  const turn = setInterval(() => turns++, 1)
  await index.add('index/dt=2026-11-22/hr=00/many.json', { ...({} as IndexEntry), minutes })
  clearInterval(turn)
  t.equal((await index.minutes()).size, count)
  t.ok(turns > 10, `${turns} turns of others`)
})

test('a clock that goes ahead for a while, and back, hides no entry, whenever others put it', async (t) => {
  for (const aheadMs of [HOUR_MS, DAY_MS, 3 * DAY_MS]) {
    const { index, clock, put } = setUp()
    const keys: string[] = []
    const found = async () => {
      const { keys, folders } = await index.near(NOON - DAY_MS, NOON + 9 * DAY_MS)
      return keys.length + (await index.objectsIn(folders)).flat().length
    }
    const putAndLook = async (name: string) => {
      for (const day of [NOON, clock.nowMs()]) {
        const minuteMs = NOON + keys.length * MINUTE_MS
        keys.push(await put(`${name}-${keys.length}`, day, { [minuteMs]: 1 }))
      }
      clock.advance(5_000)
      t.equal((await index.minutes()).size, keys.length, `${name}, ahead by ${aheadMs / HOUR_MS} h`)
      t.equal(await found(), keys.length)
    }
    await putAndLook('before')
    clock.shift(aheadMs)
    await putAndLook('ahead')
    await putAndLook('ahead again')
    clock.shift(-aheadMs)
    await putAndLook('right')
    await putAndLook('right again')
    clock.advance(5 * DAY_MS)
    await putAndLook('much later')
  }
})
