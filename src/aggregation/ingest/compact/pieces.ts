import { createReadStream } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { FILE_MODE } from '../../../std/files/files.ts'

const LINE_END = 10

/** A file of whole lines, and the place of the file that they are from. */
export interface Piece {
  readonly path: string
  readonly place: number
}

/**
 * Files of lines in portions of about `maxBytes`: several that are small together, one that is larger cut after line
 * ends, into a file at `target` that is written over with each further portion.
 */
export async function* piecesOf(
  paths: readonly string[],
  maxBytes: number,
  target: string,
): AsyncGenerator<readonly Piece[]> {
  let together: Piece[] = []
  let bytes = 0
  for (const [place, path] of paths.entries()) {
    const { size } = await stat(path)
    if (size > maxBytes) {
      for await (const part of parts(path, maxBytes, target)) yield [{ path: part, place }]
      continue
    }
    if (together.length > 0 && bytes + size > maxBytes) {
      yield together
      together = []
      bytes = 0
    }
    together.push({ path, place })
    bytes += size
  }
  if (together.length > 0) yield together
}

async function* parts(path: string, maxBytes: number, target: string): AsyncGenerator<string> {
  let part: FileHandle | undefined
  let bytes = 0
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let from = 0
      while (from < chunk.length) {
        const end = chunk.indexOf(LINE_END, from + Math.max(0, maxBytes - bytes))
        const to = end < 0 ? chunk.length : end + 1
        part ??= await open(target, 'w', FILE_MODE)
        await part.writeFile(chunk.subarray(from, to))
        bytes += to - from
        from = to
        if (end < 0) continue
        await part.close()
        part = undefined
        bytes = 0
        yield target
      }
    }
    await part?.close()
    if (part !== undefined) yield target
  } finally {
    // Closing twice is no error.
    await part?.close()
  }
}
