import { appliesTo, DEFAULT_SETS } from '../event/schema/dimension-sets.ts'
import { scales } from '../event/values/unit.ts'
import { didYouMean } from '../std/input/did-you-mean.ts'
import { told } from '../std/input/expectation.ts'
import { type ConfigFault, faultIf } from './faults.ts'
import type { Config } from './schema/config-schema.ts'
import { Rollup } from './schema/rollup-schema.ts'

/** Which measurements something is of. */
export interface OfMeasurements {
  readonly app: string
  readonly metric: string
  readonly unit?: string
  readonly set?: string
  readonly value?: string
}

export type KeptSets = ReturnType<typeof keptSets>

/** Those of all rollups, which queries look through in this order. */
export function keptSets({ rollups }: Config['aggregation']) {
  const usual = { sets: DEFAULT_SETS, maxValues: Number(told(Rollup.properties.maxValues).default) }
  return (rollups.length > 0 ? rollups : [usual]).flatMap(({ sets, maxValues }) =>
    sets.map((set) => ({ ...set, maxValues })),
  )
}

/** What a query for it takes. */
export const setOf = ({ set = 'app', metric }: OfMeasurements, sets: KeptSets) =>
  sets.find((each) => each.name === set && appliesTo(each, metric))

/** What is wrong with the app, the unit, the set or the value of something: that they are not there. */
export function watchedFaults(
  watched: OfMeasurements,
  { apps, aggregation }: Config,
  path: string,
): ConfigFault[] {
  const appIds = new Set(apps.map(({ id }) => id))
  return [
    ...faultIf(
      !appIds.has(watched.app),
      `${path}.app`,
      `names no app: "${watched.app}"${didYouMean(watched.app, appIds)}`,
      apps.map((_, at) => `apps.${at}.id`),
    ),
    ...unitFaults(watched.unit, `${path}.unit`),
    ...setFaults(watched, keptSets(aggregation), path),
  ]
}

/** Nothing is ever stored in a unit that is converted as it comes. */
function unitFaults(unit: string | undefined, path: string): ConfigFault[] {
  const stored = scales.get(unit)?.unit
  return faultIf(
    stored !== undefined,
    path,
    `must be "${stored}", and the numbers beside it in ${stored}: what is sent in "${unit}" is stored so`,
  )
}

function setFaults(watched: OfMeasurements, sets: KeptSets, path: string): ConfigFault[] {
  const { set = 'app', metric, value } = watched
  const also = ['aggregation.rollups']
  const found = setOf(watched, sets)
  if (found !== undefined)
    return faultIf(
      value !== undefined && found.dimensions.length === 0,
      `${path}.value`,
      'needs a set with dimensions beside it, such as set: route',
      [`${path}.set`, ...also],
    )
  const names = sets.filter((each) => appliesTo(each, metric)).map(({ name }) => name)
  const known = [...new Set(names)].join(', ') || 'there is none'
  const missing = watched.set === undefined ? 'is missing: it ' : ''
  const message = `${missing}must be a set that is kept of the metric: ${known}${didYouMean(set, names)}`
  return faultIf(true, `${path}.set`, message, [`${path}.metric`, ...also])
}
