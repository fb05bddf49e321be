import { test } from 'tap'
import { listedSpans } from '../../../../src/aggregation/rollup/plan/listed-spans.ts'
import { MAX_LISTED_WINDOWS } from '../../../../src/aggregation/rollup/plan/planner.ts'
import { MINUTE_MS } from '../../../../src/std/durations.ts'

const QUARTER_MS = 15 * MINUTE_MS
const of = (grainMs: number, rollups = 1) => Array.from({ length: rollups }, () => ({ grainMs }))
const many = Array.from({ length: 2 * MAX_LISTED_WINDOWS + 1 }, (_, at) => at * QUARTER_MS)

test('windows that are neighbours are one span, as far as a request may name them', (t) => {
  for (const [what, minutes, definitions, wanted] of [
    ['none', [], of(QUARTER_MS), []],
    ['two minutes of one window', [0, 1], of(QUARTER_MS), [[0, 1]]],
    ['neighbours', [1, 15], of(QUARTER_MS), [[0, 2]]],
    [
      'a gap between',
      [1, 30],
      of(QUARTER_MS),
      [
        [0, 1],
        [2, 3],
      ],
    ],
    ['the larger of two grains', [16], [...of(QUARTER_MS), ...of(4 * QUARTER_MS)], [[0, 4]]],
  ] as const)
    t.same(
      listedSpans(
        minutes.map((minute) => minute * MINUTE_MS),
        definitions,
      ),
      wanted.map(([from, to]) => ({ fromMs: from * QUARTER_MS, toMs: to * QUARTER_MS })),
      what,
    )
  for (const [rollups, lengths] of [
    [1, [MAX_LISTED_WINDOWS, MAX_LISTED_WINDOWS, 1]],
    [2, [5_000, 5_000, 5_000, 5_000, 1]],
    [3, [3_333, 3_333, 3_333, 3_333, 3_333, 3_333, 3]],
  ] as const)
    t.same(
      listedSpans(many, of(QUARTER_MS, rollups)).map(({ fromMs, toMs }) => (toMs - fromMs) / QUARTER_MS),
      lengths,
      `${rollups} rollups`,
    )
  t.end()
})
