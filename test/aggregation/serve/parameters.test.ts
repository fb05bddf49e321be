import { test } from 'tap'
import {
  durationText,
  parseQuantiles,
  parseRange,
  parseStep,
  quantilesMeant,
  spanText,
} from '../../../src/aggregation/serve/parameters.ts'

const noon = Date.UTC(2026, 10, 22, 12)

test('a range is by default the 24 hours until now, and never empty', async (t) => {
  t.same(parseRange({}, noon), { fromMs: noon - 86_400_000, toMs: noon })
  t.same(
    parseRange({ to: '1970-01-01T01:00Z' }, noon),
    { fromMs: 0, toMs: 3_600_000 },
    'not before the epoch',
  )
  t.same(parseRange({ from: '2026-11-22T11:00Z' }, noon), { fromMs: noon - 3_600_000, toMs: noon })
  const at = '2026-11-22T12:00:00.000000+00:00'
  for (const range of [{ from: at, to: at }, { from: at }, { from: '2026-11-23', to: at }]) {
    t.throws(() => parseRange(range, noon), { message: /^from \(\S+\) must be before to \(\S+\)\.$/ })
  }
  t.throws(() => parseRange({ to: '5' }, noon), { code: 'invalid_request', details: { parameter: 'to' } })
})

test('steps are minutes, hours up to a day, or local days', async (t) => {
  t.same(['1m', '15m', '1h', '24h', '1d'].map(parseStep), [60_000, 900_000, 3_600_000, 86_400_000, 'day'])
  for (const text of ['0m', '25h', '2d', '15', 'm', '1.5h', '-1h', '15s'])
    t.ok(Number.isNaN(parseStep(text)), text)
})

test('quantiles lie between 0 and 1, ten of them at most', async (t) => {
  t.same(parseQuantiles('0.5,.75,0.990'), [0.5, 0.75, 0.99])
  for (const text of [
    '0',
    '1',
    '0.0',
    '',
    '0.5,',
    '0.5;0.9',
    '50',
    '-0.5',
    '5e-1',
    Array(11).fill('0.5').join(','),
  ])
    t.same(parseQuantiles(text), [], text)
})

test('durations are written as people write them', async (t) => {
  t.same([60_000, 900_000, 3_600_000, 86_400_000].map(durationText), ['1m', '15m', '1h', '24h'])
})

test('the largest range is told in days, a short one in hours', async (t) => {
  const hour = 3_600_000
  t.same([31 * 24 * hour + 1, 48 * hour, 48 * hour - 1, hour].map(spanText), [
    '31 days',
    '2 days',
    '47 hours',
    '1 hours',
  ])
})

test('a percentile is nearly a quantile', async (t) => {
  for (const [text, meant] of [
    ['75', '; did you mean q=0.75?'],
    ['p75', '; did you mean q=0.75?'],
    ['P50, 95,0.999', '; did you mean q=0.5,0.95,0.999?'],
    ['99.9', '; did you mean q=0.999?'],
    ['5', '; did you mean q=0.05?'],
    ['1', ''],
    ['0', ''],
    ['100', ''],
    ['p', ''],
    ['75,median', ''],
    ['', ''],
    [Array(11).fill('75').join(','), ''],
  ] as const)
    t.equal(quantilesMeant(text), meant, text)
})
