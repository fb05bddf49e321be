import { readCondition } from '../std/input/condition.ts'
import { type ConfigFault, faultIf, unique } from './faults.ts'
import { MAX_ALERT_WINDOWS } from './schema/alert-schema.ts'
import type { Config } from './schema/config-schema.ts'
import { keptSets, setOf, watchedFaults } from './watched-rules.ts'

/** Alerts that could never be told: of what is not there, or of what nobody can read. */
export function alertFaults(config: Config): ConfigFault[] {
  const newId = unique()
  const sets = keptSets(config.aggregation)
  return config.aggregation.alerts.flatMap((alert, i) => {
    const path = `aggregation.alerts.${i}`
    const { id, when, value } = alert
    const { fault } = readCondition(when)
    const [need = 0, of = 0] = alert.for.split(' of ').map(Number)
    const hasValues = (setOf(alert, sets)?.dimensions.length ?? 0) > 0
    return [
      ...newId(id, `${path}.id`, `alert id "${id}"`),
      ...watchedFaults(alert, config, path),
      ...faultIf(
        hasValues && value === undefined,
        `${path}.value`,
        `is missing: it must be a value of the set ${alert.set}`,
        [`${path}.set`, 'aggregation.rollups'],
      ),
      ...faultIf(fault !== undefined, `${path}.when`, String(fault)),
      ...faultIf(
        need > of || of > MAX_ALERT_WINDOWS,
        `${path}.for`,
        `must be so many of at least as many windows, and of at most ${MAX_ALERT_WINDOWS}`,
      ),
    ]
  })
}
