import { test } from 'tap'
import { minutesWithin, NO_MINUTES } from '../../../../src/aggregation/ingest/index/minute-rows.ts'
import { asRecord, minuteRows } from '../../../fakes/aggregation/minutes.ts'

const MINUTE_MS = 60_000

test('of a range there are the minutes that start in it, and the one that it begins in', (t) => {
  const all = minuteRows({ 0: 1, 60000: 2, 180000: 3, 600000: 4 })
  for (const [from, to, rows] of [
    [0, 11, [1, 2, 3, 4]],
    [0, 10, [1, 2, 3]],
    [0.5, 1, [1]],
    [1.5, 3, [2]],
    [2, 3, []],
    [2, 3.1, [3]],
    [11, 20, []],
    [3, 1, []],
  ] as const)
    t.same(
      Object.values(asRecord(minutesWithin(all, from * MINUTE_MS, to * MINUTE_MS))),
      rows,
      `${from} to ${to}`,
    )
  t.equal(minutesWithin(NO_MINUTES, 0, MINUTE_MS).rows.length, 0)
  t.end()
})
