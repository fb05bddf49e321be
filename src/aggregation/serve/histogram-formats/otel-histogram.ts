import Type, { type Static } from 'typebox'
import { SCALE } from '../../rollup/model/measure.ts'
import type { CountedValues } from './counted-values.ts'
import { whole, wholeCounts } from './whole-counts.ts'

/**
 * A data point of an exponential histogram in the JSON of OTLP: names in lower camel case, 64-bit integers as decimal texts.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/metrics/v1/metrics.proto
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
export const OtelHistogram = Type.Object({
  startTimeUnixNano: whole('Start of the range.'),
  timeUnixNano: whole('End of the range.'),
  count: whole('Occurrences, rounded.'),
  sum: Type.Number(),
  scale: Type.Literal(SCALE),
  zeroCount: whole('Those counted as zero.'),
  positive: Type.Object({
    offset: Type.Integer({ description: 'Index of the first count: that of the first bucket, less one.' }),
    bucketCounts: Type.Array(whole('Occurrences.'), {
      description: 'Count i is of the values in (g^(offset+i), g^(offset+i+1)], g = 2^(1/32).',
    }),
  }),
  min: Type.Optional(Type.Number()),
  max: Type.Optional(Type.Number()),
})

export function otelHistogram(of: CountedValues): Static<typeof OtelHistogram> {
  const { fromMs, toMs, zero, buckets, sum, bounds } = of
  const [zeroCount, ...counts] = wholeCounts([zero, ...buckets.map(([, weight]) => weight)])
  // Above zero alone there may be nothing: then from the bucket of one, which has none either.
  const [first, last] = [buckets[0]?.[0] ?? 1, buckets.at(-1)?.[0] ?? 0]
  const bucketCounts = new Array<string>(last - first + 1).fill('0')
  buckets.forEach(([index], i) => {
    bucketCounts[index - first] = String(counts[i])
  })
  return {
    startTimeUnixNano: nanos(fromMs),
    timeUnixNano: nanos(toMs),
    count: String(counts.reduce((all, count) => all + count, Number(zeroCount))),
    sum,
    scale: SCALE,
    zeroCount: String(zeroCount),
    positive: { offset: first - 1, bucketCounts },
    ...bounds,
  }
}

const nanos = (ms: number): string => String(BigInt(ms) * 1_000_000n)
