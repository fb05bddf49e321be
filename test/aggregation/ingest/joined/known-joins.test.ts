import { test } from 'tap'
import { joinedHours } from '../../../../src/aggregation/ingest/joined/joined-hours.ts'
import { knownJoins } from '../../../../src/aggregation/ingest/joined/known-joins.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { NOON } from '../../../fakes/events.ts'
import { HOUR } from '../harness.ts'
import { RECORD } from './small-lake.ts'

test('of a joined object that is known no record is read again, until the index loses something or it is doubted', async (t) => {
  const name = 'j-0123456789abcdef'
  const key = `raw/gateway/${HOUR}/${name}.parquet`
  const of = [1, 2].map((slot) => `raw/gateway/${HOUR}/c-00000${slot}-0123456789abcdef.parquet`)
  const lake = memoryLake()
  const hours = joinedHours({ lake, log: quietTelemetry().log, doubt: () => {} })
  await hours.put(NOON, { joinedMs: NOON, objects: [{ key, rows: 2, bytes: 7, sum: '1', of }] })
  let reads = 0
  let losses = 0
  const held = new Set(of)
  const known = knownJoins({
    hours: {
      read: (arrivalMs, how) => {
        reads += 1
        return hours.read(arrivalMs, how)
      },
    },
    index: { holds: (each) => held.has(each), losses: () => losses },
    entries: { leftOut: () => new Map(), damaged: () => [] },
  })
  const place = { source: 'gateway', arrivalMs: NOON, name, extension: 'parquet' as const }
  const object = { ...place, key, bytes: 7, modifiedMs: 0, storedMs: 0 }
  const looks = async () => {
    const { unknown, unread } = await known.unknownAmong([object])
    return { unknown: unknown.length, unread: unread.length, reads }
  }
  t.same(await looks(), { unknown: 0, unread: 0, reads: 1 })
  t.same(await looks(), { unknown: 0, unread: 0, reads: 1 })
  losses += 1
  t.same(await looks(), { unknown: 0, unread: 0, reads: 2 })
  held.delete(String(of[0]))
  losses += 1
  t.same(await looks(), { unknown: 1, unread: 0, reads: 3 })
  t.same(await looks(), { unknown: 1, unread: 0, reads: 4 }, 'what is not known is asked for each time')
  held.add(String(of[0]))
  t.same(await looks(), { unknown: 0, unread: 0, reads: 5 })
  await lake.remove([RECORD])
  t.same(await looks(), { unknown: 0, unread: 0, reads: 5 })
  known.forget()
  await hours.read(NOON, { anew: true })
  t.same(await looks(), { unknown: 1, unread: 0, reads: 6 })
})
