import { test } from 'tap'
import type { IndexEntry } from '../../../../src/aggregation/ingest/index/entry-text.ts'
import { NO_MINUTES } from '../../../../src/aggregation/ingest/index/minute-rows.ts'
import { groupsOf } from '../../../../src/aggregation/ingest/joined/join-hour.ts'
import { NOON } from '../../../fakes/events.ts'
import { HOUR, interrupted, setUpMany, signal } from '../harness.ts'
import { joiningOver, lines, RECORD, smallLake } from './small-lake.ts'

const MEBIBYTE = 1_048_576

test('which objects are joined: those of one source, in the order of their arrival, of so many bytes together', (t) => {
  const keyOf = (source: string, slot: number) =>
    `raw/${source}/${HOUR}/c-${String(slot).padStart(6, '0')}-0123456789abcdef.parquet`
  const cases = [
    { of: [], is: [] },
    { of: [['a', 1, 1, 0]], is: [] },
    {
      of: [
        ['a', 1, 1, 9],
        ['a', 2, 1, 5],
        ['a', 3, 1, 5],
        ['b', 1, 1, 0],
      ],
      is: [['a2', 'a3', 'a1']],
    },
    {
      of: [
        ['b', 1, 1, 0],
        ['a', 1, 1, 0],
        ['b', 2, 1, null],
        ['a', 2, 64, 1],
        ['a', 3, 65, 2],
      ],
      is: [
        ['b1', 'b2'],
        ['a1', 'a2'],
      ],
    },
    {
      of: [1, 2, 3, 4, 5, 6, 7].map((slot) => ['a', slot, slot === 7 ? 1 : 60, slot]),
      is: [
        ['a1', 'a2', 'a3', 'a4'],
        ['a5', 'a6', 'a7'],
      ],
    },
  ] as readonly { readonly of: readonly [string, number, number, number | null][]; readonly is: string[][] }[]
  for (const { of, is } of cases) {
    const found = of.map(([source, slot, mebibytes, arrivalMinMs]): IndexEntry => {
      const bytes = mebibytes * MEBIBYTE
      return {
        ...{ version: 1, key: keyOf(source, slot), rows: 1, bytes, minutes: NO_MINUTES, malformed: 0 },
        ...{ arrivalMinMs, arrivalMaxMs: arrivalMinMs },
      }
    })
    const small = new Map(found.map(({ key, bytes }) => [key, { key, bytes, modifiedMs: 0, storedMs: 0 }]))
    const entries = new Map(found.map((entry) => [entry.key, entry]))
    const groups = groupsOf({ arrivalMs: NOON, joined: [], small, entries })
    const short = groups.map((group) =>
      group.map(({ key }) => key.replace(/^raw\/(\w).*c-0+(\d)-.*$/, '$1$2')),
    )
    t.same(short, is)
    const others = new Map([...small].map(([key, object]) => [key, { ...object, bytes: object.bytes + 1 }]))
    t.same(groupsOf({ arrivalMs: NOON, joined: [], small: others, entries }), [], 'none is what was indexed')
  }
  t.end()
})

test('the small objects of an hour become one, and keep their keys: no window hears of it', async (t) => {
  const { pass, passes, deliver, over, later, small, joined, lake, keys, content, eventIds } =
    await smallLake()
  await deliver('1', '2', '3')
  const entries = async () =>
    Promise.all((await keys('index/')).map(async (key) => String(await lake.get(key))))
  const [before, index, objects] = [await content(), await entries(), await small()]
  t.equal(before.kept, 3)
  await pass()
  t.same(await joined(), [], 'not before the hour is over for long')
  over()
  await pass()
  const [key = ''] = await joined()
  t.same(await small(), objects, 'and nothing goes at once')
  const arrivals = await pass()
  t.same(await arrivals.locate(objects), [key])
  t.same(await arrivals.locate([...objects, 'raw/x/y.parquet']), [key, 'raw/x/y.parquet'])
  t.same(await content(), before)
  later()
  await pass()
  t.same(await small(), [])
  t.same(await joined(), [key])
  t.same(await content(), before, 'the same inputs, and the same content')
  t.same(await entries(), index)
  t.same(await eventIds(), ['1', '2', '3'])
  t.equal(await arrivals.notTakenIn(), 0)
  await passes(3)
  t.same(await keys('joined/'), [RECORD])
  t.same(await joined(), [key])
})

