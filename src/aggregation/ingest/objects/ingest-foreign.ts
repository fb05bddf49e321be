import { createHash } from 'node:crypto'
import { indexKey } from '../../../lake/layout.ts'
import type { IngestReport } from '../index/arrivals.ts'
import type { ForeignObject } from '../index/pending.ts'
import { examine } from './examine.ts'
import type { IngestTools } from './ingest-partition.ts'
import { NOTHING } from './ingest-report.ts'
import { keepAside } from './set-aside.ts'

/** The entry of a Parquet object that others put into the lake, such as Firehose: one each, named after its key. */
export function foreignEntryKey({
  key,
  source,
  arrivalMs,
}: Pick<ForeignObject, 'key' | 'source' | 'arrivalMs'>): string {
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 16)
  return indexKey(arrivalMs, `p-${source}-${hash}`)
}

/** Indexes the object as it is. One that cannot be read with others is put aside whole. */
export async function indexForeign(object: ForeignObject, tools: IngestTools): Promise<IngestReport> {
  const file = await tools.lake.open(object.key)
  if (!file) return NOTHING
  try {
    return await indexFile(object, file.path, tools)
  } finally {
    await file.release()
  }
}

async function indexFile(object: ForeignObject, path: string, tools: IngestTools): Promise<IngestReport> {
  const { entries, lake } = tools
  const examined = await examine(path, tools)
  if (examined.contents === undefined) {
    const setAside = await keepAside(object, examined.fault, tools)
    await lake.remove([object.key])
    return { ...NOTHING, inputs: 1, malformed: 1, setAside: [setAside] }
  }
  const { contents, doubts } = examined
  const doubtful = doubts.map((doubt) => ({ key: object.key, ...doubt }))
  const times = { indexedMs: tools.clock.nowMs(), storedMs: object.storedMs }
  const entry = { version: 1, key: object.key, inputs: [], malformed: 0, ...contents, ...times } as const
  const outcome = await entries.commit(foreignEntryKey(object), entry)
  return outcome === 'exists' ? NOTHING : { ...NOTHING, inputs: 1, rows: contents.rows, doubtful }
}
