import Type from 'typebox'
import type { ExactSummary } from '../../explore/exploration.ts'
import { MAX_GROUPS } from '../../explore/explore-sql.ts'
import type { ExploredEvents } from '../../explore/explorer.ts'
import { epochMs, notices, numberOrNull, otherUnits } from './answer-parts.ts'
import { csvOf } from './csv.ts'
import { MAX_EXAMPLES } from './explore-parameters.ts'

const summary = {
  n: Type.Number({ description: 'Occurrences: the sum of the weights.' }),
  rows: Type.Integer({ description: 'Events that were counted, each once, whatever its weight.' }),
  avg: numberOrNull,
  min: numberOrNull,
  max: numberOrNull,
  q: Type.Record(Type.String(), numberOrNull, {
    description: 'Each quantile, exactly: a value that was measured. Null where nothing was.',
  }),
}

const stored = (description: string) => Type.Optional(Type.String({ description }))

export const ExploreAnswer = Type.Object({
  from: epochMs('Start of the range, as asked for'),
  to: epochMs('End of the range, as asked for'),
  unit: Type.String({
    description: 'UCUM unit of the values: the one that was asked for, else that which most rows say.',
  }),
  otherUnits,
  dataGen: Type.String({
    description: 'Names the events that the answer is of: equal means that none of them has changed.',
  }),
  total: Type.Object(summary, { description: 'All events that were asked about.' }),
  groups: Type.Optional(
    Type.Array(Type.Object({ value: Type.String({ description: 'The value of `by`.' }), ...summary }), {
      maxItems: MAX_GROUPS,
      description: 'Those of most occurrences first.',
    }),
  ),
  examples: Type.Array(
    Type.Object({
      id: Type.String({ description: 'Its `event_id`.' }),
      t: epochMs('When it happened'),
      value: Type.Number({ description: 'What was measured.' }),
      url: stored('Its page, as stored.'),
      requestUrl: stored('The request or resource that was measured, as stored.'),
      sessionId: stored('Its session.'),
      pageViewId: stored('Its page view.'),
      traceId: stored('Its attribute `trace_id`.'),
    }),
    { maxItems: MAX_EXAMPLES, description: 'The slowest, each with what is stored of it.' },
  ),
  scanned: Type.Optional(
    Type.Object(
      {
        objects: Type.Integer({ description: 'Objects of the lake.' }),
        bytes: Type.Integer({ description: 'How long they are.' }),
        rows: Type.Integer({ description: 'How many rows are in them.' }),
      },
      { description: 'What was read, of all apps; not told to a token that is for some.' },
    ),
  ),
  notices,
})

/** The same as a table: a line of all events, and behind it one of each group. Examples are no part of it. */
export function exploreTable({ unit, total, groups = [] }: ExploredEvents): string {
  const lineOf = (of: string, value: string | undefined, { n, rows, avg, min, max, q }: ExactSummary) => [
    ...[of, value, unit, n, rows, avg, min, max],
    ...Object.values(q),
  ]
  return csvOf([
    ['of', 'value', 'unit', 'n', 'rows', 'avg', 'min', 'max', ...Object.keys(total.q).map((q) => `q${q}`)],
    lineOf('total', undefined, total),
    ...groups.map(({ value, ...summary }) => lineOf('group', value, summary)),
  ])
}
