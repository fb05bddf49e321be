import Type, { type Static } from 'typebox'
import { readable } from '../../../http/schema-faults.ts'
import { isFilter } from '../../explore/asked-dimensions.ts'
import { MAX_VALUES } from '../parameters.ts'
import { app, instant, metric, q, range, strict, text, unit } from './parameter-forms.ts'

/** Most events that are told one by one. Ours: more than anyone reads. */
export const MAX_EXAMPLES = 100
/** Most events as they arrived, and of each kind of what did not, in one answer. Ours: more than anyone reads. */
export const MAX_ARRIVED = 100
/** So many where nobody says how many. Ours. */
export const DEFAULT_EXAMPLES = 20
/** Longest dimension with its value: a path is the longest of those. Ours. */
export const MAX_FILTER_CHARS = 4_096

const FILTER_FORM = 'a dimension and its value with a colon between them'
const filter = readable(text(MAX_FILTER_CHARS, FILTER_FORM, { example: 'country:DE' }), isFilter)

export const ExploreParameters = Type.Object(
  {
    app,
    metric,
    unit,
    ...range,
    where: Type.Optional(
      Type.Union([filter, Type.Array(filter, { maxItems: MAX_VALUES })], {
        form: `${FILTER_FORM}, or up to ${MAX_VALUES} of them, each of at most ${MAX_FILTER_CHARS} characters`,
        example: 'country:DE',
        description:
          'Only events that say so; `~unknown` is the value of one that says nothing. Repeat it: of values of one dimension any counts, of several dimensions each has to. Attributes of which no rollup of the metric is kept need the scope `events`.',
      }),
    ),
    by: Type.Optional(
      text(128, 'the name of a dimension', {
        example: 'page_route',
        description:
          'Groups by its values, those of most occurrences first. An attribute of which no rollup of the metric is kept needs the scope `events`.',
      }),
    ),
    q,
    examples: Type.Optional(
      Type.String({
        pattern: '^(\\d|[1-9]\\d|100)$',
        form: `a whole number from 0 to ${MAX_EXAMPLES}`,
        example: '20',
        description: `So many of the slowest events one by one, for which the token needs the scope \`events\`. By default ${DEFAULT_EXAMPLES} where it has that, else none.`,
      }),
    ),
    bots: Type.Optional(
      Type.Enum(['exclude', 'include'], {
        description:
          'Whether declared bots are counted. By default they are not, unless each rollup counts them.',
      }),
    ),
  },
  strict,
)
export type ExploreParameters = Static<typeof ExploreParameters>

export const EventsParameters = Type.Object(
  {
    app,
    metric: Type.Optional(
      text(128, 'the name of a metric, of at most 128 characters', {
        example: 'browser.web_vital.lcp',
        description: 'Of which events are told. By default of all.',
      }),
    ),
    from: instant('Start; by default an hour before `to`.'),
    to: instant('End, not included; by default now.'),
    limit: Type.String({
      pattern: '^([1-9]\\d?|100)$',
      form: `a whole number from 1 to ${MAX_ARRIVED}`,
      default: '20',
      example: '20',
      description: `1 to ${MAX_ARRIVED}: so many events, and as many of each kind of what is no event.`,
    }),
    order: Type.Enum(['newest', 'slowest'], {
      default: 'newest',
      description: 'Those that came last, or those of the largest values.',
    }),
  },
  strict,
)
export type EventsParameters = Static<typeof EventsParameters>
