import Type from 'typebox'
import { readable } from '../../../http/schema-faults.ts'
import { INSTANT_FORM, isInstant, whyNoInstant } from '../../../std/input/instant.ts'
import { isTimeZone, zoneMeant } from '../../../std/input/time-zone.ts'
import { LONGEST_UNIT } from '../../rollup/model/units.ts'
import { MAX_QUANTILES, MAX_VALUES, parseQuantiles, parseStep, quantilesMeant } from '../parameters.ts'
import { UTC } from '../series.ts'

/** What the query of each route may hold; `form` and `example` are told whoever sent something else. */
export const strict = { additionalProperties: false }
export const text = (maxLength: number, form: string, told = {}) =>
  Type.String({ minLength: 1, maxLength, form, ...told })
export const app = text(64, 'the id of an app', { example: 'shop' })
export const metric = text(128, 'the name of a metric, of at most 128 characters', {
  example: 'browser.web_vital.lcp',
})
export const unit = Type.Optional(
  text(LONGEST_UNIT, 'a unit, as the answer names it', {
    example: 'ms',
    description:
      'Of what is counted in several. By default that of most rows; the others are in `otherUnits`.',
  }),
)
export const set = (names: readonly string[], told = {}) =>
  text(64, 'the name of a set of a rollup', { example: 'route', names, ...told })
/** Values may be empty texts, and joined from three dimensions, one of which may be a path. */
const value = Type.String({ maxLength: 4_096 })
export const values = Type.Union([value, Type.Array(value, { maxItems: MAX_VALUES })], {
  form: `a value of the set, or up to ${MAX_VALUES} of them, each of at most 4096 characters`,
  example: '/products/:id',
  description:
    'Value of the set, which must be named too; that of several dimensions is joined by ` | `, as in `/cart | US`. Repeat it to merge several.',
})
export const neededInstant = (description: string) =>
  readable(
    text(64, INSTANT_FORM, {
      description: `${description} Epoch ms, or ISO 8601 with a zone; a date alone is midnight UTC.`,
    }),
    isInstant,
    whyNoInstant,
  )
export const instant = (description: string) => Type.Optional(neededInstant(description))
export const QUANTILES_FORM = `up to ${MAX_QUANTILES} numbers above 0 and below 1 with commas between them`
export const q = readable(
  text(128, QUANTILES_FORM, {
    default: '0.75',
    example: '0.5,0.75',
    description: `Up to ${MAX_QUANTILES}, such as 0.5,0.75.`,
  }),
  (sent) => parseQuantiles(sent).length > 0,
  (sent) => `must be ${QUANTILES_FORM}, such as 0.5,0.75${quantilesMeant(sent)}`,
)
export const QUANTILE_FORM = 'a number above 0 and below 1'
export const oneQuantile = readable(
  text(8, QUANTILE_FORM, { default: '0.75', example: '0.75', description: 'Of which quantile.' }),
  (sent) => parseQuantiles(sent).length === 1,
  (sent) => `must be ${QUANTILE_FORM}, such as 0.75${quantilesMeant(sent, 1)}`,
)
export const step = (description: string) =>
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
export const tz = readable(
  text(64, 'an IANA time zone', {
    default: UTC,
    example: 'Europe/Berlin',
    description: 'IANA time zone by whose clock the days of step=1d begin; other steps begin by UTC.',
  }),
  isTimeZone,
  (sent) => `must be an IANA time zone, such as Europe/Berlin${zoneMeant(sent)}`,
)
export const rollup = Type.Optional(
  text(64, 'the id of a rollup', {
    example: 'default',
    description: 'By default the first that keeps the set.',
  }),
)
export const bots = Type.Optional(
  Type.Enum(['exclude', 'include'], {
    description:
      'Whether numbers are with those of declared bots: refused where no rollup is so. By default as the rollup is.',
  }),
)
export const range = {
  from: instant('Start; by default 24 hours before `to`.'),
  to: instant('End, not included; by default now.'),
}
