import { createYielder, type ResumableWork, runYielding } from '../../../std/async/yielding.ts'
import type { ArrivedObject } from './arrivals.ts'
import type { ArrivedIndex } from './arrived-index.ts'
import { arrivedObjects } from './arrived-objects.ts'
import type { Entries } from './index-entries.ts'
import { minutesWithin } from './minute-rows.ts'

interface Sources {
  readonly index: Pick<ArrivedIndex, 'near' | 'objectsIn'>
  readonly entries: Pick<Entries, 'visit'>
}

/** Objects with rows whose event time is in [fromMs, toMs), in key order. */
export async function objectsTouching(
  { index, entries }: Sources,
  fromMs: number,
  toMs: number,
): Promise<readonly ArrivedObject[]> {
  const { keys, folders } = await index.near(fromMs, toMs)
  const byFolder = await index.objectsIn(folders)
  const found: ArrivedObject[] = []
  const breath = createYielder()
  const take = async (objects: readonly ArrivedObject[]): Promise<void> => {
    found.push(...(await runYielding(objectsWithin(objects, fromMs, toMs), breath)))
  }
  await entries.visit(keys, (_, entry) => take(arrivedObjects([entry])))
  for (const folder of byFolder) await take(folder)
  found.sort((a, b) => (a.key < b.key ? -1 : 1))
  // Two entries name one object when its own came after it was taken in as one of others, as in a copy.
  return found.filter(({ key }, at) => key !== found[at - 1]?.key)
}

/** With the minutes that were asked for. */
function* objectsWithin(
  objects: readonly ArrivedObject[],
  fromMs: number,
  toMs: number,
): ResumableWork<readonly ArrivedObject[]> {
  const found: ArrivedObject[] = []
  for (const object of objects) {
    const minutes = minutesWithin(object.minutes, fromMs, toMs)
    if (minutes.rows.length > 0) found.push({ ...object, minutes })
    yield
  }
  return found
}
