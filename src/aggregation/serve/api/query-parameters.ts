import Type, { type Static } from 'typebox'
import { readable } from '../../../http/schema-faults.ts'
import { HISTOGRAM_FORMATS } from '../histogram.ts'
import { MAX_CHANGED_SETS, parseSets } from '../parameters.ts'
import { MAX_RELEASES } from '../releases.ts'
import { MAX_BATCHED } from './batch.ts'
import {
  app,
  bots,
  metric,
  neededInstant,
  oneQuantile,
  q,
  range,
  rollup,
  set,
  step,
  strict,
  text,
  tz,
  unit,
  values,
} from './parameter-forms.ts'

/** Longest query of a batch: a URL of twenty values of 400 characters. Ours. */
export const MAX_URL_CHARS = 8_192

/** What is asked for of one metric over time; `aboutStep` is what a step makes of the answer. */
const overTime = (sets: readonly string[], aboutStep: string) => ({
  app,
  metric,
  unit,
  set: set(sets, { default: 'app' }),
  value: Type.Optional(values),
  ...range,
  step: step(aboutStep),
  tz,
})

/** `sets` are the names of those that the rollups have: whoever mistypes one, or puts it elsewhere, is told. */
export const seriesParameters = (sets: readonly string[]) =>
  Type.Object(
    {
      ...overTime(sets, 'By default the finest that the grain has and a chart of the range has room for.'),
      q,
      rollup,
      bots,
    },
    strict,
  )
export type SeriesParameters = Static<ReturnType<typeof seriesParameters>>

export const histogramParameters = (sets: readonly string[]) =>
  Type.Object(
    {
      ...overTime(sets, 'A histogram for each, which makes a heat map. Left out: one of the whole range.'),
      format: Type.Enum([...HISTOGRAM_FORMATS], {
        default: 'json',
        description:
          'Of the one histogram: `otel` is a data point of an OpenTelemetry exponential histogram, `prometheus` a native histogram, both as JSON of their protobuf.',
      }),
      rollup,
      bots,
    },
    strict,
  )
export type HistogramParameters = Static<ReturnType<typeof histogramParameters>>

export const topParameters = (sets: readonly string[]) =>
  Type.Object(
    {
      app,
      metric,
      unit,
      set: set(sets),
      ...range,
      q,
      by: Type.Enum(['q', 'n'], { default: 'q', description: 'The first of the quantiles, or the count.' }),
      limit: Type.String({
        pattern: '^([1-9]\\d?|100)$',
        form: 'a whole number from 1 to 100',
        default: '20',
        example: '20',
        description: '1 to 100.',
      }),
      minN: Type.String({
        pattern: '^\\d{1,9}$',
        form: 'a whole number of at most nine digits',
        default: '0',
        example: '100',
        description: 'Least count of a ranked value; 0 leaves none out.',
      }),
      rollup,
      bots,
    },
    strict,
  )
export type TopParameters = Static<ReturnType<typeof topParameters>>

const startOf = (period: string) => neededInstant(`Start of ${period}.`)
const endOf = (period: string) => neededInstant(`End of ${period}, not included.`)
const ASKED_ABOUT = 'the range that is asked about'
const BASE = 'its base'

export const compareParameters = (sets: readonly string[]) =>
  Type.Object(
    {
      app,
      metric,
      unit,
      'a.from': startOf(ASKED_ABOUT),
      'a.to': endOf(ASKED_ABOUT),
      'a.set': set(sets, { default: 'app' }),
      'a.value': Type.Optional(values),
      'b.from': startOf(BASE),
      'b.to': endOf(BASE),
      'b.set': set(sets, { default: 'app' }),
      'b.value': Type.Optional(values),
      q: oneQuantile,
      at: Type.Optional(
        Type.String({
          pattern: '^\\d{1,12}(\\.\\d{1,6})?$',
          form: 'a number of at most twelve digits, and six behind the point',
          example: '2500',
          description:
            'Shares of the values at or below it are compared, too. By default the good threshold of the metric, where it has one.',
        }),
      ),
      sequential: Type.Enum(['true', 'false'], {
        default: 'false',
        description:
          'For who asks again and again while more is measured: `true` makes each answer as sure as if it were the only one.',
      }),
      rollup,
      bots,
    },
    strict,
  )
export type CompareParameters = Static<ReturnType<typeof compareParameters>>

const SETS_FORM = `up to ${MAX_CHANGED_SETS} names of sets with commas between them`

export const ChangesParameters = Type.Object(
  {
    app,
    metric,
    unit,
    from: startOf(ASKED_ABOUT),
    to: endOf(ASKED_ABOUT),
    'base.from': startOf(BASE),
    'base.to': endOf(BASE),
    q: oneQuantile,
    sets: Type.Optional(
      readable(
        text(1_024, SETS_FORM, {
          example: 'route,country',
          description: 'By which sets the change is split. By default by all that have dimensions.',
        }),
        (sent) => parseSets(sent).length > 0,
      ),
    ),
    rollup,
    bots,
  },
  strict,
)
export type ChangesParameters = Static<typeof ChangesParameters>

export const releasesParameters = (sets: readonly string[]) =>
  Type.Object(
    {
      app,
      metric: Type.Optional(
        text(128, 'the name of a metric, of at most 128 characters', {
          example: 'browser.web_vital.lcp',
          description: 'Whose rows are looked at. By default that of most rows.',
        }),
      ),
      unit,
      set: set(sets, {
        default: 'release',
        description: 'That of `app_version`, or another whose values appear.',
      }),
      ...range,
      limit: Type.String({
        pattern: '^([1-9]\\d?|[1-4]\\d\\d|500)$',
        form: `a whole number from 1 to ${MAX_RELEASES}`,
        default: '100',
        example: '100',
        description: `1 to ${MAX_RELEASES}: those that appeared last.`,
      }),
      rollup,
      bots,
    },
    strict,
  )
export type ReleasesParameters = Static<ReturnType<typeof releasesParameters>>

/** Which of what is configured: all, those of an app, or one. */
const configured = (form: string, example: string) =>
  Type.Object(
    {
      app: Type.Optional(app),
      id: Type.Optional(text(64, form, { example, description: 'Only this one. By default all.' })),
    },
    strict,
  )
export const ObjectivesParameters = configured('the id of an objective', 'checkout')
export const AlertsParameters = configured('the id of an alert', 'slow-checkout')
export type ConfiguredParameters = Static<typeof ObjectivesParameters>

export const MetricsParameters = Type.Object({ app, unit, ...range, rollup, bots }, strict)
export type MetricsParameters = Static<typeof MetricsParameters>

/** The body of a batch. Each of its queries is judged when it is its turn. */
export const BatchParameters = Type.Object(
  {
    queries: Type.Array(
      text(MAX_URL_CHARS, 'the path of a query with its parameters', {
        example: '/query/metrics?app=shop',
      }),
      {
        minItems: 1,
        maxItems: MAX_BATCHED,
        form: `a list of up to ${MAX_BATCHED} queries`,
        description: 'Path and parameters of each, as for GET.',
        example: ['/query/metrics?app=shop'],
      },
    ),
  },
  { ...strict, form: 'a JSON object', example: { queries: ['/query/metrics?app=shop'] } },
)
export type BatchParameters = Static<typeof BatchParameters>
