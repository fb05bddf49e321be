import { createReadStream } from 'node:fs'
import { AppError } from '../../../std/errors.ts'
import { gunzipped } from '../compact/gunzip.ts'

/**
 * Twice what Firehose puts into an object at most, and before it is compressed:
 * https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html
 */
export const MAX_OBJECT_BYTES = 268_435_456
/** A line is a record or a part of one; this is the largest that a stream takes by default. */
export const MAX_DIRECT_RECORD_BYTES = 1_048_576

/** Bytes of each read, which is zlib's default, and so of what is judged without yielding. */
const CHUNK_BYTES = 16_384
const LINE_END = 10

export interface Line {
  /** From 1. */
  readonly number: number
  /** The line, or the beginning of one that is longer than is read. */
  readonly bytes: Buffer
  readonly isTooLong: boolean
}

/** A local file, and whether its bytes are to be inflated. */
export interface ObjectContent {
  readonly path: string
  readonly isGzip: boolean
}

/** Lines that ended in one chunk, but empty ones. */
export interface LineChunk {
  readonly lines: readonly Line[]
  /** How many there were, when nobody wanted to read them any more. */
  readonly unread: number
}

export const isTooLarge = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'body_too_large'

/**
 * Once `isEnough`, lines are counted instead. Rejects with `body_too_large` when the object is larger than any should be,
 * once inflated. Whoever writes objects of nothing but line ends should not cost more than others: no promise a line.
 */
export async function* objectLines(
  content: ObjectContent,
  isEnough: () => boolean,
): AsyncGenerator<LineChunk> {
  const splitter = createSplitter()
  for await (const chunk of bytesOf(content)) {
    if (isEnough()) yield { lines: [], unread: lineEndsIn(chunk) }
    else yield { lines: splitter.linesEndingIn(chunk), unread: 0 }
  }
  yield { lines: isEnough() ? [] : splitter.last(), unread: 0 }
}

/** Takes chunks apart into lines, of which it keeps no more than one may have. */
export function createSplitter() {
  let number = 1
  let begun: Buffer[] = []
  let bytes = 0
  const take = (part: Buffer) => {
    const room = MAX_DIRECT_RECORD_BYTES - bytes
    if (room > 0) begun.push(part.subarray(0, room))
    bytes += part.length
  }
  const finish = (): Line[] => {
    const line = { number, bytes: Buffer.concat(begun), isTooLong: bytes > MAX_DIRECT_RECORD_BYTES }
    number += 1
    begun = []
    bytes = 0
    return isEmpty(line.bytes) ? [] : [line]
  }
  return {
    last: finish,
    linesEndingIn(chunk: Buffer): readonly Line[] {
      const lines: Line[] = []
      let from = 0
      for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, from)) {
        take(chunk.subarray(from, end))
        lines.push(...finish())
        from = end + 1
        for (; chunk[from] === LINE_END; from++) number += 1
      }
      take(chunk.subarray(from))
      return lines
    },
  }
}

/** Or the rest of a line end as Windows writes it. */
const isEmpty = (line: Buffer): boolean => line.length === 0 || (line.length === 1 && line[0] === 13)

function lineEndsIn(chunk: Buffer): number {
  let found = 0
  for (const byte of chunk) if (byte === LINE_END) found++
  return found
}

export async function* bytesOf(
  { path, isGzip }: ObjectContent,
  maxBytes = MAX_OBJECT_BYTES,
): AsyncGenerator<Buffer> {
  const content: AsyncIterable<Buffer> = isGzip
    ? gunzipped(path)
    : createReadStream(path, { highWaterMark: CHUNK_BYTES })
  let bytes = 0
  for await (const chunk of content) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new AppError('body_too_large', `It has more than ${maxBytes} bytes`)
    yield chunk
  }
}
