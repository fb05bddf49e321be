import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createGunzip } from 'node:zlib'

const NEWLINE = 0x0a

/** Lines of all NDJSON files: what went to the lake instead. */
export async function linesBelow(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  let lines = 0
  for (const name of names.filter((each) => /\.ndjson(\.gz)?$/.test(each))) {
    const file = createReadStream(join(folder, name))
    const text: AsyncIterable<Buffer> = name.endsWith('.gz') ? file.pipe(createGunzip()) : file
    for await (const chunk of text) {
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1
    }
  }
  return lines
}
