import { readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

/** Every file of a folder as text, by its path in it: Parquet files as the rows that they hold, all others as they are. */
export async function textsIn(folder: string): Promise<Readonly<Record<string, string>>> {
  const texts: Record<string, string> = {}
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name)
    // A file may be compacted or swept while this looks.
    if (!(await stat(path).catch(unlessGone))?.isFile()) continue
    const rows = name.endsWith('.parquet') ? await rowsOf(path).catch(() => undefined) : undefined
    const text = rows ?? (await readFile(path).catch(unlessGone))?.toString()
    if (text !== undefined) texts[name] = text
  }
  connection.closeSync()
  instance.closeSync()
  return texts

  async function rowsOf(path: string): Promise<string> {
    const query = `SELECT CAST(to_json(r) AS VARCHAR) FROM read_parquet('${path}') r`
    return (await connection.runAndReadAll(query)).getRows().join('\n')
  }
}

function unlessGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

/** A Parquet file of one event whose columns are right and whose value is none. It is whole as soon as it is there. */
export async function writeUnusable(path: string, value: string, timeMs: number): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const event = `SELECT 'e1' AS event_id, ${timeMs}::BIGINT AS event_time, ${timeMs}::BIGINT AS received_time,
    'shop' AS app_id, 'a' AS name, '${value}' AS value, 'ms' AS unit, 1.0::DOUBLE AS weight`
  await connection.run(`COPY (${event}) TO '${path}.part' (FORMAT parquet)`)
  connection.closeSync()
  instance.closeSync()
  await rename(`${path}.part`, path)
}
