import { nearestOf } from '../std/input/did-you-mean.ts'
import { lruCache } from '../std/lru.ts'
import type { RefusalCode } from './ledger/ledger.ts'
import { columns, type Measurement } from './schema/event.ts'
import { isObject } from './schema/json-object.ts'
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
interface Judgement {
  readonly accepted: readonly { readonly measurement: Measurement }[]
  readonly refusals: readonly RefusalCode[]
  readonly ignored: number
}

type Hints = (candidates: readonly unknown[], judged: Judgement) => readonly string[]

const NONE: readonly string[] = []
/** That they are left out of what clients send is documented. */
const gatewayOwn: ReadonlySet<string> = new Set(columns.map(({ name }) => name))

/**
 * What a sender may have meant by a field that was left out, or by a unit that is kept as it is and not converted. Nothing
 * is taken otherwise for it. Of fields it is asked where some were ignored, or one is missing.
 */
export function createHints(): Hints {
  const nearestField = nearestOf(readers.keys())
  const meantBy = lruCache<string>(MAX_KNOWN_NAMES)

  function meant(name: string): string {
    const known = meantBy.get(name)
    if (known !== undefined) return known
    const found = nearestField(name) ?? ''
    meantBy.set(name, found)
    return found
  }

  function ofFields(candidates: readonly unknown[]): string[] {
    return unknownNames(candidates).flatMap((name) => {
      const field = meant(name)
      return field === ''
        ? []
        : [`"${name}" is no field of an event and was left out; did you mean "${field}"?`]
    })
  }

  return (candidates, judged) => {
    const units = ofUnits(judged)
    const isWhole = judged.ignored === 0 && !judged.refusals.includes('missing_field')
    if (isWhole && units.length === 0) return NONE
    return [...(isWhole ? [] : ofFields(candidates)), ...units].slice(0, MAX_HINTS)
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

function ofUnits({ accepted }: Judgement): readonly string[] {
  let hints = NONE
  for (let i = 0; i < accepted.length && i < MAX_EVENTS; i++) {
    const unit = accepted[i]?.measurement.unit
    const meant = unit === undefined ? undefined : likelyUnit(unit)
    if (meant === undefined) continue
    const hint = `unit: "${unit}" is kept as it is and not converted; did you mean "${meant}"?`
    if (!hints.includes(hint)) hints = [...hints, hint]
  }
  return hints
}
