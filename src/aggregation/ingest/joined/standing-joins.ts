import type { LakeObject } from '../../../lake/lake.ts'
import { type HourObjects, type JoinTools, openEach, unlessFaulty, unnamedIn } from './hour-objects.ts'
import type { JoinedObject } from './joined-record.ts'

/**
 * Joined objects that no record names, as it is lost or was damaged, and that alone have what the index counts: each says
 * itself what was joined to it.
 */
export async function standingJoins(
  hour: HourObjects,
  known: readonly JoinedObject[],
  tools: JoinTools,
): Promise<readonly JoinedObject[]> {
  const covered = new Set(known.flatMap(({ of }) => of))
  const standing: JoinedObject[] = []
  for (const object of unnamedIn(hour, known)) {
    const found = await joinedObject(object, hour, tools)
    if (found === undefined || found.of.some((key) => covered.has(key))) continue
    if (found.of.every((key) => hour.small.has(key))) continue
    standing.push(found)
    for (const key of found.of) covered.add(key)
  }
  return standing
}

async function joinedObject(
  { key, bytes }: LakeObject,
  { entries }: HourObjects,
  { lake, session, workbench }: JoinTools,
): Promise<JoinedObject | undefined> {
  return openEach(lake, [key], async ([path = '']) => {
    const of = await workbench.readJoined(session, path)
    // Entries may be lost as well; of a copy from another lake there is none.
    if (!of?.some((each) => entries.has(each))) return undefined
    const found = await unlessFaulty(workbench.sumRows(session, [path]))
    return found && { key, bytes, ...found, of }
  })
}
