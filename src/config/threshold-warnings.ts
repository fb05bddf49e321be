import { looksLikeSeconds } from '../event/value-hint.ts'
import type { ConfigFault } from './faults.ts'
import type { Config } from './schema/config-schema.ts'

/** A web vital, as its library calls it or nearly as it is stored, in whatever case. */
const VITAL = /^(?:browser[._-])?(?:web[._-]?vitals?[._-])?(lcp|inp|cls|fcp|ttfb|fid)$/i

const MS_A_SECOND = 1_000

/** Thresholds that can hardly be meant: of a metric that is stored under another name, or in another unit. */
export const thresholdWarnings = ({ aggregation }: Config): ConfigFault[] => [
  ...aggregation.thresholds.flatMap(({ metric, good, poor }, i) =>
    warningsOf(`aggregation.thresholds.${i}`, metric, { good, poor }),
  ),
  ...aggregation.objectives.flatMap(({ metric, at, unit = 'ms' }, i) =>
    warningsOf(`aggregation.objectives.${i}`, metric, unit === 'ms' ? { at } : {}),
  ),
  ...aggregation.alerts.flatMap(({ metric }, i) => warningsOf(`aggregation.alerts.${i}`, metric, {})),
]

function warningsOf(path: string, metric: string, values: Readonly<Record<string, number>>): ConfigFault[] {
  const stored = storedAs(metric)
  const inMs = Object.entries(values).map(
    ([name, seconds]) => `${name}: ${Number((seconds * MS_A_SECOND).toPrecision(12))}`,
  )
  return [
    ...(stored === metric
      ? []
      : [
          {
            path: `${path}.metric`,
            message: `is no name that the web vital is stored under; did you mean "${stored}"?`,
          },
        ]),
    ...(Object.values(values).some((value) => looksLikeSeconds(stored, value))
      ? [
          {
            path,
            message: `${stored} is in ms, and ${inMs.length > 1 ? 'these look' : 'this looks'} like seconds; did you mean ${inMs.join(', ')}?`,
          },
        ]
      : []),
  ]
}

function storedAs(metric: string): string {
  const vital = VITAL.exec(metric)?.[1]
  return vital === undefined ? metric : `browser.web_vital.${vital.toLowerCase()}`
}
