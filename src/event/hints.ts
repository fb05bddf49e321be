import { nearestOf } from '../std/input/did-you-mean.ts'
import { lruCache } from '../std/lru.ts'
import type { RefusalCode } from './ledger/ledger.ts'
import { columns, type Measurement } from './schema/event.ts'
import { isObject } from './schema/json-object.ts'
import { type Hint, timeHint } from './time-hint.ts'
import { readers } from './values/columns.ts'
import { likelyUnit } from './values/unit.ts'

/** A sender makes the same mistake in each event. Ours. */
const MAX_EVENTS = 8
/** Unknown names that are compared with ours: each costs as much as a small event, the first time. Ours. */
const MAX_NAMES = 3
/** Sentences that are told: enough to begin with. Ours. */
export const MAX_HINTS = 4
/** So that whoever sends fields of its own with each request costs a look-up. */
const MAX_KNOWN_NAMES = 512

/** What was found of the events of one request. */
export interface HintedEvents {
  readonly accepted: readonly { readonly measurement: Measurement }[]
  readonly refusals: readonly RefusalCode[]
  readonly ignored: number
}

interface Found {
  readonly candidates: readonly unknown[]
  readonly judged: HintedEvents
  /** What to do with a request that was meant for another route: of its fields nothing else is told. */
  readonly misrouted?: string | undefined
  /** The arrival that some events were given instead of their own time. */
  readonly insteadMs?: number | undefined
}

type Hints = (found: Found) => readonly string[]

const NONE: readonly string[] = []
/** That they are left out of what clients send is documented. */
const gatewayOwn: ReadonlySet<string> = new Set(columns.map(({ name }) => name))

/**
 * What a sender may have meant by a field that was left out, by a unit that is kept as it is and not converted, or by a time
 * that was replaced. Nothing is taken otherwise for it. Of fields it is asked where some were ignored, or one is missing.
 * It costs more than to judge the events: to be called where the sender will read it.
 */
export function createHints(nearestField = nearestOf(readers.keys())): Hints {
  const meantBy = lruCache<string>(MAX_KNOWN_NAMES)

  function meant(name: string): string {
    const known = meantBy.get(name)
    if (known !== undefined) return known
    const found = nearestField(name) ?? ''
    meantBy.set(name, found)
    return found
  }

  function ofFields({ candidates, judged }: Found): readonly string[] {
    if (judged.ignored === 0 && !judged.refusals.includes('missing_field')) return NONE
    return unknownNames(candidates).flatMap((name) => {
      const field = meant(name)
      return field === ''
        ? []
        : [`"${name}" is no field of an event and was left out; did you mean "${field}"?`]
    })
  }

  return (found) => {
    const { judged, misrouted, insteadMs } = found
    const fields = misrouted === undefined ? ofFields(found) : [misrouted]
    const units = ofEach(judged, ofUnit)
    const times = insteadMs === undefined ? NONE : ofEach(judged, (event) => ofTime(event, insteadMs))
    return fields.length + units.length + times.length === 0
      ? NONE
      : [...fields, ...units, ...times].slice(0, MAX_HINTS)
  }
}

/** Those of the first events, without what only the gateway sets. */
function unknownNames(candidates: readonly unknown[]): readonly string[] {
  const names = new Set<string>()
  for (const candidate of candidates.slice(0, MAX_EVENTS).filter(isObject)) {
    for (const name in candidate) {
      if (readers.has(name) || gatewayOwn.has(name)) continue
      names.add(name)
      if (names.size === MAX_NAMES) return [...names]
    }
  }
  return [...names]
}

/** What the first events that were accepted have to be told, each fault once. */
function ofEach(
  { accepted }: HintedEvents,
  hintOf: (measurement: Measurement) => Hint | undefined,
): readonly string[] {
  const hints = new Map<string, string>()
  for (let i = 0; i < accepted.length && i < MAX_EVENTS; i++) {
    const event = accepted[i]
    const hint = event && hintOf(event.measurement)
    if (hint !== undefined && !hints.has(hint.fault)) hints.set(hint.fault, hint.text)
  }
  return [...hints.values()]
}

function ofUnit({ unit }: Measurement): Hint | undefined {
  const meant = unit === undefined ? undefined : likelyUnit(unit)
  if (unit === undefined || meant === undefined) return undefined
  return { fault: unit, text: `unit: "${unit}" is kept as it is and not converted; did you mean "${meant}"?` }
}

const ofTime = ({ event_time: time }: Measurement, insteadMs: number): Hint | undefined =>
  time === undefined ? undefined : timeHint(time, insteadMs)
