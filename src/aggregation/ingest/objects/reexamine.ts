import type { LakeObject } from '../../../lake/lake.ts'
import { indexKey, parseRawKey, type RawObject } from '../../../lake/layout.ts'
import type { SqlSession } from '../duckdb/sql-session.ts'
import type { IngestFailure } from '../index/arrivals.ts'
import type { ArrivedIndex } from '../index/arrived-index.ts'
import type { Entries } from '../index/index-entries.ts'
import { NO_MINUTES } from '../index/minute-rows.ts'
import { parseCompacted } from '../index/pending.ts'
import { foreignEntryKey } from './ingest-foreign.ts'
import { entryName } from './ingest-partition.ts'
import { faultOf } from './probe.ts'
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
): Promise<IngestFailure | undefined> {
  const raw = parseRawKey(key)
  if (raw === undefined) return undefined
  const entryKey = entryKeyOf({ ...raw, key })
  const file = await tools.lake.open(key)
  // Another process may have set it aside, or whoever owns the lake.
  if (file === undefined) {
    tools.entries.refresh(entryKey)
    return undefined
  }
  try {
    const why = await faultOf(tools.session, file.path)
    if (why === undefined) return undefined
    await keepAside({ ...raw, key }, why, tools)
    await leaveIndex({ ...raw, key }, entryKey, tools)
    await tools.lake.remove([key])
    return { key, why }
  } finally {
    await file.release()
  }
}

type Foreign = RawObject & { readonly key: string }

function entryKeyOf(object: Foreign): string {
  const compacted = parseCompacted(object.name)
  if (compacted === undefined) return foreignEntryKey(object)
  return indexKey(object.arrivalMs, entryName(object.source, compacted.slot))
}

/**
 * What others put there may come again under its name, mended: its entry goes. The entry of what an ingest wrote stays,
 * without rows: it also says which inputs were taken in, and keeps the slot.
 */
async function leaveIndex(
  object: Foreign,
  entryKey: string,
  { entries, index }: ReexamineTools,
): Promise<void> {
  if (parseCompacted(object.name) === undefined) {
    await entries.remove(entryKey)
    index.forget(entryKey)
    return
  }
  const [entry] = await entries.load([entryKey])
  if (entry) await entries.mend(entryKey, { ...entry, rows: 0, bytes: 0, minutes: NO_MINUTES })
}
