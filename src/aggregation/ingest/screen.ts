import { isUtf8 } from 'node:buffer'
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

/** Longest line that is read: four times the longest record that Kinesis takes. */
export const MAX_LINE_BYTES = 4_194_304

/**
 * Makes any bytes readable for SQL: each line becomes `{"line": "…"}` in `lines`, whatever is in it. Lines that cannot
 * be put so, being too long or not UTF-8, go as they are into `dead`; the answer counts them. Empty lines vanish.
 */
export async function screen(
  files: readonly string[],
  { lines, dead }: { readonly lines: string; readonly dead: string },
): Promise<number> {
  const refused: Buffer[] = []
  await pipeline(readable(files, refused), createWriteStream(lines, { mode: 0o600 }))
  await pipeline(
    refused.flatMap((line) => [line, '\n']),
    createWriteStream(dead, { mode: 0o600 }),
  )
  return refused.length
}

async function* readable(files: readonly string[], refused: Buffer[]): AsyncGenerator<string> {
  for (const file of files) {
    for await (const line of linesOf(file)) {
      if (line.length > MAX_LINE_BYTES || !isUtf8(line)) refused.push(line)
      // Trimmed as DuckDB's reader does it, of a byte order mark as well.
      else if (line.toString().trim() !== '') yield `${JSON.stringify({ line: line.toString().trim() })}\n`
    }
  }
}

async function* linesOf(file: string): AsyncGenerator<Buffer> {
  let begun: Buffer[] = []
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      yield Buffer.concat([...begun, chunk.subarray(from, end)])
      begun = []
      from = end + 1
    }
    begun.push(chunk.subarray(from))
  }
  yield Buffer.concat(begun)
}
