import Type from 'typebox'
import { RankedValue } from '../ranking.ts'
import { Point } from '../series.ts'
import { common, epochMs, notices, numberOrNull, otherUnits } from './answer-parts.ts'

export const SeriesAnswer = Type.Object({
  ...common,
  step: Type.String(),
  points: Type.Array(Point, { description: 'The steps that have data, in time order.' }),
  total: Type.Union([Type.Omit(Point, ['partial']), Type.Null()], {
    description: 'The whole range, from the merged histograms.',
  }),
})

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

export const TopAnswer = Type.Object({
  ...common,
  values: Type.Array(RankedValue),
  found: Type.Integer({ description: 'Values that could be ranked, before the limit.' }),
})

export const ReleasesAnswer = Type.Object({
  ...common,
  metric: Type.Union([Type.String(), Type.Null()], {
    description: 'Whose rows were looked at. Null where the app has none in the range.',
  }),
  releases: Type.Array(
    Type.Object({
      value: Type.String({ description: 'The version, as events say it.' }),
      t: epochMs('Start of the window that has its first rows'),
      mayBeEarlier: Type.Optional(
        Type.Boolean({
          description: 'True in the first window that has any rows: it may have been there before.',
        }),
      ),
      n: Type.Number({ description: 'Occurrences in the range: the sum of the weights.' }),
      rows: Type.Integer({ description: 'Events that were counted, each once, whatever its weight.' }),
    }),
    { description: 'The one that appeared last first.' },
  ),
  found: Type.Integer({ description: 'Values that appeared, before the limit.' }),
  unnamedRows: Type.Integer({
    description: 'Events that say no version, and those of versions beyond the most that a window keeps.',
  }),
})

export const MetricsAnswer = Type.Object({
  metrics: Type.Array(
    Type.Object({ metric: Type.String(), unit: Type.String(), otherUnits, rows: Type.Integer() }),
    { description: 'Most rows first. Rows are those of `unit`.' },
  ),
  notices,
})

export const BatchAnswer = Type.Object({
  answers: Type.Array(
    Type.Object({
      status: Type.Integer({ description: 'What the query would be answered with alone.' }),
      notices: Type.Optional(
        Type.Array(Type.String(), {
          description: 'What the answer lacks, or why it is empty, where its format has no room to say so.',
        }),
      ),
      body: Type.Unknown({ description: 'Its answer, or the problem document that says why there is none.' }),
    }),
    { description: 'One for each query, in their order.' },
  ),
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
