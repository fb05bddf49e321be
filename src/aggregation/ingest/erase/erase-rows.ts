import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { LakeObject } from '../../../lake/lake.ts'
import { parseRawKey } from '../../../lake/layout.ts'
import { unlessRejected } from '../../../std/expected-errors.ts'
import { allRows, isInputFault } from '../duckdb/sql-session.ts'
import { openEach } from '../joined/hour-objects.ts'
import { whyOf } from '../objects/failure-reason.ts'
import { copyKept, countErased, listErased } from './erase-sql.ts'
import type { EraseTools, Finds } from './erase-tools.ts'

/** What one statement looks through: many files of an ingest every quarter of a minute, and few large ones. Ours. */
const MAX_FILES_AT_ONCE = 64
/** Large ones are looked through few at a time, as each is looked through once more where one of them has any. Ours. */
const MAX_BYTES_AT_ONCE = 67_108_864

/** Looks for rows in Parquet objects, many small ones at a time, as hardly one of them has any. */
export async function findRows(
  objects: readonly LakeObject[],
  finds: Finds,
  tools: EraseTools,
): Promise<void> {
  for (const some of withinBounds(objects)) {
    tools.signal.throwIfAborted()
    if (some.length > 1 && (await areFree(some, tools))) continue
    for (const { key } of some) await findRowsOf(key, finds, tools)
  }
}

function withinBounds(objects: readonly LakeObject[]): readonly (readonly LakeObject[])[] {
  const runs: LakeObject[][] = []
  let room = Number.NEGATIVE_INFINITY
  for (const object of objects) {
    if (object.bytes > room || runs.at(-1)?.length === MAX_FILES_AT_ONCE) {
      runs.push([])
      room = MAX_BYTES_AT_ONCE
    }
    runs.at(-1)?.push(object)
    room -= object.bytes
  }
  return runs
}

/** False also where one of them cannot be read with the others. */
async function areFree(
  objects: readonly LakeObject[],
  { lake, session, target }: EraseTools,
): Promise<boolean> {
  try {
    const keys = objects.map(({ key }) => key)
    const rows = await openEach(lake, keys, (paths) => allRows(session, countErased(paths, target)))
    return Number(rows?.[0]?.[0] ?? 1) === 0
  } catch (error) {
    if (isInputFault(error)) return false
    throw error
  }
}

async function findRowsOf(key: string, finds: Finds, { lake, session, target }: EraseTools): Promise<void> {
  try {
    const rows = await openEach(lake, [key], ([path = '']) => allRows(session, listErased(path, target)))
    for (const [identity, receivedMs, eventMs, count] of rows ?? []) {
      finds.add(key, {
        ...{ identity: String(identity), rows: Number(count) },
        ...(receivedMs !== null && { receivedMs: Number(receivedMs) }),
        ...(eventMs !== null && { eventMs: Number(eventMs) }),
      })
    }
  } catch (error) {
    if (!isInputFault(error)) throw error
    finds.unsearched(key, whyOf(error))
  }
}

/**
 * Puts an object in its own place without the rows that go: whoever reads it meets all of them or none, and every record that
 * names it goes on to name it. Repeatable after any crash. Answers why it stays as it is, where others' columns cannot be
 * written anew.
 */
export async function eraseRows(key: string, tools: EraseTools): Promise<string | undefined> {
  const { lake, session, workbench, folder, target } = tools
  const path = join(folder, 'kept.parquet')
  const made = await openEach(lake, [key], async ([from = '']) => {
    const [[count] = []] = await allRows(session, countErased([from], target))
    if (Number(count) === 0) return false
    const madeFrom = await workbench.readMadeFrom(session, from)
    const joined = await workbench.readJoined(session, from)
    const footer = { ...(madeFrom && { madeFrom }), ...(joined && { joined: joined.join('\n') }) }
    const copying = session.run(copyKept(from, path, { target, footer })).then(() => true)
    // In what is searched there is no fault, and in a column of others there is one.
    return (await unlessRejected(copying, isInputFault)) ?? 'A column of it cannot be written anew'
  })
  if (typeof made === 'string') return made
  if (made === true) await lake.putFile(key, path)
  await retellJoined(key, tools)
  return undefined
}

/** What tells of a joined object says its size and a sum of it: by these it is known to be whole. */
async function retellJoined(key: string, tools: EraseTools): Promise<void> {
  const { hours, lake, session, workbench } = tools
  const arrivalMs = Number(parseRawKey(key)?.arrivalMs)
  const record = Number.isNaN(arrivalMs) ? undefined : await hours.read(arrivalMs, { anew: true })
  if (record === undefined || record === 'damaged' || !record.objects.some((each) => each.key === key)) return
  const now = await openEach(lake, [key], async ([path = '']) => ({
    bytes: (await stat(path)).size,
    ...(await workbench.sumRows(session, [path])),
  }))
  const objects = record.objects.map((each) => (each.key === key ? { ...each, ...now } : each))
  await hours.mend(arrivalMs, { joinedMs: record.joinedMs, objects })
}
