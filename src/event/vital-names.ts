import { nearestOf } from '../std/input/did-you-mean.ts'
import { lruCache } from '../std/lru.ts'
import { type HintedEvents, MOST_HINTED } from './hints.ts'

/** Names of which it is known what to say: most requests have the same. Ours. */
const MAX_KNOWN_NAMES = 512

/** Times in milliseconds; CLS is a score. FID ended with version 4. Any other name is a custom metric and kept as it is. */
export const vitalUnits: ReadonlyMap<unknown, string> = new Map([
  ['CLS', '1'],
  ['FCP', 'ms'],
  ['FID', 'ms'],
  ['INP', 'ms'],
  ['LCP', 'ms'],
  ['TTFB', 'ms'],
])

/** All names of the library have so many, or three. */
export const LONGEST_VITAL_CHARS = 4

const STORED = 'browser.web_vital.'
const NONE: readonly string[] = []

/** What a vital is stored as. */
export const storedVital = (vital: string): string => STORED + vital.toLowerCase()

/** What is to be told of events whose names are nearly those of web vitals: they are stored as they are. */
export function vitalNameHints({ accepted }: HintedEvents): readonly string[] {
  let hints: Set<string> | undefined
  for (let i = 0; i < accepted.length && i < MOST_HINTED; i++) {
    const event = accepted[i]
    const hint = event && hintOfEvent(event.measurement.name)
    if (!hint) continue
    hints ??= new Set()
    hints.add(hint)
  }
  return hints === undefined ? NONE : [...hints]
}

const hintOfEvent = rememberedHint((name) => {
  const vital = meantVital(name.startsWith(STORED) ? name.slice(STORED.length) : name)
  const stored = vital && storedVital(vital)
  return stored === undefined || name === stored
    ? ''
    : `name: did you mean "${stored}"? Only so it is a web vital.`
})

/** What is said of a name, empty where it is nothing: to compare one with those of all vitals costs as much as an event. */
export function rememberedHint(hintOf: (name: string) => string): (name: string) => string {
  const hints = lruCache<string>(MAX_KNOWN_NAMES)
  return (name) => {
    const known = hints.get(name)
    if (known !== undefined) return known
    const hint = hintOf(name)
    hints.set(name, hint)
    return hint
  }
}

const nearestVital = nearestOf(Array.from(vitalUnits.keys(), String))
/** A metric of others that is a slip away: First Meaningful Paint. */
const OF_OTHERS = 'FMP'

/** The web vital that somebody meant who wrote it in another case, or with a slip. */
export function meantVital(name: string): string | undefined {
  if (name.length > LONGEST_VITAL_CHARS + 1 || name.toUpperCase() === OF_OTHERS) return undefined
  return nearestVital(name)
}
