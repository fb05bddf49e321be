import Type from 'typebox'
import { MAX_OTHER_UNITS } from '../../rollup/model/units.ts'
import { Completeness } from '../answer/completeness.ts'

export const epochMs = (description: string) => Type.Integer({ description: `${description}, epoch ms.` })

export const notices = Type.Optional(
  Type.Array(Type.String(), {
    description:
      'What is to be known of the answer, a sentence each. Why it is empty: a name that is not known, and what may have been meant; or windows that are not computed yet. What it lacks: windows from before a set was kept, or of fewer metrics. What of it is of other things: windows from when a set had other dimensions, more or fewer values, or bots counted otherwise.',
  }),
)

export const otherUnits = Type.Optional(
  Type.Array(Type.String(), {
    maxItems: MAX_OTHER_UNITS,
    description:
      'Units in which the metric is in the range as well, most rows first: nothing of them is in the numbers, and `unit=` asks for one.',
  }),
)

export const answeredRange = {
  from: epochMs('Start of the range, aligned outward'),
  to: epochMs('End of the range, aligned outward'),
}

export const ofRows = {
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

export const common = { ...answeredRange, ...ofRows }

export const numberOrNull = Type.Union([Type.Number(), Type.Null()])
