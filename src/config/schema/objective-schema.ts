import Type from 'typebox'
import { MAX_TEXT_CHARS, MAX_VALUE, NAME_FORM, NAME_PATTERN } from '../../event/schema/event.ts'
import { DURATION, group, segment } from './schema-parts.ts'

/** Ours: one query asks for all of them, each of which reads its own rows. */
export const MAX_OBJECTIVES = 200
/** What is read of one. Ours: a week of minutes, more than a quarter of a year of quarter hours. */
export const MAX_OBJECTIVE_WINDOWS = 10_080
/** What is read of one for each value of a set. Ours: of 500 values four weeks of quarter hours. */
export const MAX_OBJECTIVE_ROWS = 1_400_000

/** Which measurements an objective or an alert is of; each has a `set` of its own. */
export const watched = {
  app: segment({ description: 'The `id` of an app.' }),
  metric: Type.String({
    description: 'The name of the metric.',
    pattern: NAME_PATTERN,
    form: NAME_FORM,
    example: 'checkout.duration',
  }),
  unit: Type.Optional(
    Type.String({
      description:
        'The unit of the values that count, as `/query/metrics` names it. Left out: that of most rows.',
      example: 'ms',
      minLength: 1,
      maxLength: 2 * MAX_TEXT_CHARS,
    }),
  ),
  value: Type.Optional(
    Type.String({
      description: 'The only value of `set` that counts. Those of several dimensions are joined by ` | `.',
      example: '/checkout',
      maxLength: 4_096,
    }),
  ),
}

export const Objective = group({
  id: segment({ description: 'The name of the objective in queries.', example: 'checkout' }),
  ...watched,
  at: Type.Number({
    description: 'The largest good value, in the unit of the metric.',
    example: 300,
    minimum: 0,
    maximum: MAX_VALUE,
  }),
  share: Type.Number({
    description: 'How much of all that is measured is to be good: above 0 and below 1. The rest may be bad.',
    example: 0.95,
    minimum: 0,
    maximum: 1,
  }),
  window: Type.Integer({
    ...DURATION,
    description: `Of which time, until now, that is to hold: a multiple of \`aggregation.schedule.grain\`, of at most ${MAX_OBJECTIVE_WINDOWS} windows; of each value of a set ${MAX_OBJECTIVE_ROWS} windows × \`maxValues\` of the rollup. Three days are read for the burn where it is shorter.`,
    example: '28d',
    minimum: 60_000,
  }),
  set: Type.Optional(
    segment({
      description:
        'A set of a rollup ([queries](queries.md#groups-the-values-of-a-set-ranked)): without `value`, each value of it is looked at by itself. Left out: the whole app.',
      example: 'route',
    }),
  ),
})
