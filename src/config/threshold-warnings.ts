import { ofTheSame } from '../event/schema/dimension-sets.ts'
import { looksLikeSeconds } from '../event/value-hint.ts'
import { likelyUnits, meantUnit, scales } from '../event/values/unit.ts'
import { type Criterion, readCondition } from '../std/input/condition.ts'
import { type ConfigFault, faultIf } from './faults.ts'
import type { Config } from './schema/config-schema.ts'

/** A web vital, as its library calls it or nearly as it is stored, in whatever case. */
const VITAL = /^(?:browser[._-])?(?:web[._-]?vitals?[._-])?(lcp|inp|cls|fcp|ttfb|fid)$/i

const MS_A_SECOND = 1_000

/** A value in the unit of its metric, and how the same is written in ms where it was meant in seconds. */
interface Compared {
  readonly value: number
  readonly asMs: (ms: number) => string
}

/** Thresholds that can hardly be meant: of a metric that is stored under another name, in another unit, or beyond all values. */
export const thresholdWarnings = ({ aggregation }: Config): ConfigFault[] => [
  ...aggregation.thresholds.flatMap(({ metric, good, poor }, i) =>
    warningsOf(`aggregation.thresholds.${i}`, metric, [keyed('good', good), keyed('poor', poor)]),
  ),
  ...aggregation.objectives.flatMap(({ metric, at, unit = 'ms' }, i) => [
    ...unitWarnings(unit, `aggregation.objectives.${i}.unit`),
    ...warningsOf(`aggregation.objectives.${i}`, metric, unit === 'ms' ? [keyed('at', at)] : []),
  ]),
  ...aggregation.alerts.flatMap((alert, i) => alertWarnings(alert, aggregation, `aggregation.alerts.${i}`)),
]

const keyed = (key: string, value: number): Compared => ({ value, asMs: (ms) => `${key}: ${ms}` })

function alertWarnings(
  alert: Config['aggregation']['alerts'][number],
  { objectives }: Config['aggregation'],
  path: string,
): ConfigFault[] {
  const { metric, unit = 'ms', when } = alert
  const { criteria } = readCondition(when)
  const inMs = unit === 'ms' ? criteria.flatMap(comparedIn) : []
  const doubtful = inMs.filter(({ value }) => looksLikeSeconds(storedAs(metric), value))
  const share = ofTheSame(objectives, alert)[0]?.share
  return [
    ...unitWarnings(unit, `${path}.unit`),
    ...warningsOf(path, metric, doubtful),
    ...faultIf(
      criteria.some((criterion) => neverHolds(criterion, share)),
      `${path}.when`,
      'never holds: no value is below 0, no share above 1, and no burn above 1 ÷ (1 − share) of its objective',
    ),
  ]
}

/** The value in the unit of the metric that a criterion has: a share and a burn are numbers without one. */
function comparedIn(criterion: Criterion): readonly Compared[] {
  if (criterion.of === 'burn') return []
  if (criterion.of === 'share') return [{ value: criterion.at, asMs: (ms) => `share(${ms})` }]
  const { q, isAbove, limit } = criterion
  const left = `p${Number((100 * q).toFixed(4))} ${isAbove ? '>' : '<'}`
  return [{ value: limit, asMs: (ms) => `${left} ${ms}` }]
}

function neverHolds({ of, isAbove, limit }: Criterion, share: number | undefined): boolean {
  if (!isAbove) return limit === 0
  if (of === 'share') return limit === 1
  return of === 'burn' && share !== undefined && limit >= 1 / (1 - share)
}

/** A unit that stays as it is sent, and is hardly one: those that may be meant are stored as these. */
function unitWarnings(unit: string, path: string): ConfigFault[] {
  const stored = likelyUnits(unit).map((likely) => scales.get(likely)?.unit ?? likely)
  const question = meantUnit([...new Set(stored)])
  return faultIf(question !== '', path, `"${unit}" is of values that were sent so alone${question}`)
}

function warningsOf(path: string, metric: string, compared: readonly Compared[]): ConfigFault[] {
  const stored = storedAs(metric)
  const inMs = compared.map(({ value, asMs }) => asMs(Number((value * MS_A_SECOND).toPrecision(12))))
  return [
    ...faultIf(
      stored !== metric,
      `${path}.metric`,
      `is no name that the web vital is stored under; did you mean "${stored}"?`,
    ),
    ...faultIf(
      compared.some(({ value }) => looksLikeSeconds(stored, value)),
      path,
      `${stored} is in ms, and ${inMs.length > 1 ? 'these look' : 'this looks'} like seconds; did you mean ${inMs.join(', ')}?`,
    ),
  ]
}

function storedAs(metric: string): string {
  const vital = VITAL.exec(metric)?.[1]
  return vital === undefined ? metric : `browser.web_vital.${vital.toLowerCase()}`
}
