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
const storedNames: ReadonlySet<string> = new Set(
  Array.from(vitalUnits.keys(), (vital) => storedVital(String(vital))),
)

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

function hintOfEvent(name: string): string {
  if (storedNames.has(name)) return ''
  const vital = meantVital(name.startsWith(STORED) ? name.slice(STORED.length) : name)
  return vital === undefined ? '' : `name: did you mean "${storedVital(vital)}"? Only so it is a web vital.`
}

const nearestVital = nearestOf(Array.from(vitalUnits.keys(), String))
/** What was meant by short names, as to compare one with those of all vitals costs as much as an event. */
const meantBy = lruCache<string>(MAX_KNOWN_NAMES)
/** A metric of others that is a slip away: First Meaningful Paint. */
const OF_OTHERS = 'FMP'

/** The web vital that somebody meant who wrote it in another case, or with a slip. */
export function meantVital(name: string): string | undefined {
  // Before anything is remembered: a client's name may have megabytes.
  if (name.length > LONGEST_VITAL_CHARS + 1 || name.toUpperCase() === OF_OTHERS) return undefined
  const known = meantBy.get(name)
  if (known !== undefined) return known === '' ? undefined : known
  const vital = nearestVital(name)
  meantBy.set(name, vital ?? '')
  return vital
}
