import type { LakeObject } from '../../../lake/lake.ts'
import { parseRawKey, type RawObject } from '../../../lake/layout.ts'
import type { SqlSession } from '../duckdb/sql-session.ts'
import type { SetAside } from '../index/arrivals.ts'
import type { ArrivedIndex } from '../index/arrived-index.ts'
import type { Entries } from '../index/index-entries.ts'
import { NO_MINUTES } from '../index/minute-rows.ts'
import { laterFaultOf, mostOf } from './examine.ts'
import { foreignEntryKey } from './ingest-foreign.ts'
import { compactedEntryKey } from './partition-log.ts'
import { type AsideTools, keepAside } from './set-aside.ts'

export interface ReexamineTools extends AsideTools {
  readonly entries: Entries
  readonly index: ArrivedIndex
  readonly session: SqlSession
}

/**
 * Looks at one object that engines could not read together with others. One that cannot be read is copied into `dead/`,
 * leaves the index, and only then the lake: after a crash at any step it is met again. Answers what is wrong with it.
 */
export async function reexamine(
  key: LakeObject['key'],
  tools: ReexamineTools,
): Promise<SetAside | undefined> {
  const raw = parseRawKey(key)
  if (raw === undefined) return undefined
  const file = await tools.lake.open(key)
  // Another process may have set it aside, or whoever owns the lake.
  if (file === undefined) {
    for (const entryKey of entryKeysOf({ ...raw, key }))
      if (!(await isNamedBy(entryKey, key, tools))) tools.index.forget(entryKey, key)
    return undefined
  }
  try {
    const why = await laterFaultOf(tools.session, file.path, mostOf(compactedEntryKey(raw) !== undefined))
    if (why === undefined) return undefined
    const setAside = await keepAside({ ...raw, key }, why, tools)
    await leaveIndex({ ...raw, key }, tools)
    await tools.lake.remove([key])
    return setAside
  } finally {
    await file.release()
  }
}

/**
 * As the entry is now. An object that is gone while its entry is there is missing: whoever took that for nothing would
 * publish a window without its events.
 */
async function isNamedBy(
  entryKey: string,
  key: string,
  { entries }: Pick<ReexamineTools, 'entries'>,
): Promise<boolean> {
  entries.refresh(entryKey)
  if (!(await entries.keys(entryKey)).includes(entryKey)) return false
  const [entry] = await entries.load([entryKey])
  return entry === undefined || (entry.key === key && entry.rows > 0)
}

type Stored = RawObject & { readonly key: string }

/** The entries that may name it: one of those that others put there, and, if it is called so, one of an ingest. */
function entryKeysOf(object: Stored): readonly string[] {
  const compacted = compactedEntryKey(object)
  return compacted === undefined ? [foreignEntryKey(object)] : [foreignEntryKey(object), compacted]
}

/**
 * What others put there may come again under its name, mended: its entry goes. The entry of what an ingest wrote stays,
 * without rows: it keeps the slot. What went into the object is counted no more, so nothing that is found of it is a
 * leftover.
 */
export async function leaveIndex(
  object: Stored,
  { entries, index }: Pick<ReexamineTools, 'entries' | 'index'>,
): Promise<void> {
  const foreign = foreignEntryKey(object)
  await entries.remove(foreign)
  index.forget(foreign, object.key)
  const compacted = compactedEntryKey(object)
  if (compacted === undefined) return
  const [entry] = await entries.load([compacted])
  if (entry?.key !== object.key) return
  index.forget(compacted, object.key)
  const nothing = { rows: 0, bytes: 0, minutes: NO_MINUTES, inputs: [], madeFrom: undefined }
  await entries.mend(compacted, { ...entry, ...nothing })
}
