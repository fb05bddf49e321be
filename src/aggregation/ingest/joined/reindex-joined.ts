import { AppError } from '../../../std/errors.ts'
import { contentsOf } from '../compact/compact.ts'
import type { IngestTools } from '../objects/ingest-partition.ts'
import { entryKeyOf, openEach } from './hour-objects.ts'
import type { JoinedHours } from './joined-hours.ts'

/** The hour of arrival of an entry in its folder, `index/dt=YYYY-MM-DD/hr=HH/`. */
const hourOf = (entryKey: string): number =>
  Date.parse(`${entryKey.slice(9, 19)}T${entryKey.slice(23, 25)}:00:00Z`)

/**
 * Makes a damaged entry anew whose object was joined and removed: which of the rows were its own is not known any more, so it
 * says all of them. That has windows computed once more, and counts nothing twice: they are read there all the same. False
 * where its object was not joined.
 */
export async function reindexJoined(
  entryKey: string,
  hours: Pick<JoinedHours, 'read'>,
  { lake, entries, session, clock }: IngestTools,
): Promise<boolean> {
  const arrivalMs = hourOf(entryKey)
  if (Number.isNaN(arrivalMs)) return false
  const record = await hours.read(arrivalMs)
  if (record === 'damaged')
    throw new AppError('lake_failed', `What tells of joined objects of the hour of ${entryKey} is damaged`)
  for (const object of record?.objects ?? []) {
    const key = object.of.find((each) => entryKeyOf(each) === entryKey)
    if (key === undefined) continue
    const contents = await openEach(lake, [object.key], ([path = '']) => contentsOf(session, path))
    const isThere = (await openEach(lake, [key], async () => true)) === true
    if (contents === undefined || isThere) return false
    // It came at the usual speed, as far as is known.
    const times = { indexedMs: clock.nowMs(), storedMs: Number(contents.arrivalMaxMs) }
    const base = { version: 1, inputs: [], malformed: 0, ...times } as const
    await entries.mend(entryKey, { ...base, key, ...contents })
    return true
  }
  return false
}
