import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { setImmediate as nextLoopRound } from 'node:timers/promises'
import { createGunzip, type Gunzip } from 'node:zlib'
import { isGzip as isGzipBytes, unreadableAs } from '../../../std/files/magic-bytes.ts'

/** How much of a gzip file is inflated at a time: a piece grows to 16 MiB at most. */
const PIECE_BYTES = 16_384

/** So much of a file is looked at to know what it is. */
const HEAD_BYTES = 64

/** What a file is by its first bytes. Nothing is `other`, too. */
export async function kindOf(path: string): Promise<'gzip' | 'text' | 'other'> {
  const head = await headOf(path)
  if (isGzipBytes(head)) return 'gzip'
  return head.length > 0 && head.every(isWritten) ? 'text' : 'other'
}

/** Why a file has no lines that can be read, where its first bytes say that it is something else. */
export async function notLines(path: string): Promise<string | undefined> {
  const what = await unreadableKindOf(path)
  return (
    what &&
    `It is ${what}; lines are read as text in UTF-8, plain (.ndjson) or compressed by gzip (.ndjson.gz)`
  )
}

/** What a file is by its first bytes, in words, where it holds no lines as it stands; Parquet is `Parquet`. */
export const unreadableKindOf = async (path: string): Promise<string | undefined> =>
  unreadableAs(await headOf(path))

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

const isWritten = (byte: number): boolean => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d)

/**
 * By its bytes: who writes objects may be told to compress them and not to call them so, or the other way round. By its
 * name where they are no text, and no gzip either: then it is a damaged one.
 */
export async function isGzip(path: string, isNamedSo: boolean): Promise<boolean> {
  const kind = await kindOf(path)
  return kind === 'gzip' || (isNamedSo && kind === 'other')
}

/**
 * What a gzip file holds: all that can be read of it, and then the error that says why there is no more. Not by
 * `pipeline`, which drops what lies between its streams as soon as one of them fails: what was read of a file that breaks
 * off was then a matter of luck.
 */
export async function* gunzipped(path: string): AsyncGenerator<Buffer> {
  const reading: Reading = { given: 0, at: 0 }
  const fault = yield* inflating(path, reading)
  if (fault === undefined) return
  // zlib drops what it has just made when it meets a fault. From that piece on it is given byte by byte.
  yield* inflating(path, { given: 0, at: 0, known: reading.given, slowFrom: reading.at })
  throw fault
}

interface Reading {
  /** Bytes that were given out. */
  given: number
  /** Where in the file the piece begins that is inflated. */
  at: number
  /** So many were given out before. */
  readonly known?: number
  readonly slowFrom?: number
}

/** Answers what is wrong with the file. */
async function* inflating(path: string, reading: Reading): AsyncGenerator<Buffer, Error | undefined> {
  const { slowFrom = Number.POSITIVE_INFINITY } = reading
  const gunzip = createGunzip()
  const ready: Buffer[] = []
  gunzip.on('data', (chunk: Buffer) => ready.push(chunk))
  // Whoever waits for it is told; that it is told twice must not end the process.
  gunzip.on('error', () => {})
  try {
    for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
      for (const part of reading.at >= slowFrom ? bytesOf(piece) : [piece]) {
        if (gunzip.readableEnded) break
        const fault = await faultOf(gunzip, (done) => gunzip.write(part, done))
        yield* news(ready.splice(0), reading)
        if (fault) return fault
      }
      expectPadding(gunzip, piece, reading.at)
      reading.at += piece.length
    }
    const fault = gunzip.readableEnded ? undefined : await faultOf(gunzip, () => gunzip.end())
    yield* news(ready.splice(0), reading)
    // All is out that there was.
    if (fault) throw fault
    return undefined
  } finally {
    gunzip.destroy()
  }
}

/**
 * zlib stops at a zero. Those of a tape are passed over, as by gzip(1); a member behind them would be lost without a word.
 */
function expectPadding({ readableEnded, bytesWritten }: Gunzip, piece: Buffer, at: number): void {
  const rest = piece.subarray(Math.max(0, bytesWritten - at))
  if (!readableEnded || rest.equals(Buffer.alloc(rest.length))) return
  throw Object.assign(new Error('Something stands behind the padding'), { code: 'Z_DATA_ERROR' })
}

const bytesOf = (piece: Buffer): readonly Buffer[] => Array.from(piece, (_, at) => piece.subarray(at, at + 1))

/** What was not given out before. A piece may hold a thousand chunks, of each of which much may be made. */
async function* news(chunks: readonly Buffer[], reading: Reading): AsyncGenerator<Buffer> {
  for (const chunk of chunks) {
    const from = Math.max(0, (reading.known ?? 0) - reading.given)
    reading.given += chunk.length
    if (from >= chunk.length) continue
    yield chunk.subarray(from)
    await nextLoopRound()
  }
}

type Done = (error?: Error | null) => void

/** What goes wrong until the work is done, or all is read. */
function faultOf(gunzip: Gunzip, begin: (done: Done) => void): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const done: Done = (error) => {
      gunzip.off('end', done).off('error', done)
      resolve(error ?? undefined)
    }
    gunzip.on('end', done).on('error', done)
    begin(done)
  })
}
