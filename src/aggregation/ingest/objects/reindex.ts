import type { LakeObject } from '../../../lake/lake.ts'
import { parseRawKey } from '../../../lake/layout.ts'
import type { SetAside } from '../index/arrivals.ts'
import { NO_MINUTES } from '../index/minute-rows.ts'
import { examine, mostOf } from './examine.ts'
import { foreignEntryKey } from './ingest-foreign.ts'
import type { IngestTools } from './ingest-partition.ts'
import { compactedEntryKey } from './partition-log.ts'
import { keepAside } from './set-aside.ts'

/** `index/<hour>/c-<source>-<slot>.json` of what an ingest wrote, `p-<source>-<hash>.json` of what others put there. */
const ENTRY = /^index\/(dt=[^/]+\/hr=\d\d)\/[cp]-(.+)-\w+\.json$/

/**
 * Makes a damaged entry anew from the object that it stood for, which its name tells. What went into that object is known
 * as far as the object tells it: else an input that was not removed yet is ingested again, and its copies are counted once,
 * by event id. Without an object the entry says that there is none; so it does of an object that cannot be read either, which
 * is set aside, and answered.
 */
export async function reindex(key: string, tools: IngestTools): Promise<SetAside | undefined> {
  const { lake, entries, session, clock } = tools
  const [, hour, source] = ENTRY.exec(key) ?? []
  const listed = await lake.list(`raw/${source}/${hour}/`)
  const [object] = listed.flatMap((each) => candidate(each, key)).sort((a, b) => b.bytes - a.bytes)
  const file = object && (await lake.open(object.key))
  const base = { version: 1, inputs: [], malformed: 0, indexedMs: clock.nowMs() } as const
  const nothing = { rows: 0, bytes: 0, minutes: NO_MINUTES, arrivalMinMs: null, arrivalMaxMs: null }
  const none = { ...base, ...nothing, key: `raw/${source}/${hour}/none.parquet` }
  if (object === undefined || file === undefined) {
    await entries.mend(key, none)
    return undefined
  }
  try {
    const { fault, contents } = await examine(
      file.path,
      tools,
      mostOf(compactedEntryKey(object.place) === key),
    )
    if (contents === undefined) {
      const setAside = await keepAside({ ...object.place, key: object.key }, fault, tools)
      await lake.remove([object.key])
      await entries.mend(key, none)
      return setAside
    }
    const madeFrom = await tools.workbench.readMadeFrom(session, file.path)
    const { storedMs } = object
    await entries.mend(key, { ...base, key: object.key, madeFrom, ...contents, storedMs })
    return undefined
  } finally {
    await file.release()
  }
}

/** The object with the parts of its name, if the entry stands for it. */
function candidate({ key, bytes, storedMs }: LakeObject, entryKey: string) {
  const place = parseRawKey(key)
  if (place?.extension !== 'parquet') return []
  const isOf = [foreignEntryKey({ ...place, key }), compactedEntryKey(place)].includes(entryKey)
  return isOf ? [{ key, bytes, storedMs, place }] : []
}
