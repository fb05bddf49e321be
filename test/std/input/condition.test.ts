import { test } from 'tap'
import { type Criterion, readCondition } from '../../../src/std/input/condition.ts'

const quantile = (q: number, isAbove: boolean, limit: number): Criterion => ({
  of: 'quantile',
  q,
  isAbove,
  limit,
})
const share = (at: number, isAbove: boolean, limit: number): Criterion => ({
  of: 'share',
  at,
  isAbove,
  limit,
})

test('a condition is one criterion, or several that must all hold', async (t) => {
  for (const [text, criteria] of [
    ['p75 > 2500', [quantile(0.75, true, 2_500)]],
    ['p75>2500', [quantile(0.75, true, 2_500)]],
    [' p99.9  <  0.25 ', [quantile(0.999, false, 0.25)]],
    ['p7 > 0', [quantile(0.07, true, 0)]],
    ['share(2500) < 0.75', [share(2_500, false, 0.75)]],
    ['share ( 0.1 ) > 1', [share(0.1, true, 1)]],
    [
      'burn(1h) > 14 and burn( 15m ) > 14.4',
      [
        { of: 'burn', rangeMs: 3_600_000, isAbove: true, limit: 14 },
        { of: 'burn', rangeMs: 900_000, isAbove: true, limit: 14.4 },
      ],
    ],
    ['p75 > 2500 and share(4000) < 0.9', [quantile(0.75, true, 2_500), share(4_000, false, 0.9)]],
    [
      'p50 > 1 and p75 > 2\nand p90 > 3 and p99 > 4',
      [quantile(0.5, true, 1), quantile(0.75, true, 2), quantile(0.9, true, 3), quantile(0.99, true, 4)],
    ],
  ] as const)
    t.same(readCondition(text), { criteria }, text)
})

test('what is wrong is said with its place, and what is expected there', async (t) => {
  const number = 'a number, of at most 12 digits and 6 behind the point'
  const left = 'a percentile such as p75, share(2500) or burn(1h)'
  for (const [text, place, expected] of [
    ['p75', 3, '> or <'],
    ['p75 >', 5, number],
    ['p75 > fast', 6, number],
    ['p75 > 2500ms', 6, number],
    ['p75 > 2.5.1', 6, number],
    ['p75 >= 2500', 4, '> or <'],
    ['p75 = 2500', 4, '> or <'],
    ['p75 > 2500 or p99 > 1', 11, '"and", or nothing more'],
    ['p75 > 2500 and', 14, left],
    ['p75 > 2500 andp99 > 1', 11, '"and", or nothing more'],
    ['p75 > 2500 and burns(1h) > 14', 15, left],
    ['burn > 14', 5, '('],
    ['burn(fast) > 14', 5, 'a time such as 15m, 1h or 3d'],
    ['burn(1w) > 14', 5, 'a time such as 15m, 1h or 3d'],
    ['burn(1h > 14', 8, ')'],
    ['burn(1h) 14', 9, '> or <'],
    ['p75 > 2500 and p100 > 1', 15, left],
    ['p75 > 2500 and p0 > 1', 15, left],
    ['share 2500', 6, '('],
    ['share(fast) < 0.5', 6, number],
    ['share(2500 < 0.5', 11, ')'],
    ['share(2500) < 75', 14, 'a share, from 0 to 1'],
    [`p1 > 1${' and p1 > 1'.repeat(4)}`, 40, 'nothing more: 4 criteria are enough'],
  ] as const) {
    const { criteria, fault = '' } = readCondition(text)
    const [said = '', shown = '', caret = ''] = fault.split('\n')
    t.match(
      said,
      new RegExp(
        `^must be a condition such as .*; here it has to go on with ${expected.replace(/[()]/g, '\\$&')}:$`,
      ),
      text,
    )
    t.equal(shown, `    ${text}`)
    t.equal(caret, `    ${' '.repeat(place)}^`, `${text}: its place`)
    t.same(criteria, [], 'half of one is none')
  }
})

test('what does not even begin as one is not repeated', async (t) => {
  for (const text of [
    '',
    ' ',
    'slower than last week',
    'shares(1) > 1',
    'p > 1',
    'p100 > 1',
    'p0 > 1',
    'burning',
  ])
    t.equal(
      readCondition(text).fault,
      'must be a condition such as p75 > 2500, share(2500) < 0.75 or burn(1h) > 14, or up to 4 with "and" between them',
      text,
    )
})
