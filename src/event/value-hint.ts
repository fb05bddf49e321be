import type { Measurement } from './schema/event.ts'
import { isObject } from './schema/json-object.ts'
import type { Hint } from './time-hint.ts'
import { scales } from './values/unit.ts'

/**
 * Below so many milliseconds a web vital is hardly one, and as seconds it is an everyday one. Ours: pages that are there at
 * once have a TTFB of a few milliseconds, and browsers tell the duration of an event in steps of eight. CLS is no time.
 */
const LEAST_MS: ReadonlyMap<string, number> = new Map([
  ['browser.web_vital.lcp', 20],
  ['browser.web_vital.fcp', 20],
  ['browser.web_vital.inp', 8],
  ['browser.web_vital.ttfb', 1],
])

/**
 * Navigations to what is there already: painted at once, within a frame. As web-vitals calls them, with hyphens or
 * underscores.
 */
const AT_ONCE: ReadonlySet<unknown> = new Set(
  ['back-forward-cache', 'prerender', 'soft-navigation'].flatMap((type) => [type, type.replaceAll('-', '_')]),
)

/** Whether a value of a metric in ms was hardly meant so. */
export function looksLikeSeconds(metric: string, value: number): boolean {
  const leastMs = LEAST_MS.get(metric)
  return leastMs !== undefined && value > 0 && value < leastMs
}

/**
 * What a sender has to be told of a value that looks like seconds; a web vital of 0 may be one. Whoever sent another unit
 * of time said which, and is no longer seen to: the measurement is in ms.
 */
export function valueHint(measurement: Measurement, sent: unknown): Hint | undefined {
  const { name, value, unit = 'ms', navigation_type: navigation } = measurement
  if (unit !== 'ms' || !looksLikeSeconds(name, value)) return undefined
  if (AT_ONCE.has(navigation) || (isObject(sent) && scales.has(sent['unit']))) return undefined
  const own = measurement.unit === undefined ? 'counts as a mere number without a unit' : 'is in ms'
  return {
    fault: name,
    text: `value: ${name} ${own}, and this looks like seconds; did you mean "unit": "s"?`,
  }
}
