import type { RejectionCode } from './ledger/ledger.ts'
import { createLeftOut, leftOutNumbers, leftOutOfAttributes, leftOutOfGateway } from './left-out.ts'
import type { Measurement } from './schema/event.ts'
import { isObject } from './schema/json-object.ts'
import { type Hint, timeHint } from './time-hint.ts'
import { looksLikeSeconds, valueHint } from './value-hint.ts'
import { likelyUnits, meantUnit, unitsNamed } from './values/unit.ts'

/** A sender makes the same mistake in each event. Ours. */
export const MOST_HINTED = 8
/** Sentences that are told: enough to begin with. Ours. */
export const MAX_HINTS = 8
/** One that is whole, for whoever left out what each needs. */
export const EXAMPLE =
  'An event is { "name": "checkout.duration", "value": 187, "unit": "ms" }, alone, in a list or one a line.'

/** What was found of the events of one request. */
export interface HintedEvents {
  /** Each with its place among the candidates. */
  readonly accepted: readonly { readonly measurement: Measurement; readonly index: number }[]
  readonly codes: readonly RejectionCode[]
  readonly ignored: number
}

interface Found {
  readonly candidates: readonly unknown[]
  /** What was said for all of them. What is left out of it is not counted. */
  readonly context?: unknown
  readonly judged: HintedEvents
  /** What to do with a request that was meant for another route: of its fields nothing else is told. */
  readonly misrouted?: string | undefined
  /** The arrival that some events were given instead of their own time. */
  readonly insteadMs?: number | undefined
}

type Hints = (found: Found) => readonly string[]

const NONE: readonly string[] = []

/**
 * What a sender may have meant by a field that was left out, by a unit that is kept as it is and not converted, or that
 * only the name tells, by a value that looks like one of another unit, or by a time that was replaced. Nothing is taken otherwise for it. Of fields
 * it is asked where some were ignored, or one is missing. It costs more than to judge the events: to be called where the
 * sender will read it.
 */
export function createHints(leftOut = createLeftOut()): Hints {
  function ofFields({ candidates, context, judged }: Found): readonly string[] {
    const isMissing = judged.codes.includes('missing_field')
    if (judged.ignored === 0 && !isMissing && context === undefined) return NONE
    const example = isMissing && judged.accepted.length === 0 ? [EXAMPLE] : NONE
    const events = judged.ignored > 0 || isMissing ? candidates.slice(0, MOST_HINTED) : NONE
    const said = [...events, context].filter(isObject)
    const lists = [
      leftOut(said),
      leftOutOfGateway(said),
      leftOutOfAttributes(said),
      leftOutNumbers(said),
      example,
    ]
    return lists.flat()
  }

  return (found) => {
    const { candidates, judged, misrouted, insteadMs } = found
    const routes = misrouted === undefined ? NONE : [misrouted]
    const fields = misrouted === undefined ? ofFields(found) : NONE
    const units = ofEach(judged, ofUnit)
    const values = ofEach(judged, (event, index) => valueHint(event, candidates[index]))
    const times = insteadMs === undefined ? NONE : ofEach(judged, (event) => ofTime(event, insteadMs))
    return someOf([routes, units, values, times, fields])
  }
}

/** As many as are told. Mostly there are none, and nothing is made for them. */
export const someOf = (lists: readonly (readonly string[])[]): readonly string[] =>
  lists.every(({ length }) => length === 0) ? NONE : lists.flat().slice(0, MAX_HINTS)

/** What the first events that were accepted have to be told, each fault once. */
function ofEach(
  { accepted }: HintedEvents,
  hintOf: (measurement: Measurement, index: number) => Hint | undefined,
): readonly string[] {
  let hints: Map<string, string> | undefined
  for (let i = 0; i < accepted.length && i < MOST_HINTED; i++) {
    const event = accepted[i]
    const hint = event && hintOf(event.measurement, event.index)
    if (hint === undefined) continue
    hints ??= new Map()
    if (!hints.has(hint.fault)) hints.set(hint.fault, hint.text)
  }
  return hints === undefined ? NONE : [...hints.values()]
}

function ofUnit({ name, value, unit }: Measurement): Hint | undefined {
  // Its value says another unit than its name: that is told.
  if (unit === undefined && looksLikeSeconds(name, value)) return undefined
  const question = meantUnit(unit === undefined ? unitsNamed(name) : likelyUnits(unit))
  if (question === '') return undefined
  const what =
    unit === undefined
      ? 'none was sent, and the values count as mere numbers'
      : `"${unit}" is kept as it is and not converted`
  return { fault: unit ?? question, text: `unit: ${what}${question}` }
}

const ofTime = ({ event_time: time }: Measurement, insteadMs: number): Hint | undefined =>
  time === undefined ? undefined : timeHint(time, insteadMs)
