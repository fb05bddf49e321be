import Type, { type Static } from 'typebox'
import { readable } from '../../../http/schema-faults.ts'
import { INSTANT_FORM, isInstant, whyNoInstant } from '../../../std/input/instant.ts'
import { isTimeZone, zoneMeant } from '../../../std/input/time-zone.ts'
import { LONGEST_UNIT } from '../../rollup/model/units.ts'
import { HISTOGRAM_FORMATS } from '../histogram.ts'
import {
  MAX_CHANGED_SETS,
  MAX_QUANTILES,
  MAX_VALUES,
  parseQuantiles,
  parseSets,
  parseStep,
  quantilesMeant,
} from './parameters.ts'
import { UTC } from '../series.ts'

/** What the query of each route may hold; `form` and `example` are told whoever sent something else. */
const strict = { additionalProperties: false }
const text = (maxLength: number, form: string, told = {}) =>
  Type.String({ minLength: 1, maxLength, form, ...told })
const app = text(64, 'the id of an app', { example: 'shop' })
const metric = text(128, 'the name of a metric, of at most 128 characters', {
  example: 'browser.web_vital.lcp',
})
const unit = Type.Optional(
  text(LONGEST_UNIT, 'a unit, as the answer names it', {
    example: 'ms',
    description:
      'Of what is counted in several. By default that of most rows; the others are in `otherUnits`.',
  }),
)
const set = (names: readonly string[], told = {}) =>
  text(64, 'the name of a set of a rollup', { example: 'route', names, ...told })
/** Values may be empty texts, and joined from three dimensions, one of which may be a path. */
const value = Type.String({ maxLength: 4_096 })
const values = Type.Union([value, Type.Array(value, { maxItems: MAX_VALUES })], {
  form: `a value of the set, or up to ${MAX_VALUES} of them, each of at most 4096 characters`,
  example: '/products/:id',
  description:
    'Value of the set, which must be named too; that of several dimensions is joined by ` | `, as in `/cart | US`. Repeat it to merge several.',
})
const neededInstant = (description: string) =>
  readable(
    text(64, INSTANT_FORM, {
      description: `${description} Epoch ms, or ISO 8601 with a zone; a date alone is midnight UTC.`,
    }),
    isInstant,
    whyNoInstant,
  )
const instant = (description: string) => Type.Optional(neededInstant(description))
const QUANTILES_FORM = `up to ${MAX_QUANTILES} numbers above 0 and below 1 with commas between them`
const q = readable(
  text(128, QUANTILES_FORM, {
    default: '0.75',
    example: '0.5,0.75',
    description: `Up to ${MAX_QUANTILES}, such as 0.5,0.75.`,
  }),
  (sent) => parseQuantiles(sent).length > 0,
  (sent) => `must be ${QUANTILES_FORM}, such as 0.5,0.75${quantilesMeant(sent)}`,
)
const QUANTILE_FORM = 'a number above 0 and below 1'
const oneQuantile = readable(
  text(8, QUANTILE_FORM, { default: '0.75', example: '0.75', description: 'Of which quantile.' }),
  (sent) => parseQuantiles(sent).length === 1,
  (sent) => `must be ${QUANTILE_FORM}, such as 0.75${quantilesMeant(sent, 1)}`,
)
const step = (description: string) =>
  Type.Optional(
    readable(
      text(8, '1m to 24h, or 1d for local days', {
        example: '15m',
        description: `15m, 1h, … or 1d for local days. ${description}`,
      }),
      (sent) => !Number.isNaN(parseStep(sent)),
    ),
  )
// Whatever the step: a zone that is none is a slip, and not only on the day when it is used.
const tz = readable(
  text(64, 'an IANA time zone', {
    default: UTC,
    example: 'Europe/Berlin',
    description: 'IANA time zone by whose clock the days of step=1d begin; other steps begin by UTC.',
  }),
  isTimeZone,
  (sent) => `must be an IANA time zone, such as Europe/Berlin${zoneMeant(sent)}`,
)
const rollup = Type.Optional(
  text(64, 'the id of a rollup', {
    example: 'default',
    description: 'By default the first that keeps the set.',
  }),
)
const bots = Type.Optional(
  Type.Enum(['exclude', 'include'], {
    description:
      'Whether numbers are with those of declared bots: refused where no rollup is so. By default as the rollup is.',
  }),
)
const range = {
  from: instant('Start; by default 24 hours before `to`.'),
  to: instant('End, not included; by default now.'),
}

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

export const MetricsParameters = Type.Object({ app, unit, ...range, rollup, bots }, strict)
export type MetricsParameters = Static<typeof MetricsParameters>
