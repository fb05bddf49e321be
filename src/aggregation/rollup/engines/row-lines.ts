import { createReadStream } from 'node:fs'
import type { WrittenRow } from '../stores/written-row.ts'

/** Read at a time: some hundred rows, which are parsed within a millisecond. Ours. */
const CHUNK_BYTES = 131_072
const LINE_END = 0x0a

/** The rows of a file that `writeSortedRows` wrote. */
export async function* rowsIn(path: string, signal: AbortSignal): AsyncGenerator<readonly WrittenRow[]> {
  let begun: Buffer[] = []
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    signal.throwIfAborted()
    const end = chunk.lastIndexOf(LINE_END)
    if (end >= 0) {
      const lines = Buffer.concat([...begun, chunk.subarray(0, end)]).toString()
      yield lines.split('\n').map(rowOf)
      begun = []
    }
    begun.push(chunk.subarray(end + 1))
  }
}

type Fields = [string, string, string, string, string, string, string, string, string]

function rowOf(line: string): WrittenRow {
  const [names, value, n, rows, sum, squares, minMicros, maxMicros, histogram] = line.split('\t') as Fields
  const group = stringified(names).slice(1, -1)
  return { group, value: stringified(value), n, rows, sum, squares, minMicros, maxMicros, histogram }
}

/** DuckDB escapes some characters with capital letters, such as `\u000B`, and JSON.stringify with small ones. */
const stringified = (json: string): string =>
  json.includes('\\u00') ? JSON.stringify(JSON.parse(json)) : json
