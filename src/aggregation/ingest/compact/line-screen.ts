import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { type ResumableWork, runYielding } from '../../../std/async/yielding.ts'
import { FILE_MODE } from '../../../std/files/files.ts'
import { holdsTooMany, MAX_LINE_VALUES } from './line-values.ts'
import { withoutLoneSurrogates } from './lone-surrogates.ts'
import type { Piece } from './pieces.ts'

/** Longest line that is read: four times the longest record that Kinesis takes. */
export const MAX_LINE_BYTES = 4_194_304

/**
 * Whether any line is so long that it may be refused for its length, or for all that it holds. DuckDB reads some of those:
 * what becomes of a line would hang on whether all of its neighbours are events.
 */
export async function hasLongLine(files: readonly Piece[]): Promise<boolean> {
  for (const { path } of files) {
    if ((await stat(path)).size > MAX_LINE_VALUES && (await isAnyLong(path))) return true
  }
  return false
}

/** Read at a time: a call for each 64 KiB takes longer than to look through them. Ours. */
const READ_BYTES = 1_048_576

/** From the beginning of a line to the last end of one that may be: whatever lies between is not looked at. */
async function isAnyLong(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const room = Buffer.allocUnsafeSlow(READ_BYTES)
    let begunBytes = 0
    for (;;) {
      const { bytesRead } = await file.read(room, 0, READ_BYTES)
      if (bytesRead === 0) return false
      const piece = room.subarray(0, bytesRead)
      let start = -begunBytes
      while (start + MAX_LINE_VALUES < piece.length) {
        const end = piece.lastIndexOf(10, start + MAX_LINE_VALUES)
        if (end < Math.max(start, 0)) return true
        start = end + 1
      }
      begunBytes = piece.length - Math.max(start, piece.lastIndexOf(10) + 1)
    }
  } finally {
    await file.close()
  }
}

export interface Screens {
  readonly lines: string
  readonly dead: string
}

/** Why a line is not even looked into. */
type Refusal = 'length' | 'utf8' | 'values'

/** Told of a line that is not put so: the place of its file, and why. */
export type TellRefused = (place: number, fault: Refusal) => void

/**
 * Makes any bytes readable for SQL: each line becomes `{"place": …, "line": "…"}` in `lines`, whatever is in it, halves of characters as gateways store them. Lines
 * that are too long, not UTF-8, or hold too much go as they are to the end of `dead`, and are told. Empty lines vanish.
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
    const take = createSieve(place, (fault) => tellRefused(place, fault))
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      await write(await runYielding(take(chunk)))
    }
    // Whatever ends the file is a line.
    await write(await runYielding(take(LINE_END)))
  }

  async function write({ lines, dead }: Sieved): Promise<void> {
    for (const text of lines) await readable.writeFile(text)
    if (dead.length > 0) await refused.writeFile(Buffer.concat(dead))
  }
}

/** What a chunk completes. */
interface Sieved {
  /** Texts of about `PIECE_CHARS`, which are written one by one. */
  readonly lines: string[]
  readonly dead: Buffer[]
}

/** Takes a file apart, a chunk at a time, in steps: a chunk may be all line ends, and a line as long as 64 of them. */
function createSieve(place: number, tellRefused: (fault: Refusal) => void) {
  /** What was read of the current line, unless it is already too long: then it is written as it comes. */
  let begun: Buffer[] = []
  let begunBytes = 0
  let isTooLong = false

  function extend(piece: Buffer, { dead }: Sieved): void {
    begun.push(piece)
    begunBytes += piece.length
    if (!isTooLong && begunBytes <= MAX_LINE_BYTES) return
    isTooLong = true
    dead.push(...begun)
    begun = []
  }

  /** The text of the line that ends here; none of one that is empty, or refused. */
  function finished({ dead }: Sieved): string {
    const line = begun.length === 1 && begun[0] !== undefined ? begun[0] : Buffer.concat(begun)
    const fault = isTooLong ? 'length' : faultOf(line)
    begun = []
    begunBytes = 0
    isTooLong = false
    // Trimmed as DuckDB's reader does it, of a byte order mark as well.
    if (fault === undefined) return line.toString().trim()
    dead.push(line, LINE_END)
    tellRefused(fault)
    return ''
  }

  return function* take(chunk: Buffer): ResumableWork<Sieved> {
    const sieved: Sieved = { lines: [], dead: [] }
    let from = 0
    let ended = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      extend(chunk.subarray(from, end), sieved)
      const text = yield* withoutLoneSurrogates(finished(sieved))
      if (text.length > PIECE_CHARS) yield* addInPieces(sieved.lines, place, text)
      else if (text !== '') add(sieved.lines, `${JSON.stringify({ place, line: text })}\n`)
      from = end + 1
      if (++ended % LINES_A_STEP === 0) yield
    }
    extend(chunk.subarray(from), sieved)
    return sieved
  }
}

function faultOf(line: Buffer): Refusal | undefined {
  if (!isUtf8(line)) return 'utf8'
  return holdsTooMany(line) ? 'values' : undefined
}

/** Between two steps, of lines that each take a microsecond or less. Ours: a step costs as much. */
const LINES_A_STEP = 64
/** Written as JSON in a step, and to the file at a time: where each character is escaped it takes a millisecond or two. */
const PIECE_CHARS = 65_536

/** Where a piece ends between the halves of a character, each is escaped by itself, and they are read as one. */
function* addInPieces(lines: string[], place: number, text: string): ResumableWork<void> {
  add(lines, `{"place":${place},"line":"`)
  for (let from = 0; from < text.length; from += PIECE_CHARS) {
    add(lines, JSON.stringify(text.slice(from, from + PIECE_CHARS)).slice(1, -1))
    yield
  }
  add(lines, '"}\n')
}

function add(lines: string[], text: string): void {
  const last = lines.at(-1)
  if (last === undefined || last.length >= PIECE_CHARS) lines.push(text)
  else lines[lines.length - 1] = last + text
}

const LINE_END = Buffer.from('\n')
