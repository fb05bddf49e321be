import Type, { type Static } from 'typebox'
import { SCALE, ZERO_BELOW } from '../../rollup/model/measure.ts'
import type { CountedValues } from './counted-values.ts'
import { whole, wholeCounts } from './whole-counts.ts'

const BucketSpan = Type.Object({
  offset: Type.Integer({
    description: 'Of the first: the index of its first bucket. Of others: how many empty ones lie before it.',
  }),
  length: Type.Integer({ description: 'Buckets in a row.' }),
})

/**
 * A native histogram with integer counts as JSON of its protobuf: 64-bit integers are decimal texts.
 * https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
 * https://protobuf.dev/programming-guides/json/
 */
export const PrometheusHistogram = Type.Object({
  sampleCount: whole('Occurrences, rounded.'),
  sampleSum: Type.Number(),
  schema: Type.Literal(SCALE),
  zeroThreshold: Type.Number({ description: 'Values below it are counted as zero.' }),
  zeroCount: whole('Those counted as zero.'),
  positiveSpan: Type.Array(BucketSpan, { description: 'Where the buckets are that are not empty.' }),
  positiveDelta: Type.Array(Type.String({ pattern: '^-?\\d+$' }), {
    description: 'Of each of them: by how much its count is more than that of the one before.',
  }),
})

export function prometheusHistogram({
  zero,
  buckets,
  sum,
}: CountedValues): Static<typeof PrometheusHistogram> {
  const [zeroCount, ...counts] = wholeCounts([zero, ...buckets.map(([, weight]) => weight)])
  return {
    sampleCount: String(counts.reduce((all, count) => all + count, Number(zeroCount))),
    sampleSum: sum,
    schema: SCALE,
    zeroThreshold: ZERO_BELOW,
    zeroCount: String(zeroCount),
    positiveSpan: spansOf(buckets.map(([index]) => index)),
    positiveDelta: counts.map((count, i) => String(count - (counts[i - 1] ?? 0))),
  }
}

function spansOf(indexes: readonly number[]): Static<typeof BucketSpan>[] {
  const spans: Static<typeof BucketSpan>[] = []
  let next = 0
  for (const index of indexes) {
    const last = spans.at(-1)
    if (last !== undefined && index === next) last.length++
    else spans.push({ offset: index - next, length: 1 })
    next = index + 1
  }
  return spans
}
