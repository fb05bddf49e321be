import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { FILE_MODE } from '../../../std/files/files.ts'
import type { Piece } from './pieces.ts'

/** Longest line that is read: four times the longest record that Kinesis takes. */
export const MAX_LINE_BYTES = 4_194_304

/**
 * Whether any line is longer. DuckDB reads some that are: what becomes of a line would hang on whether all of its neighbours
 * are events.
 */
export async function hasTooLongLine(files: readonly Piece[]): Promise<boolean> {
  for (const { path } of files) {
    if ((await stat(path)).size > MAX_LINE_BYTES && (await isAnyTooLong(path))) return true
  }
  return false
}

/** Reads in chunks that are shorter: a line that is longer has none of its ends in one of them. */
async function isAnyTooLong(path: string): Promise<boolean> {
  let begunBytes = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    const end = chunk.indexOf(10)
    if (begunBytes + (end < 0 ? chunk.length : end) > MAX_LINE_BYTES) return true
    begunBytes = end < 0 ? begunBytes + chunk.length : chunk.length - chunk.lastIndexOf(10) - 1
  }
  return false
}

export interface Screens {
  readonly lines: string
  readonly dead: string
}

/** Told of a line that cannot be put so: the place of its file, and why. */
export type TellRefused = (place: number, fault: 'length' | 'utf8') => void

/**
 * Makes any bytes readable for SQL: each line becomes `{"place": …, "line": "…"}` in `lines`, whatever is in it. Lines
 * that cannot be put so, being too long or not UTF-8, go as they are to the end of `dead`, and are told. Empty lines vanish.
 * Holds no more than a line in memory, and a piece of one that is too long, whatever the files are: they may be no lines
 * at all.
 */
export async function screen(
  files: readonly Piece[],
  { lines, dead }: Screens,
  tellRefused: TellRefused,
): Promise<void> {
  const readable = await open(lines, 'w', FILE_MODE)
  try {
    const refused = await open(dead, 'a', FILE_MODE)
    try {
      await sift(files, { readable, refused, tellRefused })
    } finally {
      await refused.close()
    }
  } finally {
    await readable.close()
  }
}

interface Sifting {
  readonly readable: FileHandle
  readonly refused: FileHandle
  readonly tellRefused: TellRefused
}

async function sift(files: readonly Piece[], { readable, refused, tellRefused }: Sifting): Promise<void> {
  for (const { path, place } of files) {
    const sieve = createSieve(place)
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      await write(sieve.take(chunk), place)
    }
    await write(sieve.end(), place)
  }

  async function write(sieved: Sieved, place: number): Promise<void> {
    for (const fault of sieved.refused) tellRefused(place, fault)
    if (sieved.lines !== '') await readable.writeFile(sieved.lines)
    if (sieved.dead.length > 0) await refused.writeFile(Buffer.concat(sieved.dead))
  }
}

/** What a chunk completes. */
interface Sieved {
  lines: string
  readonly dead: Buffer[]
  readonly refused: ('length' | 'utf8')[]
}

/** Takes a file apart, a chunk at a time. */
function createSieve(place: number) {
  /** What was read of the current line, unless it is already too long: then it is written as it comes. */
  let begun: Buffer[] = []
  let begunBytes = 0
  let isTooLong = false

  function extend(piece: Buffer, sieved: Sieved): void {
    begun.push(piece)
    begunBytes += piece.length
    if (!isTooLong && begunBytes <= MAX_LINE_BYTES) return
    isTooLong = true
    sieved.dead.push(...begun)
    begun = []
  }

  function finish(sieved: Sieved): void {
    const line = begun.length === 1 && begun[0] !== undefined ? begun[0] : Buffer.concat(begun)
    if (isTooLong || !isUtf8(line)) {
      sieved.dead.push(line, LINE_END)
      sieved.refused.push(isTooLong ? 'length' : 'utf8')
    } else {
      // Trimmed as DuckDB's reader does it, of a byte order mark as well.
      const text = line.toString().trim()
      if (text !== '') sieved.lines += `${JSON.stringify({ place, line: text })}\n`
    }
    begun = []
    begunBytes = 0
    isTooLong = false
  }

  return {
    take(chunk: Buffer): Sieved {
      const sieved: Sieved = { lines: '', dead: [], refused: [] }
      let from = 0
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        extend(chunk.subarray(from, end), sieved)
        finish(sieved)
        from = end + 1
      }
      extend(chunk.subarray(from), sieved)
      return sieved
    },
    end(): Sieved {
      const sieved: Sieved = { lines: '', dead: [], refused: [] }
      finish(sieved)
      return sieved
    },
  }
}

const LINE_END = Buffer.from('\n')
