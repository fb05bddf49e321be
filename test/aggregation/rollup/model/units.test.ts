import { test } from 'tap'
import { unitOf, unitVotes } from '../../../../src/aggregation/rollup/model/units.ts'

test('the unit is that of most rows, of equals the first by text, and a mixture is told', async (t) => {
  for (const [what, votes, winner, mixed] of [
    ['none', [], '1', false],
    ['one', [['ms', 3]], 'ms', false],
    [
      'one event of 401',
      [
        ['ms', 400],
        ['!', 1],
      ],
      'ms',
      true,
    ],
    [
      'the same in several windows',
      [
        ['s', 3],
        ['ms', 2],
        ['ms', 2],
      ],
      'ms',
      true,
    ],
    [
      'equals',
      [
        ['ms', 2],
        ['By', 2],
      ],
      'By',
      true,
    ],
    [
      'equals in another order',
      [
        ['By', 2],
        ['ms', 2],
      ],
      'By',
      true,
    ],
  ] as const) {
    const units = unitVotes()
    for (const [unit, rows] of votes) units.add({ unit, rows })
    t.same([units.winner(), units.mixed()], [winner, mixed], what)
    t.same(unitOf(units), mixed ? { unit: winner, mixedUnits: true } : { unit: winner }, what)
  }
})

test('rows that were a mixture before make one of all, whatever the others say', (t) => {
  const units = unitVotes()
  units.add({ unit: 'ms', rows: 3 })
  t.equal(units.mixed(), false)
  units.add({ unit: 'ms', rows: 1, mixedUnits: true })
  units.add({ unit: 'ms', rows: 3 })
  t.same(unitOf(units), { unit: 'ms', mixedUnits: true })
  t.end()
})
