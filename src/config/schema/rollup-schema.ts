import Type from 'typebox'
import { ATTRIBUTE, DIMENSION_PATTERN, DIMENSIONS, type Dimension } from '../../event/schema/dimensions.ts'
import { NAME_PATTERN } from '../../event/schema/event.ts'
import { group, literals, positive, segment } from './schema-parts.ts'

/** `NAME_PATTERN`, and a star at the end. */
const METRICS_PATTERN = NAME_PATTERN.replace('$', '\\*?$')

const DimensionSet = group({
  name: segment({ description: 'What queries ask for, as in `set=route`.', example: 'route' }),
  dimensions: Type.Array(
    Type.Unsafe<Dimension>(
      Type.String({
        description: 'A column of the event, or an attribute ([the event](events.md)).',
        pattern: DIMENSION_PATTERN,
        form: `one of ${DIMENSIONS.join(', ')}, or ${ATTRIBUTE} and the name of an attribute`,
        example: 'country',
        names: DIMENSIONS,
      }),
    ),
    {
      description:
        'Columns by which numbers are kept apart, each combination by itself. None: the whole app.',
      example: ['page_route', 'country'],
      maxItems: 3,
    },
  ),
  metrics: Type.Optional(
    Type.Array(
      Type.String({
        description: 'The name of a metric, or how names begin.',
        pattern: METRICS_PATTERN,
        form: 'the name of a metric, or its beginning and `*`',
        example: 'browser.web_vital.*',
      }),
      {
        description:
          'The only metrics of which it is kept, by name or beginning: what others have no value of costs a row each. Left out: all.',
        example: ['browser.web_vital.*'],
        minItems: 1,
        maxItems: 50,
      },
    ),
  ),
})

/** What an example has. */
export const SETS = [
  { name: 'app', dimensions: [] },
  { name: 'route', dimensions: ['page_route'] },
]

export const Rollup = group({
  id: segment({ description: 'The name of the rollup in runs and queries.', example: 'default' }),
  sets: Type.Array(DimensionSet, {
    description:
      'The ways in which its numbers can be asked for, 1 to 20. The whole app is the set `app`, of no dimensions: the dashboard draws it, and a query that names no set asks for it. The dashboard ranks the values of the first four of one dimension that are kept of all metrics.',
    example: SETS,
    minItems: 1,
    maxItems: 20,
  }),
  bots: literals(['exclude', 'include'], {
    description:
      'What becomes of events of declared crawlers and monitors (`device_type` `bot`). Excluded they are in no number: each window tells how many they were ([operations](operations.md)). Included they count as anybody, and queries ask for it by `bots=include`.',
    default: 'exclude',
  }),
  maxMetrics: positive(500, {
    description:
      'How many metrics of an app a window keeps apart, the most frequent; the others are `~other`.',
    example: 1_000,
  }),
  maxValues: positive(500, {
    description: 'How many values of a dimension, likewise.',
    example: 2_000,
  }),
})
