import { type HintedEvents, MOST_HINTED } from '../../../event/hints.ts'
import { setByGateway } from '../../../event/left-out.ts'
import { isObject, type JsonObject } from '../../../event/schema/json-object.ts'
import { readers } from '../../../event/values/columns.ts'
import { columnCalled, meantColumn } from '../../../event/values/other-names.ts'
import { likelyUnits, meantUnit, scales } from '../../../event/values/unit.ts'
import { nearestOf } from '../../../std/input/did-you-mean.ts'
import { lruCache } from '../../../std/lru.ts'
import { LONGEST_VITAL_CHARS, ofLibrary, vitalUnits } from './web-vitals.ts'

/** Fields of a metric that are looked at. Ours. */
const MAX_FIELDS = 32
/** Names of which it is known what to say: most requests have the same. Ours. */
const MAX_KNOWN_NAMES = 512

/**
 * What the sender of metrics of web-vitals has to be told of what became of them: a name or a unit that is not the
 * library's, and additions that were hardly meant to be attributes.
 */
export function vitalHints(sent: readonly unknown[]): readonly string[] {
  const metrics = sent.slice(0, MOST_HINTED).filter(isObject)
  const hints = metrics.flatMap((metric) => [...ofName(metric), ...ofUnit(metric), ...ofAdditions(metric)])
  return [...new Set(hints)]
}

function ofName({ name }: JsonObject): readonly string[] {
  if (typeof name !== 'string' || vitalUnits.has(name)) return []
  const hint = hintOfMetric(name)
  return hint === '' ? [] : [hint]
}

const STORED = 'browser.web_vital.'
const NONE: readonly string[] = []

/** The same of events, whose names are stored as they are. */
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

const hintOfMetric = remembered((name) => {
  const vital = meantVital(name)
  return vital === undefined
    ? ''
    : `name: did you mean "${vital}"? Only so it becomes ${STORED}${vital.toLowerCase()}.`
})

const hintOfEvent = remembered((name) => {
  const vital = meantVital(name.startsWith(STORED) ? name.slice(STORED.length) : name)
  const stored = vital && STORED + vital.toLowerCase()
  return stored === undefined || name === stored
    ? ''
    : `name: did you mean "${stored}"? Only so it is a web vital.`
})

/** What is said of a name, empty where it is nothing: to compare one with those of all vitals costs as much as an event. */
function remembered(hintOf: (name: string) => string): (name: string) => string {
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
function meantVital(name: string): string | undefined {
  if (name.length > LONGEST_VITAL_CHARS + 1 || name.toUpperCase() === OF_OTHERS) return undefined
  return nearestVital(name)
}

/** One that says another quantity than the library's is not believed. */
function ofUnit({ name, unit }: JsonObject): readonly string[] {
  const own = vitalUnits.get(name)
  if (own === undefined || typeof unit !== 'string' || unit === '' || unit === own) return []
  if (scales.get(unit)?.unit === own) return []
  const likely = likelyUnits(unit)
  const question = likely.includes(own) ? '' : meantUnit(likely)
  return [`unit: ${name} is in ${own}, and was taken so whatever its unit says${question}`]
}

function ofAdditions(metric: JsonObject): readonly string[] {
  const names = Object.keys(metric).slice(0, MAX_FIELDS)
  return names.flatMap((name) => {
    if (ofLibrary.has(name) || readers.has(name)) return []
    const column = columnCalled(name)
    const isMeant = column !== undefined && metric[column] === undefined
    const told = isMeant ? meantColumn(column) : setByGateway(name)
    const became = typeof metric[name] === 'object' ? 'left out' : 'kept as an attribute'
    return told === undefined ? [] : [`"${name}" was ${became}; ${told}`]
  })
}
