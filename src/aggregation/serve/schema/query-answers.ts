import Type, { type Static } from 'typebox'
import { MAX_OTHER_UNITS } from '../../rollup/model/units.ts'
import { VERDICTS } from '../../statistics/compare-samples.ts'
import { Completeness } from '../completeness.ts'
import { Shares, Summary } from '../tally/tally.ts'

const epochMs = (description: string) => Type.Integer({ description: `${description}, epoch ms.` })

export const Point = Type.Object({
  t: epochMs('Start of the step'),
  ...Summary.properties,
  shares: Type.Optional(
    Type.Object(Shares.properties, { description: 'Of a metric with thresholds, shares of n: 1 together.' }),
  ),
})
export type Point = Static<typeof Point>

const notices = Type.Optional(
  Type.Array(Type.String(), {
    description:
      'Why the answer is empty, a sentence each: a name that is not known, and what may have been meant; or windows that are not computed yet.',
  }),
)

const otherUnits = Type.Optional(
  Type.Array(Type.String(), {
    maxItems: MAX_OTHER_UNITS,
    description:
      'Units in which the metric is in the range as well, most rows first: nothing of them is in the numbers, and `unit=` asks for one.',
  }),
)

const range = {
  from: epochMs('Start of the range, aligned outward'),
  to: epochMs('End of the range, aligned outward'),
}

const ofRows = {
  grain: Type.String({ description: 'Length of a window, such as 15m.' }),
  scale: Type.Integer({ description: 'Buckets grow by 2^(2^−scale), as in OpenTelemetry and Prometheus.' }),
  relError: Type.Number({
    description: 'Largest relative error of a quantile; below 0.0001, half a millionth if that is more.',
  }),
  completeness: Completeness,
  dataGen: Type.String({
    description: 'Names the rows that the answer is of: equal means that none of them has changed.',
  }),
  unit: Type.String({
    description: 'UCUM unit of the values: the one that was asked for, else that which most rows say.',
  }),
  otherUnits,
  thresholds: Type.Optional(
    Type.Object(
      {
        good: Type.Number({ description: 'The largest good value.' }),
        poor: Type.Number({ description: 'The largest value that is not poor, only needs improvement.' }),
      },
      { description: 'Of a metric that has them, in its unit.' },
    ),
  ),
  notices,
}

const common = { ...range, ...ofRows }

export const SeriesAnswer = Type.Object({
  ...common,
  step: Type.String(),
  points: Type.Array(Point, { description: 'The steps that have data, in time order.' }),
  total: Type.Union([Point, Type.Null()], { description: 'The whole range, from the merged histograms.' }),
})

const numberOrNull = Type.Union([Type.Number(), Type.Null()])

export const HistogramAnswer = Type.Object({
  ...common,
  zero: Type.Number({ description: 'Occurrences of values below 0.000001, which are counted as zero.' }),
  buckets: Type.Array(
    Type.Array(Type.Number(), {
      minItems: 4,
      maxItems: 4,
      description:
        'Index b, lower and upper bound, n: occurrences of values in (g^(b−1), g^b], g = 2^(1/32).',
    }),
    { description: 'Those that are not empty, in order.' },
  ),
  n: Type.Number({ description: 'Occurrences: the sum of the weights, zero and buckets together.' }),
  rows: Type.Integer({ description: 'Events that were counted, each once, whatever its weight.' }),
  sum: Type.Number(),
  min: numberOrNull,
  max: numberOrNull,
})

export const StepsAnswer = Type.Object({
  ...common,
  step: Type.String(),
  steps: Type.Array(
    Type.Object({
      t: epochMs('Start of the step'),
      zero: Type.Number({ description: 'Occurrences of values that are counted as zero.' }),
      buckets: Type.Array(Type.Array(Type.Number(), { minItems: 2, maxItems: 2 }), {
        description: 'Index and n of those that are not empty, in order.',
      }),
    }),
    { description: 'The steps that have data, in time order.' },
  ),
})

/** Ends that are open are null. */
const interval = (description: string) =>
  Type.Union([Type.Array(numberOrNull, { minItems: 2, maxItems: 2, description }), Type.Null()], {
    description,
  })
const nullable = (description: string) => Type.Union([Type.Number(), Type.Null()], { description })

const ComparedPart = Type.Object({
  ...range,
  n: Type.Number({ description: 'Occurrences: the sum of the weights.' }),
  nEff: Type.Number({ description: 'As many of equal weight would tell as much: (Σw)² ÷ Σw².' }),
  q: nullable('The quantile, as in a series. Null where nothing was measured.'),
  ci: interval('Its interval, from the ranks; an end is null where too few were measured to know one.'),
  share: nullable('How much lies at or below `at`. Null without it.'),
})

