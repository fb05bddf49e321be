import fc from 'fast-check'
import { test } from 'tap'
import type { CountedValues } from '../../../../src/aggregation/serve/histogram-formats/counted-values.ts'
import { otelHistogram } from '../../../../src/aggregation/serve/histogram-formats/otel-histogram.ts'
import { prometheusHistogram } from '../../../../src/aggregation/serve/histogram-formats/prometheus-histogram.ts'

const noon = Date.UTC(2026, 10, 22, 12)
const range = { fromMs: noon, toMs: noon + 900_000 }
const some: CountedValues = {
  ...range,
  zero: 2_000,
  buckets: [
    [-3, 4_000],
    [-2, 1_000],
    [5, 6_000],
  ],
  sum: 12.5,
  bounds: { min: 0, max: 1.1 },
}
const none: CountedValues = { ...range, zero: 0, buckets: [], sum: 0 }

test('a data point of OpenTelemetry has every bucket from the first to the last', async (t) => {
  const times = { startTimeUnixNano: '1795348800000000000', timeUnixNano: '1795349700000000000' }
  t.same(otelHistogram(some), {
    ...times,
    count: '13',
    sum: 12.5,
    scale: 5,
    zeroCount: '2',
    positive: { offset: -4, bucketCounts: ['4', '1', '0', '0', '0', '0', '0', '0', '6'] },
    min: 0,
    max: 1.1,
  })
  t.same(
    otelHistogram(none),
    {
      ...times,
      count: '0',
      sum: 0,
      scale: 5,
      zeroCount: '0',
      positive: { offset: 0, bucketCounts: [] },
    },
    'of nothing there is neither least nor largest',
  )
})

test('a native histogram of Prometheus has spans, and each count as what it is more than the one before', async (t) => {
  t.same(prometheusHistogram(some), {
    sampleCount: '13',
    sampleSum: 12.5,
    schema: 5,
    zeroThreshold: 0.000001,
    zeroCount: '2',
    positiveSpan: [
      { offset: -3, length: 2 },
      { offset: 6, length: 1 },
    ],
    positiveDelta: ['4', '-3', '5'],
  })
  t.match(prometheusHistogram(none), { sampleCount: '0', positiveSpan: [], positiveDelta: [] })
})

/** What a reader of OpenTelemetry takes it for: index of ours → count. */
const ofOtel = ({ positive: { offset, bucketCounts } }: ReturnType<typeof otelHistogram>) =>
  bucketCounts.flatMap((count, i) => (count === '0' ? [] : [[offset + i + 1, Number(count)]]))

/** What a reader of Prometheus takes it for. */
function ofPrometheus({ positiveSpan, positiveDelta }: ReturnType<typeof prometheusHistogram>) {
  const found: [number, number][] = []
  let [index, count] = [0, 0]
  for (const { offset, length } of positiveSpan) {
    index += offset
    for (let i = 0; i < length; i++) {
      count += Number(positiveDelta[found.length])
      found.push([index++, count])
    }
  }
  return found
}

const indexes = fc.uniqueArray(fc.integer({ min: -637, max: 1276 }), { maxLength: 80 })
const histograms = (weight: fc.Arbitrary<number>) =>
  fc.tuple(fc.option(weight, { nil: 0 }), indexes, fc.infiniteStream(weight)).map(
    ([zero, at, weights]): CountedValues => ({
      ...none,
      zero,
      buckets: at.sort((a, b) => a - b).map((index) => [index, Number(weights.next().value)]),
    }),
  )

test('whoever reads either format has the same buckets again', async (t) => {
  const whole = fc.integer({ min: 1, max: 2 ** 40 }).map((n) => n * 1_000)
  fc.assert(
    fc.property(histograms(whole), (counted) => {
      const buckets = counted.buckets.map(([index, weight]) => [index, weight / 1_000])
      const [otel, prometheus] = [otelHistogram(counted), prometheusHistogram(counted)]
      t.same(ofOtel(otel), buckets)
      t.same(ofPrometheus(prometheus), buckets)
      const n = buckets.reduce((sum, [, count]) => sum + Number(count), counted.zero / 1_000)
      t.same([otel.count, otel.zeroCount], [n, counted.zero / 1_000].map(String))
      t.same([prometheus.sampleCount, prometheus.zeroCount], [otel.count, otel.zeroCount])
    }),
  )
})

test('fractions are rounded so that all counts together are n, and those up to a bound are within a half', async (t) => {
  const fraction = fc.integer({ min: 1, max: 9_999_999 })
  fc.assert(
    fc.property(histograms(fraction), (counted) => {
      const otel = otelHistogram(counted)
      let [exact, told] = [counted.zero, Number(otel.zeroCount)]
      for (const [index, weight] of counted.buckets) {
        exact += weight
        told += Number(otel.positive.bucketCounts[index - otel.positive.offset - 1])
        if (Math.abs(told - exact / 1_000) > 0.5) return false
      }
      const all = ofPrometheus(prometheusHistogram(counted)).filter(([, count]) => count > 0)
      t.same(all, ofOtel(otel), 'in both forms alike')
      return told === Number(otel.count) && told === Math.round(exact / 1_000)
    }),
  )
})
