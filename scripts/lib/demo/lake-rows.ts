import { DuckDBInstance } from '@duckdb/node-api'

/**
 * The measurements below `lake/raw`, read by a DuckDB of its own: what is really in the files, not what Headgate says of
 * them, and without what gateways tell of themselves. A file may be compacted while this looks; the count is then taken again.
 */
export async function lakeRows(dataDir: string): Promise<readonly { eventId: string; value: number }[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const read = async (ending: string, reader: string) => {
    const glob = `${dataDir}/lake/raw/**/*.${ending}`
    const [[files] = []] = (await connection.runAndReadAll(`SELECT count(*) FROM glob('${glob}')`)).getRows()
    if (Number(files) === 0) return []
    const result = await connection.runAndReadAll(
      `SELECT event_id, CAST(value AS DOUBLE) FROM ${reader}('${glob}') WHERE name <> 'headgate.ledger'`,
    )
    return result.getRows().map(([eventId, value]) => ({ eventId: String(eventId), value: Number(value) }))
  }
  try {
    return [...(await read('parquet', 'read_parquet')), ...(await read('ndjson', 'read_ndjson'))]
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