export const ComparisonAnswer = Type.Object({
  ...ofRows,
  at: nullable(
    'Of which value the shares are. Null where none was asked for and the metric has no threshold.',
  ),
  a: ComparedPart,
  b: ComparedPart,
  ratio: nullable('The quantile of a ÷ that of b.'),
  ratioCi: interval('The interval of the ratio.'),
  shareDiff: Type.Union(
    [
      Type.Object({
        diff: Type.Number({ description: 'The share of a − that of b.' }),
        ci: Type.Array(Type.Number(), { minItems: 2, maxItems: 2, description: 'Its interval.' }),
        p: Type.Number({ description: 'The chance of such a difference, or a larger one, between equals.' }),
      }),
      Type.Null(),
    ],
    { description: 'By how much the shares differ.' },
  ),
  shape: Type.Union(
    [
      Type.Object({
        auc: Type.Number({
          description: 'The chance that a value of a is above one of b, ties for a half: 0.5 of equals.',
        }),
        p: Type.Number({ description: 'The chance of such a difference, or a larger one, between equals.' }),
      }),
      Type.Null(),
    ],
    { description: 'How the whole distributions lie to each other (Mann–Whitney).' },
  ),
  verdict: Type.Enum([...VERDICTS], {
    description: '`slower` where `ratioCi` lies above 1, `faster` where it lies below.',
  }),
  alpha: Type.Number({ description: 'The share of false alarms that is put up with.' }),
})

const ofBoth = (description: string) =>
  Type.Array(Type.Number(), {
    minItems: 2,
    maxItems: 2,
    description: `${description}: of the base, and now.`,
  })
const parts = {
  mix: Type.Number({ description: 'Part of `delta` that is because weights changed: Σ Δp · mean share.' }),
  behaviour: Type.Number({ description: 'Part that is because shares changed: Σ mean p · Δshare.' }),
}

const ChangedPart = Type.Object({
  ...range,
  n: Type.Number({ description: 'Occurrences: the sum of the weights.' }),
  q: nullable('The quantile, as in a series. Null where nothing was measured.'),
  share: nullable('How much lies at or below `at`, exactly. Null where either range is empty.'),
})

export const ChangesAnswer = Type.Object({
  ...ofRows,
  at: nullable(
    'The upper bound of the bucket that holds the quantile of the base. Null where either is empty.',
  ),
  base: ChangedPart,
  now: ChangedPart,
  delta: nullable('The share now − that of the base: below 0 is slower.'),
  sets: Type.Array(
    Type.Object({
      set: Type.String(),
      ...parts,
      values: Type.Array(
        Type.Object({
          value: Type.String(),
          p: ofBoth('How much of all occurrences it has'),
          share: ofBoth('How much of its own lies at or below `at`'),
          ...parts,
        }),
        { description: 'Those with the largest part first.' },
      ),
    }),
    { description: 'The change, split over the values of each set: mix and behaviour together are `delta`.' },
  ),
  sentence: Type.String({ description: 'The same in a line of English.' }),
})

export const RankedValue = Type.Object({ value: Type.String(), ...Summary.properties })
export type RankedValue = Static<typeof RankedValue>

export const TopAnswer = Type.Object({
  ...common,
  values: Type.Array(RankedValue),
  found: Type.Integer({ description: 'Values that could be ranked, before the limit.' }),
})

export const MetricsAnswer = Type.Object({
  metrics: Type.Array(
    Type.Object({ metric: Type.String(), unit: Type.String(), otherUnits, rows: Type.Integer() }),
    { description: 'Most rows first. Rows are those of `unit`.' },
  ),
  notices,
})

export const AppsAnswer = Type.Object({
  apps: Type.Array(Type.String(), { description: 'Apps that the token may read.' }),
  token: Type.Object({
    name: Type.String(),
    scopes: Type.Array(Type.String()),
    allApps: Type.Boolean({ description: 'Whether it may see what is about all apps.' }),
  }),
  sets: Type.Array(
    Type.Object({
      name: Type.String({ description: 'What `set` takes.' }),
      dimensions: Type.Array(Type.String(), { description: 'None: everything.' }),
      metrics: Type.Optional(Type.Array(Type.String(), { description: 'It is kept of these alone.' })),
    }),
    { description: 'The sets of all rollups, in the order of the configuration.' },
  ),
  gateway: Type.Object(
    { host: Type.String(), port: Type.Integer() },
    { description: 'Where the gateway of this configuration takes events.' },
  ),
  nextRunMs: Type.Optional(
    Type.Integer({ description: 'When the schedule computes the window that is open now, epoch ms.' }),
  ),
})
