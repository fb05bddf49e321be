/** Up to which value a measurement is good, and above which it is poor; between them it needs improvement. */
export interface Thresholds {
  readonly good: number
  readonly poor: number
}

export interface MetricThresholds extends Thresholds {
  /** The unit that they are in. Left out: that of most rows. */
  readonly unit?: string
}

export type ThresholdsByMetric = ReadonlyMap<string, MetricThresholds>

/** https://web.dev/articles/vitals */
export const WEB_VITAL_THRESHOLDS: ThresholdsByMetric = new Map([
  ['browser.web_vital.lcp', { unit: 'ms', good: 2_500, poor: 4_000 }],
  ['browser.web_vital.inp', { unit: 'ms', good: 200, poor: 500 }],
  ['browser.web_vital.cls', { unit: '1', good: 0.1, poor: 0.25 }],
  ['browser.web_vital.fcp', { unit: 'ms', good: 1_800, poor: 3_000 }],
  ['browser.web_vital.ttfb', { unit: 'ms', good: 800, poor: 1_800 }],
])

/** Those of web vitals, and those that are configured, which go first. */
export const thresholdsOf = (
  configured: readonly (Thresholds & { readonly metric: string })[],
): ThresholdsByMetric =>
  new Map([
    ...WEB_VITAL_THRESHOLDS,
    ...configured.map(({ metric, good, poor }) => [metric, { good, poor }] as const),
  ])

/** Those of a metric, where the numbers are in the unit that they are in; `most`: the one of most rows, if there are any. */
export function thresholdsIn(
  found: MetricThresholds | undefined,
  unit: string,
  most: string | undefined,
): Thresholds | undefined {
  const isTheirs = most === undefined || unit === (found?.unit ?? most)
  return found && isTheirs ? { good: found.good, poor: found.poor } : undefined
}
