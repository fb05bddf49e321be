import { appliesTo, DEFAULT_SETS } from '../event/schema/dimension-sets.ts'
import { didYouMean } from '../std/input/did-you-mean.ts'
import { told } from '../std/input/expectation.ts'
import { inUnits, measured } from '../std/input/quantities.ts'
import { type ConfigFault, faultIf, unique } from './faults.ts'
import type { Config } from './schema/config-schema.ts'
import { MAX_OBJECTIVE_ROWS, MAX_OBJECTIVE_WINDOWS } from './schema/objective-schema.ts'
import { Rollup } from './schema/rollup-schema.ts'

type ConfiguredObjective = Config['aggregation']['objectives'][number]

/** Objectives that could never be told: of what is not there, or of more than is read. */
export function objectiveFaults({ aggregation, apps }: Config): ConfigFault[] {
  const newId = unique()
  const appIds = new Set(apps.map(({ id }) => id))
  const sets = setsOf(aggregation)
  return aggregation.objectives.flatMap((objective, i) => {
    const path = `aggregation.objectives.${i}`
    const { id, app, share } = objective
    return [
      ...newId(id, `${path}.id`, `objective id "${id}"`),
      ...faultIf(
        !appIds.has(app),
        `${path}.app`,
        `names no app: "${app}"${didYouMean(app, appIds)}`,
        apps.map((_, at) => `apps.${at}.id`),
      ),
      ...faultIf(
        share === 0 || share === 1,
        `${path}.share`,
        'must be above 0 and below 1: of 1 nothing may ever be bad, and of 0 all',
      ),
      ...setFaults(objective, sets, path),
      ...windowFaults(objective, { sets, grain: aggregation.schedule.grain, path }),
    ]
  })
}

type KeptSets = ReturnType<typeof setsOf>

/** Those of all rollups, which queries look through in this order. */
function setsOf({ rollups }: Config['aggregation']) {
  const usual = { sets: DEFAULT_SETS, maxValues: Number(told(Rollup.properties.maxValues).default) }
  return (rollups.length > 0 ? rollups : [usual]).flatMap(({ sets, maxValues }) =>
    sets.map((set) => ({ ...set, maxValues })),
  )
}

/** What a query for the objective takes. */
const setOf = ({ set = 'app', metric }: ConfiguredObjective, sets: KeptSets) =>
  sets.find((each) => each.name === set && appliesTo(each, metric))

function setFaults(objective: ConfiguredObjective, sets: KeptSets, path: string): ConfigFault[] {
  const { set = 'app', metric, value } = objective
  const also = ['aggregation.rollups']
  const found = setOf(objective, sets)
  if (found !== undefined)
    return faultIf(
      value !== undefined && found.dimensions.length === 0,
      `${path}.value`,
      'needs a set with dimensions beside it, such as set: route',
      [`${path}.set`, ...also],
    )
  const names = sets.filter((each) => appliesTo(each, metric)).map(({ name }) => name)
  const known = [...new Set(names)].join(', ') || 'there is none'
  const missing = objective.set === undefined ? 'is missing: it ' : ''
  const message = `${missing}must be a set that is kept of the metric: ${known}${didYouMean(set, names)}`
  return faultIf(true, `${path}.set`, message, [`${path}.metric`, ...also])
}

interface Windows {
  readonly sets: KeptSets
  readonly grain: string
  readonly path: string
}

function windowFaults(objective: ConfiguredObjective, { sets, grain, path }: Windows): ConfigFault[] {
  const grainMs = Number(measured('duration', grain))
  const [at, also] = [`${path}.window`, ['aggregation.schedule.grain', 'aggregation.rollups']]
  const set = setOf(objective, sets)
  const isByValue = set !== undefined && set.dimensions.length > 0 && objective.value === undefined
  const most = isByValue
    ? Math.min(MAX_OBJECTIVE_WINDOWS, Math.floor(MAX_OBJECTIVE_ROWS / set.maxValues))
    : MAX_OBJECTIVE_WINDOWS
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
      `must be at most ${inUnits('duration', most * grainMs)}, which is ${most} windows of ${grain}${isByValue ? ` of ${set.maxValues} values each` : ''}: no more are read`,
      also,
    ),
  ]
}
