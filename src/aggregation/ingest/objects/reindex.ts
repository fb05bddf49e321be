import type { LakeObject } from '../../../lake/lake.ts'
import { parseRawKey } from '../../../lake/layout.ts'
import { contentsOf } from '../compact/compact.ts'
import { NO_MINUTES } from '../index/minute-rows.ts'
import { parseCompacted } from '../index/pending.ts'
import { foreignEntryKey } from './ingest-foreign.ts'
import type { IngestTools } from './ingest-partition.ts'

/** `index/<hour>/c-<source>-<slot>.json` of what an ingest wrote, `p-<source>-<hash>.json` of what others put there. */
const ENTRY = /^index\/(dt=[^/]+\/hr=\d\d)\/[cp]-(.+)-(\w+)\.json$/

/**
 * Makes a damaged entry anew from the object that it stood for, which its name tells. What went into that object is not
 * known any more: an input that was not removed yet is ingested again, and its copies are removed by event id. Without an
 * object the entry says that there is none.
 */
export async function reindex(key: string, { lake, entries, session, clock }: IngestTools): Promise<void> {
  const [, hour, source, last] = ENTRY.exec(key) ?? []
  const listed = await lake.list(`raw/${source}/${hour}/`)
  const [object] = listed.filter((each) => isOf(each, key, Number(last))).sort((a, b) => b.bytes - a.bytes)
  const file = object && (await lake.open(object.key))
  const base = { version: 1, inputs: [], malformed: 0, indexedMs: clock.nowMs() } as const
  if (object === undefined || file === undefined) {
    const nothing = { rows: 0, bytes: 0, minutes: NO_MINUTES, arrivalMinMs: null, arrivalMaxMs: null }
    return entries.mend(key, { ...base, ...nothing, key: `raw/${source}/${hour}/none.parquet` })
  }
  try {
    await entries.mend(key, { ...base, key: object.key, ...(await contentsOf(session, file.path)) })
  } finally {
    await file.release()
  }
}

function isOf({ key }: LakeObject, entryKey: string, slot: number): boolean {
  const raw = parseRawKey(key)
  if (raw?.extension !== 'parquet') return false
  const compacted = parseCompacted(raw.name)
  return compacted ? compacted.slot === slot : foreignEntryKey({ ...raw, key }) === entryKey
}
