import { parseRawKey, type RawObject } from '../../../lake/layout.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { SetAside } from '../index/arrivals.ts'
import { laterFaultOf, mostOf } from '../objects/examine.ts'
import { prefixOf } from '../objects/partition-log.ts'
import { leaveIndex, type ReexamineTools } from '../objects/reexamine.ts'
import { keepAside } from '../objects/set-aside.ts'
import type { JoinedHours } from './joined-hours.ts'
import type { JoinedObject } from './joined-record.ts'

export interface ReexamineJoinedTools extends ReexamineTools {
  readonly hours: JoinedHours
  readonly log: Logger
}

/**
 * Looks at one joined object that engines could not read. As long as its small ones are there, they count in its place. Else
 * it is set aside as any other, and whatever it alone had leaves the index.
 */
export async function reexamineJoined(
  object: JoinedObject,
  tools: ReexamineJoinedTools,
): Promise<SetAside | undefined> {
  const { lake, log } = tools
  const { key, rows, of } = object
  const raw = rawOf(key)
  const file = await lake.open(key)
  try {
    const why = file ? await laterFaultOf(tools.session, file.path, mostOf(true)) : 'It is not in the lake'
    if (why === undefined) return undefined
    const there = new Set((await lake.list(prefixOf(raw))).map((each) => each.key))
    const gone = of.filter((each) => !there.has(each))
    // What is not there may be put back, as any object may.
    if (gone.length > 0 && file === undefined) return undefined
    const told = `${why}; ${rows} rows of ${of.length} objects were joined to it`
    const setAside = gone.length > 0 ? await keepAside({ ...raw, key }, told, tools) : undefined
    // It may have an entry of its own, where those of its small ones were lost.
    const leaving = gone.length > 0 ? [...gone, key] : []
    for (const each of leaving) await leaveIndex({ ...rawOf(each), key: each }, tools)
    // What lies under its name from now on is looked at as any other.
    await tools.hours.drop(raw.arrivalMs, [key])
    if (setAside !== undefined) await lake.remove([key])
    else log.error({ key, why }, 'a joined object is damaged or gone; its small ones count in its place')
    return setAside
  } finally {
    await file?.release()
  }
}

const rawOf = (key: string): RawObject => parseRawKey(key) as RawObject
