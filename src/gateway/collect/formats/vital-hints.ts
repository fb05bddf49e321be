import { MOST_HINTED } from '../../../event/hints.ts'
import { setByGateway } from '../../../event/left-out.ts'
import { isObject, type JsonObject } from '../../../event/schema/json-object.ts'
import { readers } from '../../../event/values/columns.ts'
import { columnCalled, meantColumn } from '../../../event/values/other-names.ts'
import { likelyUnits, meantUnit, scales } from '../../../event/values/unit.ts'
import { meantVital, storedVital, vitalUnits } from '../../../event/vital-names.ts'
import { ofLibrary } from './web-vitals.ts'

/** Fields of a metric that are looked at. Ours. */
const MAX_FIELDS = 32

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
  const vital = meantVital(name)
  return vital === undefined
    ? []
    : [`name: did you mean "${vital}"? Only so it becomes ${storedVital(vital)}.`]
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
