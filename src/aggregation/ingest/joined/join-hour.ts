import { hash } from 'node:crypto'
import { join } from 'node:path'
import { parseRawKey, type RawObject, rawKey } from '../../../lake/layout.ts'
import { AppError } from '../../../std/errors.ts'
import type { IndexEntry } from '../index/entry-text.ts'
import { type HourObjects, type JoinTools, openEach } from './hour-objects.ts'
import type { JoinedObject } from './joined-record.ts'

/** What is larger gains nothing by being joined. Ours. */
export const SMALL_BYTES = 67_108_864
/** Inputs of one joined object: what a process of DuckDB joins within seconds. Ours. */
const MAX_JOINED_BYTES = 268_435_456

/**
 * Joins the small objects of an hour, and then says so, all at once: until then none of it counts, and from then on their
 * rows are read there, while the index goes on to name each of them. Nothing is removed here.
 */
export async function joinHour(hour: HourObjects, tools: JoinTools): Promise<readonly JoinedObject[]> {
  const groups = groupsOf(hour)
  const objects: JoinedObject[] = []
  for (const group of groups) objects.push(await joinGroup(group, tools))
  if (objects.length === 0) return objects
  const outcome = await tools.hours.put(hour.arrivalMs, { joinedMs: tools.clock.nowMs(), objects })
  return outcome === 'stored' ? objects : []
}

/** What came in an order lies in it: rows of a time are near each other. Each group is of one source. */
export function groupsOf({ entries, small }: HourObjects): readonly (readonly IndexEntry[])[] {
  const sources = new Map<string, IndexEntry[]>()
  for (const entry of entries.values()) {
    const { key, bytes } = entry
    if (bytes > SMALL_BYTES || small.get(key)?.bytes !== bytes) continue
    const some = sources.get(placeOf(key).source) ?? []
    sources.set(placeOf(key).source, some)
    some.push(entry)
  }
  const groups = [...sources.values()].flatMap((some) => withinBounds(some.sort(byArrival)))
  return groups.filter(({ length }) => length > 1)
}

function withinBounds(entries: readonly IndexEntry[]): readonly (readonly IndexEntry[])[] {
  const groups: IndexEntry[][] = []
  let room = Number.NEGATIVE_INFINITY
  for (const entry of entries) {
    if (entry.bytes > room) {
      groups.push([])
      room = MAX_JOINED_BYTES
    }
    groups.at(-1)?.push(entry)
    room -= entry.bytes
  }
  return groups
}

const placeOf = (key: string): RawObject => parseRawKey(key) as RawObject

/** They are in the order of their slots, which counts where they came at once. */
const byArrival = (one: IndexEntry, other: IndexEntry): number =>
  Number(one.arrivalMinMs) - Number(other.arrivalMinMs)

async function joinGroup(group: readonly IndexEntry[], tools: JoinTools): Promise<JoinedObject> {
  const { lake, session, workbench, folder, signal } = tools
  signal.throwIfAborted()
  const keys = group.map(({ key }) => key)
  const rows = group.reduce((sum, entry) => sum + entry.rows, 0)
  const { source, arrivalMs } = placeOf(String(keys[0]))
  const name = `j-${hash('sha256', keys.join('\n'), 'hex').slice(0, 16)}`
  const key = rawKey({ source, arrivalMs, name, extension: 'parquet' })
  const path = join(folder, 'events.parquet')
  const made = await openEach(lake, keys, async (paths) => {
    const bytes = await workbench.join(session, paths, { path, keys })
    const [before, after] = [
      await workbench.sumRows(session, paths),
      await workbench.sumRows(session, [path]),
    ]
    const isSame = before.rows === rows && after.rows === rows && before.sum === after.sum
    if (!isSame)
      throw new AppError(
        'engine_failed',
        `${keys.length} objects of ${rows} events have ${before.rows} rows, and joined ${after.rows}`,
      )
    return { bytes, sum: after.sum }
  })
  if (made === undefined) throw new AppError('input_missing', `Objects of ${key} are not in the lake`)
  await lake.putFile(key, path)
  return { key, rows, of: keys, ...made }
}
