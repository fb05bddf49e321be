import Type from 'typebox'
import { VERDICTS } from '../../statistics/compare-samples.ts'
import { answeredRange, numberOrNull, ofRows } from './answer-parts.ts'

/** Ends that are open are null. */
const interval = (description: string) =>
  Type.Union([Type.Array(numberOrNull, { minItems: 2, maxItems: 2, description }), Type.Null()], {
    description,
  })
const nullable = (description: string) => Type.Union([Type.Number(), Type.Null()], { description })

const ComparedPart = Type.Object({
  ...answeredRange,
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
  ...answeredRange,
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
