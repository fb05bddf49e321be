import type { Measurement } from './schema/event.ts'
import type { Hint } from './time-hint.ts'

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

/** What a sender has to be told of a value that looks like seconds; a web vital of 0 may be one. */
export function valueHint({ name, value, unit = 'ms' }: Measurement): Hint | undefined {
  const leastMs = LEAST_MS.get(name)
  if (leastMs === undefined || unit !== 'ms' || value <= 0 || value >= leastMs) return undefined
  return {
    fault: name,
    text: `value: ${name} is in ms, and this looks like seconds; did you mean "unit": "s"?`,
  }
}
