import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { indexKey, rawKey } from '../../../lake/layout.ts'
import { unlessRejected } from '../../../std/expected-errors.ts'
import { copyWithBytes } from '../compact/bytes-for-texts.ts'
import { columnsOf, fileColumns, textsOfBytes } from '../compact/parquet-shape.ts'
import { ifAffordable } from '../duckdb/affordable.ts'
import { allRows, isInputFault } from '../duckdb/sql-session.ts'
import type { IngestReport } from '../index/arrivals.ts'
import type { ForeignObject } from '../index/pending.ts'
import { examine } from './examine.ts'
import type { IngestTools } from './ingest-partition.ts'
import { addPart, emptyReport, NOTHING } from './ingest-report.ts'
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
  const examined = await examine(path, tools)
  if (examined.contents === undefined) return putAside(object, { path, fault: examined.fault }, tools)
  const { contents, doubts } = examined
  const doubtful = doubts.map((doubt) => ({ key: object.key, ...doubt }))
  const times = { indexedMs: tools.clock.nowMs(), storedMs: object.storedMs }
  const entry = { version: 1, key: object.key, inputs: [], malformed: 0, ...contents, ...times } as const
  const outcome = await tools.entries.commit(foreignEntryKey(object), entry)
  return outcome === 'exists' ? NOTHING : { ...NOTHING, inputs: 1, rows: contents.rows, doubtful }
}

interface Refused {
  readonly path: string
  readonly fault: string
}

/** What can be read of it is indexed in its place. */
async function putAside(
  object: ForeignObject,
  { path, fault }: Refused,
  tools: IngestTools,
): Promise<IngestReport> {
  const mended = NO_UTF8.test(fault) ? await mendTexts(object, path, tools) : undefined
  const why = mended ? `${fault}; ${mended.key} has all else of it, and was taken in` : fault
  const setAside = await keepAside(object, why, tools)
  await tools.lake.remove([object.key])
  const report = emptyReport()
  addPart(report, { ...NOTHING, inputs: 1, malformed: 1, setAside: [setAside] })
  if (mended !== undefined) addPart(report, await indexForeign(mended, tools))
  return report
}

/** What DuckDB says of one such text, and reads no other. */
const NO_UTF8 = /^DuckDB: Invalid Input Error: Invalid string encoding/

/** Stores the object beside itself without the texts that are no UTF-8. Undefined where that cannot be made. */
async function mendTexts(
  object: ForeignObject,
  path: string,
  { lake, session, folder }: IngestTools,
): Promise<ForeignObject | undefined> {
  const name = `${object.name}-utf8`
  const mended = { ...object, name, key: rawKey({ ...object, name, extension: 'parquet' }) }
  const [bytes, texts] = [join(folder, 'bytes'), join(folder, 'texts')]
  const make = async (): Promise<boolean> => {
    if (!(await copyWithBytes(path, bytes))) return false
    const columns = fileColumns(await allRows(session, columnsOf(path)), [])
    await session.run([textsOfBytes(bytes, columns, { path: texts, madeFrom: object.key })])
    return true
  }
  try {
    const isMade = await unlessRejected(
      ifAffordable(make, () => false),
      isInputFault,
    )
    if (isMade !== true) return undefined
    // After a crash it may be there, and be read.
    if ((await lake.keys(mended.key)).length === 0) await lake.putFile(mended.key, texts)
    return mended
  } finally {
    await rm(bytes, { force: true })
  }
}
