import { createHash } from 'node:crypto'
import { deadKey, indexKey } from '../../lake/layout.ts'
import type { IngestReport } from './arrivals.ts'
import { contentsOf } from './compact.ts'
import { checkColumns } from './event-sql.ts'
import { deadSource, type IngestTools } from './ingest-partition.ts'
import type { ForeignObject } from './pending.ts'
import { isInputFault } from './sql-session.ts'

/** The entry of a Parquet object that others put into the lake, such as Firehose: one each, named after its key. */
export function foreignEntryKey({ key, source, arrivalMs }: ForeignObject): string {
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 16)
  return indexKey(arrivalMs, `p-${source}-${hash}`)
}

/** Indexes the object as it is. One that cannot be read as events is put aside whole. */
export async function indexForeign(object: ForeignObject, tools: IngestTools): Promise<IngestReport> {
  const file = await tools.lake.open(object.key)
  if (!file) return NOTHING
  try {
    return await indexFile(object, file.path, tools)
  } finally {
    await file.release()
  }
}

const NOTHING: IngestReport = { inputs: 0, rows: 0, malformed: 0 }

async function indexFile(object: ForeignObject, path: string, tools: IngestTools): Promise<IngestReport> {
  const { entries, session } = tools
  try {
    await session.run([checkColumns(path)])
    const contents = await contentsOf(session, path)
    const indexedMs = tools.clock.nowMs()
    const entry = { version: 1, key: object.key, inputs: [], malformed: 0, ...contents, indexedMs } as const
    const outcome = await entries.commit(foreignEntryKey(object), entry)
    return outcome === 'exists' ? NOTHING : { inputs: 1, rows: contents.rows, malformed: 0 }
  } catch (error) {
    if (!isInputFault(error)) throw error
    await putAside(object, tools)
    return { inputs: 1, rows: 0, malformed: 1 }
  }
}

async function putAside(object: ForeignObject, { lake }: IngestTools): Promise<void> {
  const body = await lake.get(object.key)
  if (body) await lake.put(deadKey({ ...object, source: deadSource(object.source) }), body)
  await lake.remove([object.key])
}
