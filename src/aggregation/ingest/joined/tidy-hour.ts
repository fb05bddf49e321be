import type { LakeObject } from '../../../lake/lake.ts'
import { type HourObjects, type JoinTools, openEach, unlessFaulty, unnamedIn } from './hour-objects.ts'
import type { RemovedObjects } from './join-account.ts'
import type { JoinedHour, JoinedObject } from './joined-record.ts'

/**
 * Removes what was joined, long after that was said, and what joins that were never said have left. Before anything goes, all
 * of the object that has its rows is read in the lake, and what says so is made durable. One that is gone or damaged counts
 * no more if each of its small ones is there; else those that are there stay.
 */
export async function tidyHour(
  record: JoinedHour,
  hour: HourObjects,
  tools: JoinTools,
): Promise<RemovedObjects> {
  const removed: LakeObject[] = []
  const faulty: JoinedObject[] = []
  for (const object of record.objects) {
    tools.signal.throwIfAborted()
    const left = object.of.flatMap((key) => hour.small.get(key) ?? [])
    if (left.length === 0) continue
    if (await hasAll(object, hour, tools)) removed.push(...left)
    else {
      const { key, rows } = object
      tools.log.error(
        { key, rows },
        'a joined object is damaged or gone; what is left of its small ones stays',
      )
      if (left.length === object.of.length) faulty.push(object)
    }
  }
  const objects = record.objects.filter((object) => !faulty.includes(object))
  if (faulty.length > 0)
    await tools.hours.drop(
      hour.arrivalMs,
      faulty.map(({ key }) => key),
    )
  removed.push(...(await lostJoins(objects, hour, tools)))
  // Whoever put the record there may have failed, or died, before it would survive a power cut.
  if (removed.length > 0) await tools.hours.makeDurable(hour.arrivalMs)
  await tools.lake.remove(removed.map(({ key }) => key))
  return { objects: removed.length, bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0) }
}

/** Whether what is in the lake has every row that was joined. */
async function hasAll(object: JoinedObject, hour: HourObjects, tools: JoinTools): Promise<boolean> {
  const { lake, session, workbench } = tools
  const sumOf = (keys: readonly string[]) =>
    openEach(lake, keys, (paths) => workbench.sumRows(session, paths))
  if (!isThere(object, hour)) return false
  const found = await unlessFaulty(sumOf([object.key]))
  if (found?.rows !== object.rows) return false
  // Another version of DuckDB may have another sum of the same.
  return found.sum === object.sum || (await sumOf(object.of))?.sum === found.sum
}

const isThere = ({ key, bytes }: JoinedObject, { joined }: HourObjects): boolean =>
  joined.some((object) => object.key === key && object.bytes === bytes)

/** Joined objects that no record names, though all that is in them is somewhere else: a process died before it said so. */
async function lostJoins(
  objects: readonly JoinedObject[],
  hour: HourObjects,
  { lake, session, workbench }: JoinTools,
): Promise<readonly LakeObject[]> {
  const has = new Set([
    ...objects.flatMap((object) => (isThere(object, hour) ? object.of : [])),
    ...hour.small.keys(),
  ])
  const lost: LakeObject[] = []
  for (const object of unnamedIn(hour, objects)) {
    const keys = await openEach(lake, [object.key], ([path = '']) => workbench.readJoined(session, path))
    if (keys?.every((key) => has.has(key) && hour.entries.has(key))) lost.push(object)
  }
  return lost
}
