import { hash } from 'node:crypto'
import type { Lake, LakeObject } from '../../../lake/lake.ts'
import { type ResumableWork, runYielding } from '../../../std/async/yielding.ts'

/** Where the entries of one hour of arrival lie. */
export interface IndexFolder {
  /** Ends in a slash. */
  readonly prefix: string
  /** Another one as soon as any entry came, went or was replaced; undefined while that is not sure to show. */
  readonly stamp: string | undefined
  /** Those of its entries, where a listing was needed to tell the stamp. */
  readonly keys?: readonly string[] | undefined
}

/**
 * What changes again within as long of another change may keep its time: a kernel's are milliseconds apart, S3 counts
 * seconds, and clocks differ.
 */
const UNSURE_MS = 2_000

/** All folders below a prefix, in key order: by their own times, or, where there are no such, by a listing. */
export async function indexFolders(
  lake: Pick<Lake, 'changes' | 'list'>,
  prefix: string,
  nowMs: number,
): Promise<readonly IndexFolder[]> {
  if (lake.changes === undefined) return runYielding(byListing(await lake.list(prefix), nowMs))
  const changes = await lake.changes(prefix)
  return [...changes.keys()].sort().map((folder) => {
    const changedMs = Number(changes.get(folder))
    return { prefix: folder, stamp: unlessUnsure(String(changedMs), changedMs, nowMs) }
  })
}

function* byListing(objects: readonly LakeObject[], nowMs: number): ResumableWork<readonly IndexFolder[]> {
  const folders = new Map<string, LakeObject[]>()
  for (const object of objects) {
    const prefix = folderOf(object.key)
    const some = folders.get(prefix) ?? []
    folders.set(prefix, some)
    some.push(object)
    yield
  }
  const found: IndexFolder[] = []
  for (const [prefix, some] of folders) {
    const text = some.map(({ key, bytes, modifiedMs }) => `${key} ${bytes} ${modifiedMs}`).join('\n')
    const lastMs = some.reduce((last, { modifiedMs }) => Math.max(last, modifiedMs), 0)
    const stamp = unlessUnsure(hash('sha256', text, 'base64url'), lastMs, nowMs)
    found.push({ prefix, stamp, keys: some.map(({ key }) => key) })
    yield
  }
  return found
}

const unlessUnsure = (stamp: string, changedMs: number, nowMs: number): string | undefined =>
  changedMs < nowMs - UNSURE_MS ? stamp : undefined

/** Where an entry lies. */
export const folderOf = (key: string): string => key.slice(0, key.lastIndexOf('/') + 1)

const HOUR = /\/dt=[^/]+\/hr=\d\d\//

/** Where the entry of an object of `raw/` lies: in the hour of its arrival, as the object does. */
export const indexFolderOf = (objectKey: string): string => `index${HOUR.exec(objectKey)?.[0] ?? '/'}`

const DAY = /^index\/dt=(\d{4}-\d\d-\d\d)\//

/** The day of arrival of an entry, or of a folder; empty for what is of none. */
export const arrivalDayOf = (key: string): string => DAY.exec(key)?.[1] ?? ''
