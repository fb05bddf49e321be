import { test } from 'tap'
import { refuseBeyond } from '../../../src/aggregation/explore/range-budget.ts'

const MIN = 60_000
const QUARTER = 15 * MIN

/** Each with ten rows in as many bytes, and rows in the minutes of its quarter of an hour. */
const objects = (...quarters: readonly number[]) =>
  quarters.map((quarter) => ({
    ...{ rows: 10, bytes: 10 },
    minutes: {
      startsMs: Float64Array.of(quarter * QUARTER + MIN, quarter * QUARTER + 3 * MIN),
      rows: Float64Array.of(5, 5),
    },
  }))

test('a range that holds too much is refused with the largest that has its end and fits', (t) => {
  const range = { fromMs: 0, toMs: 4 * QUARTER, grainMs: QUARTER }
  for (const [rule, given, budget, fromMs] of [
    ['nothing', [], { rows: 0, bytes: 0 }, undefined],
    ['just enough', [0, 1, 2, 3], { rows: 40, bytes: 40 }, undefined],
    ['a row too many', [0, 1, 2, 3], { rows: 39, bytes: 40 }, QUARTER],
    ['a byte too many', [3, 2, 1, 0], { rows: 40, bytes: 39 }, QUARTER],
    ['room for one', [0, 3, 1, 2], { rows: 19, bytes: 40 }, 3 * QUARTER],
    ['room for none', [0, 1, 2, 3], { rows: 9, bytes: 40 }, null],
  ] as const) {
    if (fromMs === undefined) {
      t.doesNotThrow(() => refuseBeyond(objects(...given), range, budget), rule)
      continue
    }
    const tooMuch = `The objects of the range hold more than ${budget.rows} rows or ${budget.bytes} bytes; `
    const [message, details] =
      fromMs === null
        ? [`${tooMuch}no range that ends there fits.`, {}]
        : [
            `${tooMuch}the largest range that fits and ends there begins at ${new Date(fromMs).toISOString()}.`,
            { largest: { from: fromMs, to: range.toMs } },
          ]
    t.throws(
      () => refuseBeyond(objects(...given), range, budget),
      { code: 'range_too_large', message, details },
      rule,
    )
    if (fromMs !== null) {
      const inside = given.filter((quarter) => quarter * QUARTER >= fromMs)
      t.doesNotThrow(() => refuseBeyond(objects(...inside), range, budget), `${rule}: and it does fit`)
    }
  }
  t.end()
})

test('two gibibytes, or twenty million rows', (t) => {
  const one = (size: { readonly rows: number; readonly bytes: number }) =>
    objects(0).map((object) => ({ ...object, ...size }))
  const range = { fromMs: 0, toMs: QUARTER, grainMs: QUARTER }
  t.doesNotThrow(() => refuseBeyond(one({ rows: 20_000_000, bytes: 2 ** 31 }), range))
  t.throws(() => refuseBeyond(one({ rows: 20_000_001, bytes: 1 }), range), { code: 'range_too_large' })
  t.throws(() => refuseBeyond(one({ rows: 1, bytes: 2 ** 31 + 1 }), range), { code: 'range_too_large' })
  t.end()
})
