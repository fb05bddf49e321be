import { ofTheSame } from '../event/schema/dimension-sets.ts'
import { DAY_MS } from '../std/durations.ts'
import { type Criterion, readCondition } from '../std/input/condition.ts'
import { measured } from '../std/input/quantities.ts'
import { type ConfigFault, faultIf, unique } from './faults.ts'
import { MAX_ALERT_WINDOWS } from './schema/alert-schema.ts'
import type { Config } from './schema/config-schema.ts'
import { keptSets, setOf, watchedFaults } from './watched-rules.ts'

type ConfiguredAlert = Config['aggregation']['alerts'][number]

/** Alerts that could never be told: of what is not there, or of what nobody can read. */
export function alertFaults(config: Config): ConfigFault[] {
  const newId = unique()
  const sets = keptSets(config.aggregation)
  return config.aggregation.alerts.flatMap((alert, i) => {
    const path = `aggregation.alerts.${i}`
    const [need = 0, of = 0] = alert.for.split(' of ').map(Number)
    const hasValues = (setOf(alert, sets)?.dimensions.length ?? 0) > 0
    return [
      ...newId(alert.id, `${path}.id`, `alert id "${alert.id}"`),
      ...watchedFaults(alert, config, path),
      ...faultIf(
        hasValues && alert.value === undefined,
        `${path}.value`,
        `is missing: it must be a value of the set ${alert.set}`,
        [`${path}.set`, 'aggregation.rollups'],
      ),
      ...conditionFaults(alert, config.aggregation, `${path}.when`),
      ...faultIf(
        need > of || of > MAX_ALERT_WINDOWS,
        `${path}.for`,
        `must be so many of at least as many windows, and of at most ${MAX_ALERT_WINDOWS}`,
      ),
    ]
  })
}

/** As long as the longest burn of an objective. */
export const MAX_BURN_MS = 3 * DAY_MS

function conditionFaults(
  alert: ConfiguredAlert,
  { objectives, schedule }: Config['aggregation'],
  path: string,
): ConfigFault[] {
  const { criteria, fault } = readCondition(alert.when)
  if (fault !== undefined) return faultIf(true, path, fault)
  const grainMs = Number(measured('duration', schedule.grain))
  const isOdd = (criterion: Criterion) =>
    criterion.of === 'burn' && (criterion.rangeMs % grainMs !== 0 || criterion.rangeMs > MAX_BURN_MS)
  const found = ofTheSame(objectives, alert).length
  return [
    ...faultIf(
      criteria.some(isOdd),
      path,
      `burn needs times that are multiples of aggregation.schedule.grain (${schedule.grain}), and at most 3d`,
      ['aggregation.schedule.grain'],
    ),
    ...faultIf(
      found !== 1 && criteria.some(({ of }) => of === 'burn'),
      path,
      `burn needs one objective of the same app, metric, unit, set and value; there are ${found}`,
      ['aggregation.objectives'],
    ),
  ]
}