test('what comes after its hour was joined is counted beside it, each row once', async (t) => {
  const { pass, deliver, over, later, small, content, eventIds } = await smallLake()
  await deliver('1', '2')
  over()
  await pass()
  await deliver('3')
  t.match(await content(), { kept: 3, duplicates: 0 })
  later()
  await pass()
  await deliver('4')
  t.match(await content(), { kept: 4, duplicates: 0 })
  later()
  await pass()
  t.equal((await small()).length, 2, 'an hour is joined once')
  t.same(await eventIds(), ['1', '2', '3', '4'])
})

test('one process does it all, an hour at a time, and looks again when anything came', async (t) => {
  const { arrivals, put, deliver, over, later, small, joined, eventIds, ingester } = await smallLake()
  await deliver('1', '2')
  for (const id of ['3', '4']) {
    await put(`raw/gateway/dt=2026-11-22/hr=11/${id}.ndjson`, lines(id))
    await ingester().ingest(signal)
  }
  over()
  const process = arrivals()
  const counts: number[][] = []
  for (let times = 0; times < 9; times += 1) {
    if (times === 3 || times === 6) later()
    await process.ingest(signal)
    await process.join(signal)
    counts.push([(await small()).length, (await joined()).length])
  }
  const [both, none] = [
    [4, 2],
    [0, 2],
  ]
  t.same(counts, [[4, 1], both, both, [2, 2], none, none, none, none, none])
  await deliver('5')
  await process.ingest(signal)
  await process.join(signal)
  t.same(await eventIds(), ['1', '2', '3', '4', '5'])
})

test('objects of several sources are joined apart, and one alone stays', async (t) => {
  const { pass, deliver, put, over, joined, small, ingester, eventIds } = await smallLake()
  await deliver('1', '2')
  for (const [source, id] of [
    ['direct-shop', '3'],
    ['direct-shop', '4'],
    ['fallback-a', '5'],
  ]) {
    await put(`raw/${source}/${HOUR}/${id}.ndjson`, lines(String(id)))
    await ingester().ingest(signal)
  }
  over()
  await pass()
  t.match(await joined(), [/^raw\/direct-shop\//, /^raw\/gateway\//])
  t.equal((await small()).length, 5)
  t.same(await eventIds(), ['1', '2', '3', '4', '5'])
})

test('nothing is joined where that is not wanted, and what was joined is read all the same', async (t) => {
  const { pass, deliver, over, later, joined, eventIds } = await smallLake()
  await deliver('1', '2')
  over()
  await pass({ joining: undefined })
  t.same(await joined(), [])
  await pass()
  later()
  await pass()
  t.same(await eventIds(), ['1', '2'])
})

const MAX_STEPS = 80

test('a process that dies after any step of a join, or of a removal, costs no row and doubles none', async (t) => {
  const lakeNamed = await setUpMany(t)
  const crash = async () => {
    throw new Error('killed')
  }
  for (const during of ['join', 'removal'] as const) {
    let died = true
    for (let at = 1; died && at < MAX_STEPS; at += 1) {
      const step = `${during}: after step ${at}`
      const lakes = joiningOver(await lakeNamed(step.replace(/\W+/g, '-')))
      const { pass, later, joined } = lakes
      await lakes.deliver('1', '2', '3')
      const before = await lakes.content()
      lakes.over()
      if (during === 'removal') {
        await pass()
        later()
      }
      const dying = interrupted(lakes.lake, { at, when: 'after', what: crash })
      await pass({ lake: dying }).catch(String)
      died = dying.isOver
      t.match(await lakes.content(), before, step)
      t.same(await lakes.eventIds(), ['1', '2', '3'], step)
      await lakes.deliver('4')
      await lakes.passes(3)
      t.equal((await joined()).length, 1, `${step}: one joined object`)
      t.ok((await lakes.small()).length <= 1, `${step}: at most the one that came later`)
      t.same(await lakes.eventIds(), ['1', '2', '3', '4'], step)
      t.same(lakes.temporary(), [], step)
    }
    t.equal(died, false, `${during}: every step`)
  }
})

test('two processes that join an hour at once leave one', async (t) => {
  const lakeNamed = await setUpMany(t)
  for (let at = 1; at < MAX_STEPS; at += 1) {
    const { lake, pass, deliver, over, later, small, joined, eventIds } = joiningOver(
      await lakeNamed(`${at}`),
    )
    await deliver('1', '2', '3')
    over()
    const slow = interrupted(lake, {
      at,
      when: 'before',
      what: async () => {
        await deliver('4')
        await pass()
      },
    })
    await pass({ lake: slow })
    if (slow.operations < at) break
    later()
    await pass()
    later()
    await pass()
    t.same(await eventIds(), ['1', '2', '3', '4'], `before step ${at}`)
    t.equal((await joined()).length, 1, `before step ${at}`)
    t.ok((await small()).length <= 1, `before step ${at}`)
  }
})
