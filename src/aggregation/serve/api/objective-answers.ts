import Type, { type Static } from 'typebox'
import { ALERT_STATES } from '../alerts/alert-state.ts'
import { MAX_OBJECTIVE_VALUES } from '../objectives/compute-objective.ts'
import type { AnswerText } from '../query-port.ts'
import { LOW_COUNT } from '../tally/tally.ts'
import { answeredRange, epochMs, notices, ofRows } from './answer-parts.ts'
import { type CsvCell, csvOf } from './csv.ts'

const burnOf = (range: string) =>
  Type.Union([Type.Number(), Type.Null()], {
    description: `The bad share of the last ${range} ÷ (1 − target): 1 uses the budget up exactly in the window. Null where nothing was measured.`,
  })

const left = {
  n: Type.Number({ description: 'Occurrences in the window: the sum of the weights.' }),
  share: Type.Union([Type.Number(), Type.Null()], {
    description: 'How much of them is at or below `at`. Null where nothing was measured.',
  }),
  budget: Type.Object({
    total: Type.Number({ description: 'How many may be bad: (1 − target) · n.' }),
    left: Type.Union([Type.Number(), Type.Null()], {
      description:
        'Which part of that is left: 1 − (1 − share) ÷ (1 − target). Below 0 the objective is missed; null where nothing was measured.',
    }),
  }),
  burn: Type.Object({ '1h': burnOf('hour'), '6h': burnOf('6 hours'), '3d': burnOf('3 days') }),
  lowCount: Type.Optional(
    Type.Literal(true, {
      description: `Fewer than ${LOW_COUNT} occurrences, or measured rows, as in a series.`,
    }),
  ),
}

const ObjectiveValue = Type.Object({ value: Type.String(), ...left })

/** Which measurements it is of. */
const watched = {
  id: Type.String(),
  app: Type.String(),
  metric: Type.String(),
  set: Type.String(),
  value: Type.Optional(Type.String({ description: 'The one that is looked at, where it is one of a set.' })),
}

/** One of which nothing can be told: why, in the place of the rest. */
const Unanswered = Type.Object({
  ...watched,
  problem: Type.Object(
    {
      type: Type.String(),
      title: Type.String(),
      status: Type.Integer(),
      detail: Type.String(),
      code: Type.String(),
    },
    { description: 'That it alone reads too much (`query_too_large`), as a problem document (RFC 9457).' },
  ),
})

const Alert = Type.Object({
  ...watched,
  when: Type.String({ description: 'What is looked for, as it is configured.' }),
  for: Type.String({ description: 'In how many of how many windows it must hold.' }),
  minCount: Type.Integer({ description: 'How many occurrences a window must have to be judged.' }),
  ...answeredRange,
  ...ofRows,
  state: Type.Enum([...ALERT_STATES], {
    description:
      '`firing`: it holds in as many of the newest windows as `for` says; `pending`: not yet, but in the newest; `unknown`: neither, and it would fire if those of them that are not known held; `resolved`: none of these, and it was firing within as many windows before; `ok`: all else.',
  }),
  windows: Type.Array(
    Type.Object({
      t: epochMs('Start of the window'),
      n: Type.Number({ description: 'Its occurrences: the sum of the weights.' }),
      values: Type.Array(Type.Number(), { description: 'What was compared, in the order of `when`.' }),
      holds: Type.Union([Type.Boolean(), Type.Null()], {
        description: 'Whether it holds. Null where too little was measured.',
      }),
    }),
    { description: 'The newest windows that have data, twice as many as `for` looks at, in time order.' },
  ),
})

export const AlertsAnswer = Type.Object({
  alerts: Type.Array(Type.Union([Alert, Unanswered]), { description: 'In the order of the configuration.' }),
  notices,
})

const Objective = Type.Object({
  ...watched,
  at: Type.Number({ description: 'The largest good value, in `unit`.' }),
  target: Type.Number({ description: 'The share that is to be good.' }),
  window: Type.String({ description: 'Of which time, such as 28d.' }),
  ...answeredRange,
  ...ofRows,
  ...left,
  values: Type.Optional(
    Type.Array(ObjectiveValue, {
      description: `Each value of the set by itself, those with most occurrences first: at most ${MAX_OBJECTIVE_VALUES}.`,
    }),
  ),
  found: Type.Optional(Type.Integer({ description: 'Values of the set in the window, before that limit.' })),
})
type Told = Static<typeof Objective>

export const ObjectivesAnswer = Type.Object({
  objectives: Type.Array(Type.Union([Objective, Unanswered]), {
    description: 'In the order of the configuration.',
  }),
  notices,
})
type ObjectivesAnswer = Static<typeof ObjectivesAnswer>
type Left = Pick<Told, keyof typeof left>

const NAMES = ['id', 'app', 'metric', 'set', 'value', 'unit', 'at', 'target', 'window', 'from', 'to'] as const
const NUMBERS = ['n', 'share', 'budget.total', 'budget.left', 'burn.1h', 'burn.6h', 'burn.3d', 'lowCount']
const OF_ROWS = ['completeness.windows', 'completeness.missing', 'completeness.partial', 'dataGen']

const numbersOf = ({ n, share, budget, burn, lowCount }: Left): readonly CsvCell[] => [
  ...[n, share, budget.total, budget.left],
  ...[burn['1h'], burn['6h'], burn['3d'], lowCount === true],
]

/** The same as a table: a line of each objective, and behind it one of each value that is told by itself. */
export function objectiveTable({ text }: AnswerText): AnswerText {
  // Ours, as it was just written.
  const { objectives, notices = [] } = JSON.parse(text) as ObjectivesAnswer
  const lines = objectives.flatMap((told) => {
    if ('problem' in told) return []
    const { windows, missing, partial } = told.completeness
    const lineOf = (of: Left, value: string | undefined) => [
      ...NAMES.map((name) => (name === 'value' ? value : told[name])),
      ...numbersOf(of),
      ...[windows, missing, partial, told.dataGen],
    ]
    return [lineOf(told, told.value), ...(told.values ?? []).map((each) => lineOf(each, each.value))]
  })
  const said = objectives.flatMap((told) => saidOf(told).map((notice) => `${told.id}: ${notice}`))
  return { text: csvOf([[...NAMES, ...NUMBERS, ...OF_ROWS], ...lines]), notices: [...notices, ...said] }
}

const saidOf = (told: ObjectivesAnswer['objectives'][number]): readonly string[] =>
  'problem' in told ? [told.problem.detail] : (told.notices ?? [])
