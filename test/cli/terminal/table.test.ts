import { test } from 'tap'
import { ago, duration, number, size, table } from '../../../src/cli/terminal/table.ts'

test('names stand to the left, numbers to the right, and no line ends in blanks', async (t) => {
  t.equal(
    table([['app', 'found'], ['shop-web', '12', 'x'], [''], ['b', '1,234']]),
    'app       found\nshop-web     12  x\n\nb         1,234\n',
  )
  t.equal(table([]), '')
})

test('numbers are grouped, times and sizes as people say them', async (t) => {
  t.same([0, 999, 1_234_567, -5].map(number), ['0', '999', '1,234,567', '-5'])
  t.same([-1, 0, 59_999, 60_000, 7_200_000, 172_800_000].map(duration), [
    ...['0 s', '0 s', '59 s', '1 min', '2 h', '2 d'],
  ])
  t.same(
    [-120_000, -1, 0, 59_999, 60_000, 7_200_000].map((aheadMs) => ago(1_000_000 + aheadMs, 1_000_000)),
    ['2 min ago', '0 s ago', '0 s ago', '0 s ago', '1 min ahead of this clock', '2 h ahead of this clock'],
  )
  t.same([0, 900, 1_024, 1_572_864, 5 * 2 ** 40].map(size), [
    ...['0 B', '900 B', '1.0 KiB', '1.5 MiB', '5120.0 GiB'],
  ])
})
