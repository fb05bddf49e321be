import type { LakeObject } from '../../../lake/lake.ts'
import { parseRawKey } from '../../../lake/layout.ts'
import { contentsOf } from '../compact/compact.ts'
import { NO_MINUTES } from '../index/minute-rows.ts'
import { foreignEntryKey } from './ingest-foreign.ts'
import type { IngestTools } from './ingest-partition.ts'
import { compactedEntryKey } from './partition-log.ts'

/** `index/<hour>/c-<source>-<slot>.json` of what an ingest wrote, `p-<source>-<hash>.json` of what others put there. */
const ENTRY = /^index\/(dt=[^/]+\/hr=\d\d)\/[cp]-(.+)-\w+\.json$/

/**
 * Makes a damaged entry anew from the object that it stood for, which its name tells. What went into that object is known
 * as far as the object tells it: else an input that was not removed yet is ingested again, and its copies are counted once,
 * by event id. Without an object the entry says that there is none.
 */
export async function reindex(key: string, tools: IngestTools): Promise<void> {
  const { lake, entries, session, clock } = tools
  const [, hour, source] = ENTRY.exec(key) ?? []
  const listed = await lake.list(`raw/${source}/${hour}/`)
  const [object] = listed.filter((each) => isOf(each, key)).sort((a, b) => b.bytes - a.bytes)
  const file = object && (await lake.open(object.key))
  const base = { version: 1, inputs: [], malformed: 0, indexedMs: clock.nowMs() } as const
  if (object === undefined || file === undefined) {
    const nothing = { rows: 0, bytes: 0, minutes: NO_MINUTES, arrivalMinMs: null, arrivalMaxMs: null }
    return entries.mend(key, { ...base, ...nothing, key: `raw/${source}/${hour}/none.parquet` })
  }
  try {
    const madeFrom = await tools.workbench.readMadeFrom(session, file.path)
    await entries.mend(key, { ...base, key: object.key, madeFrom, ...(await contentsOf(session, file.path)) })
  } finally {
    await file.release()
  }
}

function isOf({ key }: LakeObject, entryKey: string): boolean {
  const raw = parseRawKey(key)
  if (raw?.extension !== 'parquet') return false
  return [foreignEntryKey({ ...raw, key }), compactedEntryKey(raw)].includes(entryKey)
}
