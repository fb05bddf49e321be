import { test } from 'tap'
import { unitVotes } from '../../../../src/aggregation/rollup/model/units.ts'

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
    for (const [unit, rows] of votes) units.add(unit, rows)
    t.same([units.winner(), units.mixed()], [winner, mixed], what)
  }
})
