import Type from 'typebox'
import { RefusedClient, RejectedField } from '../../../http/reconciliation.ts'
import type { ExactSummary } from '../../explore/exploration.ts'
import { MAX_GROUPS } from '../../explore/explore-sql.ts'
import type { ExploredEvents } from '../../explore/explorer.ts'
import { epochMs, notices, numberOrNull, otherUnits } from './answer-parts.ts'
import { csvOf } from './csv.ts'
import { MAX_ARRIVED, MAX_EXAMPLES } from './explore-parameters.ts'

const summary = {
  n: Type.Number({ description: 'Occurrences: the sum of the weights.' }),
  nEff: Type.Number({
    description: 'How many of equal weight would tell as much: (Σw)² ÷ Σw², with w the weight of each.',
  }),
  rows: Type.Integer({ description: 'Events that were counted, each once, whatever its weight.' }),
  avg: numberOrNull,
  min: numberOrNull,
  max: numberOrNull,
  q: Type.Record(Type.String(), numberOrNull, {
    description: 'Each quantile, exactly: a value that was measured. Null where nothing was.',
  }),
}

const stored = (description: string) => Type.Optional(Type.String({ description }))

const told = {
  url: stored('Its page, as stored.'),
  requestUrl: stored('The request or resource that was measured, as stored.'),
  sessionId: stored('Its session.'),
  pageViewId: stored('Its page view.'),
  traceId: stored('Its attribute `trace_id`.'),
}

const scanned = Type.Optional(
  Type.Object(
    {
      objects: Type.Integer({ description: 'Objects of the lake.' }),
      bytes: Type.Integer({ description: 'How long they are.' }),
      rows: Type.Integer({ description: 'How many rows are in them.' }),
    },
    { description: 'What was read, of all apps; not told to a token that is for some.' },
  ),
)

const completeness = Type.Optional(
  Type.Object(
    {
      notIngested: Type.Optional(
        Type.Integer({
          description:
            'Objects and partitions of the lake that the last ingest could not take in: their events are missing. Not told before the first since the start.',
        }),
      ),
    },
    { description: 'What the answer lacks, of whatever app; not told to a token that is for some.' },
  ),
)

export const ExploreAnswer = Type.Object({
  from: epochMs('Start of the range, as asked for'),
  to: epochMs('End of the range, as asked for'),
  unit: Type.String({
    description: 'UCUM unit of the values: the one that was asked for, else that which most rows say.',
  }),
  otherUnits,
  completeness,
  dataGen: Type.String({
    description: 'Names the events that the answer is of: equal means that none of them has changed.',
  }),
  relError: Type.Number({ description: 'None: quantiles are exact.' }),
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
      ...told,
    }),
    { maxItems: MAX_EXAMPLES, description: 'The slowest, each with what is stored of it.' },
  ),
  scanned,
  notices,
})

const textOrNull = Type.Union([Type.String(), Type.Null()])

export const EventsAnswer = Type.Object({
  from: epochMs('Start of the range, as asked for'),
  to: epochMs('End of the range, as asked for'),
  arrived: Type.Array(
    Type.Object({
      id: textOrNull,
      t: epochMs('When it happened'),
      receivedMs: numberOrNull,
      name: Type.String({ description: 'Its metric.' }),
      value: numberOrNull,
      unit: textOrNull,
      outcome: Type.String({
        description:
          '`kept`, or why no rollup counts it: `bot`, `soft_navigation`, `negative`, `out_of_range`, `not_a_number`. Of repeated ones each is told, and one counts.',
      }),
      ...told,
    }),
    { maxItems: MAX_ARRIVED, description: 'Events of the range that are in the lake.' },
  ),
  refused: Type.Union([Type.Array(RefusedClient, { maxItems: MAX_ARRIVED }), Type.Null()], {
    description:
      'Whose requests the gateway refused as a whole since its start, the last first; those that name no app, to a token for all. Null where no gateway tells.',
  }),
  rejectedFields: Type.Array(RejectedField, {
    maxItems: MAX_ARRIVED,
    description: 'For which fields the gateway rejected events of the app since its start, the last first.',
  }),
  deadLetters: Type.Array(
    Type.Object({
      hourMs: epochMs('The hour in which it came'),
      object: Type.String({ description: 'The object of the lake that says so.' }),
      reason: Type.String({ description: 'Why it is no event, or why no sink takes it.' }),
      detail: Type.Optional(Type.String({ description: 'The same in words.' })),
      count: Type.Number({ description: 'Events, or lines.' }),
    }),
    {
      maxItems: MAX_ARRIVED,
      description:
        'What lies in `dead/`, the newest first. What is of no app that can be told, to a token for all.',
    },
  ),
  scanned,
  notices,
})

/** The same as a table: a line of all events, and behind it one of each group. Examples are no part of it. */
export function exploreTable({ unit, total, groups = [] }: ExploredEvents): string {
  const lineOf = (
    of: string,
    value: string | undefined,
    { n, nEff, rows, avg, min, max, q }: ExactSummary,
  ) => [...[of, value, unit, n, nEff, rows, avg, min, max], ...Object.values(q)]
  return csvOf([
    [
      'of',
      'value',
      'unit',
      'n',
      'nEff',
      'rows',
      'avg',
      'min',
      'max',
      ...Object.keys(total.q).map((q) => `q${q}`),
    ],
    lineOf('total', undefined, total),
    ...groups.map(({ value, ...summary }) => lineOf('group', value, summary)),
  ])
}
