import fc from 'fast-check'
import { test } from 'tap'
import {
  addAggregate,
  addRow,
  emptyAggregate,
  LOW_COUNT,
  nEff,
  summarise,
} from '../../../src/aggregation/serve/tally/tally.ts'
import { rollupRow } from '../../fakes/aggregation/store.ts'

type Weighted = readonly [count: number, weight: number]

/** As many rows of each weight. */
function tallyOf(...rows: readonly Weighted[]) {
  const tally = emptyAggregate()
  for (const [count, weight] of rows) addRow(tally, rollupRow({}, new Array<number>(count).fill(1), weight))
  return tally
}

test('rows of one weight tell as much as they are, of several less: (Σw)² / Σw²', (t) => {
  const table: readonly (readonly [effective: number, ...rows: Weighted[]])[] = [
    [20, [20, 1]],
    [20, [20, 1_000_000]],
    [20, [20, 0.001]],
    [3, [3, 1 / 3]],
    [1.6, [1, 1], [1, 3]],
    [1.002, [1_000, 1], [1, 1_000_000]],
    [509.999, [500, 0.1], [500, 10]],
  ]
  for (const [effective, ...rows] of table) t.equal(nEff(tallyOf(...rows)), effective, JSON.stringify(rows))
  t.end()
})

test('never more than the rows, and the same however they are added up', (t) => {
  const weights = fc.array(fc.integer({ min: 1, max: 1_000_000_000 }), { minLength: 1, maxLength: 50 })
  fc.assert(
    fc.property(weights, fc.nat(), (each, at) => {
      const rows = each.map((w) => [1, w / 1_000] as const)
      const [whole, first, second] = [
        rows,
        rows.slice(0, at % rows.length),
        rows.slice(at % rows.length),
      ].map((some) => tallyOf(...some))
      if (whole === undefined || first === undefined || second === undefined) return false
      addAggregate(first, second)
      return nEff(first) === nEff(whole) && nEff(whole) <= each.length && nEff(whole) >= 1
    }),
  )
  t.end()
})

test('a count is low that one heavy row makes', (t) => {
  const isLow = (...rows: readonly Weighted[]) => summarise(tallyOf(...rows), []).lowCount === true
  t.equal(isLow([LOW_COUNT, 1]), false)
  t.equal(isLow([LOW_COUNT, 7.7]), false)
  t.equal(isLow([LOW_COUNT - 1, 1]), true)
  t.equal(isLow([LOW_COUNT - 1, 100]), true, 'few rows, however much they stand for')
  t.equal(isLow([200, 0.05]), true, 'few occurrences, however many rows')
  t.equal(isLow([1_000, 1], [1, 1_000_000]), true)
  t.end()
})
