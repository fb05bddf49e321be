import { test } from 'tap'
import { MAX_OTHER_UNITS, toldUnits, unitCounts } from '../../../../src/aggregation/rollup/model/units.ts'

function ranked(...votes: readonly (readonly [string, number])[]) {
  const counts = unitCounts()
  for (const [unit, rows] of votes) counts.add({ unit, rows })
  return counts.ranked()
}

test('units are ranked by rows, equals by text, and last what was not kept apart', (t) => {
  const cases: readonly (readonly [string, readonly (readonly [string, number])[], ...string[]])[] = [
    ['none', []],
    ['one', [['ms', 3]], 'ms'],
    [
      'one event of 401',
      [
        ['!', 1],
        ['ms', 400],
      ],
      'ms',
      '!',
    ],
    [
      'the same in several windows',
      [
        ['s', 3],
        ['ms', 2],
        ['ms', 2],
      ],
      'ms',
      's',
    ],
    [
      'equals',
      [
        ['ms', 2],
        ['By', 2],
      ],
      'By',
      'ms',
    ],
    [
      'equals in another order',
      [
        ['By', 2],
        ['ms', 2],
      ],
      'By',
      'ms',
    ],
    [
      'the rest',
      [
        ['~other', 99],
        ['ms', 2],
        ['~unknown', 3],
      ],
      '~unknown',
      'ms',
      '~other',
    ],
  ]
  for (const [what, votes, ...units] of cases)
    t.same(
      ranked(...votes).map(({ unit }) => unit),
      units,
      what,
    )
  t.same(ranked(['s', 3], ['ms', 2], ['ms', 2]), [
    { unit: 'ms', rows: 4 },
    { unit: 's', rows: 3 },
  ])
  t.end()
})

test('an answer is of one unit, and names the others', (t) => {
  const units = ranked(['ms', 5], ['s', 3], ['By', 1])
  t.same(toldUnits(units, undefined), { unit: 'ms', otherUnits: ['s', 'By'] })
  t.same(toldUnits(units, 's'), { unit: 's', otherUnits: ['ms', 'By'] })
  t.same(toldUnits(units, 'h'), { unit: 'h', otherUnits: ['ms', 's', 'By'] })
  t.same(toldUnits(units.slice(0, 1), 'ms'), { unit: 'ms' })
  t.same(toldUnits([], undefined), { unit: '1' })
  t.same(toldUnits([], 'ms'), { unit: 'ms' })
  const many = Array.from({ length: 99 }, (_, i) => ({ unit: `u${i}`, rows: 99 - i }))
  t.same(
    toldUnits(many, undefined).otherUnits,
    many.slice(1, 1 + MAX_OTHER_UNITS).map(({ unit }) => unit),
  )
  t.end()
})
