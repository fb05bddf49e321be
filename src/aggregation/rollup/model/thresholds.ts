/** Up to which value a measurement is good, and above which it is poor; between them it needs improvement. */
export interface Thresholds {
  readonly good: number
  readonly poor: number
}

export type ThresholdsByMetric = ReadonlyMap<string, Thresholds>

/** In the units of the metrics. https://web.dev/articles/vitals */
export const WEB_VITAL_THRESHOLDS: ThresholdsByMetric = new Map([
  ['browser.web_vital.lcp', { good: 2_500, poor: 4_000 }],
  ['browser.web_vital.inp', { good: 200, poor: 500 }],
  ['browser.web_vital.cls', { good: 0.1, poor: 0.25 }],
  ['browser.web_vital.fcp', { good: 1_800, poor: 3_000 }],
  ['browser.web_vital.ttfb', { good: 800, poor: 1_800 }],
])

/** Those of web vitals, and those that are configured, which go first. */
export const thresholdsOf = (
  configured: readonly (Thresholds & { readonly metric: string })[],
): ThresholdsByMetric =>
  new Map([
    ...WEB_VITAL_THRESHOLDS,
    ...configured.map(({ metric, good, poor }) => [metric, { good, poor }] as const),
  ])
