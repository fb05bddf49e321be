import { test } from 'tap'
import { joinedHours, whereTheyLie } from '../../../../src/aggregation/ingest/joined/joined-hours.ts'
import { recordIn, recordText } from '../../../../src/aggregation/ingest/joined/joined-record.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { NOON } from '../../../fakes/events.ts'
import { HOUR } from '../harness.ts'
import { RECORD } from './small-lake.ts'

const smallKey = (slot: number) => `raw/gateway/${HOUR}/c-00000${slot}-0123456789abcdef.parquet`
const JOINED = {
  ...{ key: `raw/gateway/${HOUR}/j-0123456789abcdef.parquet`, rows: 2, bytes: 7, sum: '12' },
  of: [smallKey(1), smallKey(2)],
}
const RECORDED = { joinedMs: NOON, objects: [JOINED] }
const { log } = quietTelemetry()

test('what a record says, and what is none', (t) => {
  const text = recordText(RECORDED)
  t.same(recordIn(RECORD, text), RECORDED)
  const empty = recordText({ joinedMs: NOON, objects: [] })
  t.same(recordIn(RECORD, empty), { joinedMs: NOON, objects: [] })
  for (const other of [
    '',
    'null',
    '{}',
    text.slice(0, -1),
    text.replace('"rows":2', '"rows":3'),
    text.replace('"rows":2', '"rows":"2"'),
    text.replace(String(NOON), String(NOON + 1)),
    text.replace('c-000001', 'c-000003'),
  ])
    t.equal(recordIn(RECORD, other), undefined, other)
  t.throws(() => recordIn(RECORD, '{"version":2}'), { code: 'later_version' })
  t.end()
})

test('where objects lie is read once, and again when it is not so', async (t) => {
  const lake = memoryLake()
  let reads = 0
  const counted = {
    ...lake,
    keys: (prefix: string) => {
      reads += 1
      return lake.keys(prefix)
    },
  }
  const hours = joinedHours({ lake: counted, log, doubt: () => {} })
  const keys = [smallKey(1), smallKey(2), smallKey(3), `raw/gateway/${HOUR}/a.parquet`, 'store/x']
  t.equal((await hours.holders(keys)).size, 0)
  t.equal(reads, 1, 'an hour is asked for once at a time')
  t.equal(await hours.put(NOON, RECORDED), 'stored')
  t.equal(await hours.put(NOON, { ...RECORDED, objects: [] }), 'exists')
  t.same(
    [...(await hours.holders(keys))],
    [
      [smallKey(1), JOINED],
      [smallKey(2), JOINED],
    ],
  )
  await hours.holders(keys)
  t.equal(reads, 2)
  await lake.remove([RECORD])
  t.equal((await hours.holders(keys)).size, 2)
  t.equal((await hours.holders(keys, { anew: true })).size, 0)
  t.equal((await hours.holders(keys)).size, 0)
})

test('what is not there any more is named no more, whatever else is', async (t) => {
  const lake = memoryLake()
  const hours = joinedHours({ lake, log, doubt: () => {} })
  await hours.drop(NOON, [JOINED.key])
  t.same(await lake.list(''), [])
  await lake.put(RECORD, Buffer.from('damaged'))
  await hours.drop(NOON, [JOINED.key])
  t.equal(String(await lake.get(RECORD)), 'damaged')
  const other = { ...JOINED, key: 'another', of: [smallKey(3)] }
  await hours.mend(NOON, { joinedMs: NOON, objects: [JOINED, other] })
  await hours.drop(NOON, [JOINED.key])
  t.same(recordIn(RECORD, String(await lake.get(RECORD))), { joinedMs: NOON, objects: [other] })
  t.same([...(await hours.holders([smallKey(1), smallKey(3)])).keys()], [smallKey(3)])
})

test('what was received in objects that were joined is in one, of as long a time', async (t) => {
  const hours = joinedHours({ lake: memoryLake(), log, doubt: () => {} })
  await hours.mend(NOON, RECORDED)
  const received = [
    { key: smallKey(1), firstMs: 5, lastMs: 6 },
    { key: smallKey(3), firstMs: 1, lastMs: 2 },
    { key: smallKey(2), firstMs: 3, lastMs: 9 },
  ]
  t.same(await whereTheyLie(received, hours), [
    { key: JOINED.key, firstMs: 3, lastMs: 9 },
    { key: smallKey(3), firstMs: 1, lastMs: 2 },
  ])
})

test('a record that is damaged is doubted once, and of one that cannot be read now nothing is known', async (t) => {
  const failed = (code: string) =>
    new AppError('lake_failed', 'Lake get failed', { cause: Object.assign(new Error(code), { code }) })
  const cases = [
    { error: failed('EIO'), is: 'damaged', doubted: [NOON] },
    { error: failed('EACCES'), is: undefined, doubted: [] },
    { error: new AppError('lake_failed', 'the policy does not allow it'), is: undefined, doubted: [] },
    { error: new TypeError('ours'), is: undefined, doubted: [] },
  ]
  for (const { error, is, doubted: expected } of cases) {
    const doubted: number[] = []
    const there = memoryLake()
    await there.put(RECORD, Buffer.from('{}'))
    const lake = {
      ...there,
      get: async () => {
        throw error
      },
    }
    const hours = joinedHours({ lake, log, doubt: (ms) => doubted.push(ms) })
    for (let times = 0; times < 2; times += 1) {
      if (is === undefined) await t.rejects(hours.read(NOON), error)
      else t.equal(await hours.read(NOON), is)
      const holders = hours.holders([smallKey(1)])
      if (error instanceof AppError) t.equal((await holders).size, 0)
      else await t.rejects(holders, error)
    }
    t.same(doubted, expected)
  }
})
