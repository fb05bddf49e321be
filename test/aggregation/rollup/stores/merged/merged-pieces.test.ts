import { test } from 'tap'
import { piecesOf } from '../../../../../src/aggregation/rollup/stores/merged/merged-pieces.ts'
import { DAY_MS, HOUR_MS } from '../../../../../src/std/durations.ts'

const DAY = Date.UTC(2026, 10, 22)
const at = (hours: number) => DAY + hours * HOUR_MS
const span = (from: number, to: number) => ({ fromMs: at(from), toMs: at(to) })

test('a range is taken apart into days and hours that lie in a span, and the rest', (t) => {
  for (const [what, range, spans, expected] of [
    ['no range', [0, 0], [[0, 24]], []],
    [
      'no span',
      [0, 30],
      [],
      [
        [0, 24, 0],
        [24, 30, 0],
      ],
    ],
    ['a day', [0, 24], [[0, 24]], [[0, 24, 24]]],
    [
      'days of one span',
      [0, 49],
      [[-24, 72]],
      [
        [0, 24, 24],
        [24, 48, 24],
        [48, 49, 1],
      ],
    ],
    [
      'hours',
      [0, 3],
      [
        [0, 1],
        [1, 2],
        [2, 3],
      ],
      [[0, 3, 1]],
    ],
    ['hours of one span', [0, 3], [[0, 3]], [[0, 3, 1]]],
    [
      'a span that begins later',
      [0, 3],
      [[1, 3]],
      [
        [0, 1, 0],
        [1, 3, 1],
      ],
    ],
    [
      'parts of hours',
      [0.5, 2.25],
      [[0.5, 2.25]],
      [
        [0.5, 1, 0],
        [1, 2, 1],
        [2, 2.25, 0],
      ],
    ],
    ['less than an hour', [0.25, 0.5], [[0, 1]], [[0.25, 0.5, 0]]],
    [
      'spans that are shorter than hours',
      [0, 1],
      [
        [0, 0.5],
        [0.5, 1],
      ],
      [[0, 1, 0]],
    ],
    [
      'a day of another zone',
      [-2, 22],
      [[-2, 22]],
      [
        [-2, 0, 1],
        [0, 22, 1],
      ],
    ],
    [
      'spans that ended before',
      [5, 6],
      [
        [0, 1],
        [5, 6],
      ],
      [[5, 6, 1]],
    ],
  ] as readonly [string, [number, number], [number, number][], [number, number, number][]][])
    t.same(
      piecesOf(
        span(...range),
        spans.map((one) => span(...one)),
      ).map(({ fromMs, toMs, lengthMs }) => [
        (fromMs - DAY) / HOUR_MS,
        (toMs - DAY) / HOUR_MS,
        lengthMs === DAY_MS ? 24 : lengthMs / HOUR_MS,
      ]),
      expected,
      what,
    )
  t.end()
})
