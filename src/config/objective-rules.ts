import { inUnits, measured } from '../std/input/quantities.ts'
import { MAX_BURN_MS } from './alert-rules.ts'
import { type ConfigFault, faultIf, unique } from './faults.ts'
import type { Config } from './schema/config-schema.ts'
import { MAX_OBJECTIVE_ROWS, MAX_OBJECTIVE_WINDOWS } from './schema/objective-schema.ts'
import { keptSets, setOf, watchedFaults } from './watched-rules.ts'

type ConfiguredObjective = Config['aggregation']['objectives'][number]

/** Objectives that could never be told: of what is not there, or of more than is read. */
export function objectiveFaults(config: Config): ConfigFault[] {
  const newId = unique()
  return config.aggregation.objectives.flatMap((objective, i) => {
    const path = `aggregation.objectives.${i}`
    const { id, share } = objective
    return [
      ...newId(id, `${path}.id`, `objective id "${id}"`),
      ...faultIf(
        share === 0 || share === 1,
        `${path}.share`,
        'must be above 0 and below 1: of 1 nothing may ever be bad, and of 0 all',
      ),
      ...watchedFaults(objective, config, path),
      ...windowFaults(objective, config, path),
    ]
  })
}

function windowFaults(objective: ConfiguredObjective, { aggregation }: Config, path: string): ConfigFault[] {
  const { grain } = aggregation.schedule
  const grainMs = Number(measured('duration', grain))
  const [at, also] = [`${path}.window`, ['aggregation.schedule.grain', 'aggregation.rollups']]
  const set = setOf(objective, keptSets(aggregation))
  const isByValue = set !== undefined && set.dimensions.length > 0 && objective.value === undefined
  const most = isByValue
    ? Math.min(MAX_OBJECTIVE_WINDOWS, Math.floor(MAX_OBJECTIVE_ROWS / set.maxValues))
    : MAX_OBJECTIVE_WINDOWS
  const ofValues = isByValue ? ` of ${set.maxValues} values each` : ''
  const burnt = `${inUnits('duration', MAX_BURN_MS)}, which is ${MAX_BURN_MS / grainMs} windows of ${grain}`
  return [
    ...faultIf(
      objective.window % grainMs !== 0,
      at,
      `must be a multiple of aggregation.schedule.grain, which is ${grain}`,
      also,
    ),
    ...faultIf(
      objective.window > most * grainMs,
      at,
      `must be at most ${inUnits('duration', most * grainMs)}, which is ${most} windows of ${grain}${ofValues}: no more are read`,
      also,
    ),
    ...faultIf(
      MAX_BURN_MS > most * grainMs,
      `${path}.set`,
      `is read of ${burnt}${ofValues}, for its burn, and of at most ${most} of these; a longer grain, fewer values (maxValues) or a \`value\` makes it less`,
      also,
    ),
  ]
}
