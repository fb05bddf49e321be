import Type from 'typebox'
import { watched } from './objective-schema.ts'
import { group, positive, segment } from './schema-parts.ts'

/** Ours: one query asks for all of them. */
export const MAX_ALERTS = 500
/** Most windows that an alert looks at. Ours: of quarter hours those of half a day. */
export const MAX_ALERT_WINDOWS = 48

export const Alert = group({
  id: segment({ description: 'The name of the alert in queries.', example: 'slow-checkout' }),
  ...watched,
  set: Type.Optional(
    segment({
      description:
        'A set of a rollup ([queries](queries.md#groups-the-values-of-a-set-ranked)), beside `value`. Left out: the whole app.',
      example: 'route',
    }),
  ),
  when: Type.String({
    description:
      'What is looked for in each window: `p75 > 2500`, a percentile above or below (`<`) a value; `share(2500) < 0.75`, how much is at or below 2500; `burn(1h) > 14`, how fast the budget of an objective of the same goes in the hour up to its end; or up to four of these with `and` between them.',
    example: 'p75 > 300 and p95 > 1000',
    minLength: 1,
    maxLength: 256,
  }),
  for: Type.String({
    description: `In how many of the newest windows, of at most ${MAX_ALERT_WINDOWS}, that must hold before the alert fires.`,
    pattern: '^[1-9]\\d? of [1-9]\\d?$',
    form: 'two numbers with "of" between them',
    default: '3 of 4',
    example: '2 of 2',
  }),
  minCount: positive(20, {
    description: 'How many occurrences a window must have: of one with fewer nothing is known.',
    example: 200,
  }),
})
