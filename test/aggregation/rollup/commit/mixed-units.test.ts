import { test } from 'tap'
import { withMixedUnits } from '../../../../src/aggregation/rollup/commit/mixed-units.ts'
import { chunks, row } from '../../../contracts/store.ts'
import { gathered } from '../../../fakes/aggregation/store.ts'

test('rows of a mixed metric say so in every set, those of no other', async (t) => {
  const rows = [
    row({ app: 'a', metric: 'lcp' }),
    row({ app: 'a', metric: 'lcp', set: 'route', value: '/' }),
    row({ app: 'a', metric: 'lcp2' }),
    row({ app: 'b', metric: 'lcp' }),
    row({ app: 'a","b', metric: 'c' }),
  ]
  for (const [what, mixed, saying] of [
    ['none', [], []],
    ['one', [{ app: 'a', metric: 'lcp' }], [0, 1]],
    [
      'one of several apps',
      [
        { app: 'b', metric: 'lcp' },
        { app: 'b', metric: 'lcp2' },
      ],
      [3],
    ],
    ['a name that looks like two', [{ app: 'a', metric: 'b","c' }], []],
    ['that name', [{ app: 'a","b', metric: 'c' }], [4]],
  ] as const) {
    const found = await gathered(withMixedUnits(chunks(rows.slice(0, 1), [], rows.slice(1)), mixed))
    const expected = rows.map((each, i) =>
      (saying as readonly number[]).includes(i) ? { ...each, mixedUnits: true } : each,
    )
    t.same(found, expected, what)
  }
})
