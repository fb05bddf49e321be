import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { crc32 } from '@node-rs/crc32'
import { AppError } from '../std/errors.ts'

/** The largest body of one PutObject: https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html */
const MAX_BYTES = 5 * 1_024 ** 3
/** Handed to the socket at a time, so that the encryption of a large body does not hold up the event loop. Ours. */
const SLICE_BYTES = 262_144

/** What a put sends, as often as it takes. */
export interface PutBody {
  readonly bytes: number
  /** CRC32 in base64, as S3 wants it. */
  readonly checksum: string
  /** A stream, also of bytes in memory: the SDK would hash those as a whole for its signature. */
  open(): Readable
}

export function bytesBody(body: Uint8Array): PutBody {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return {
    bytes: bytes.length,
    checksum: base64(crc32(bytes)),
    open: () => Readable.from(slices(bytes), { objectMode: false }),
  }
}

export async function fileBody(path: string): Promise<PutBody> {
  const { size } = await stat(path)
  if (size > MAX_BYTES) throw new AppError('lake_failed', `An object holds ${MAX_BYTES} bytes, not ${size}`)
  let checksum = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) checksum = crc32(chunk, checksum)
  return { bytes: size, checksum: base64(checksum), open: () => createReadStream(path) }
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) yield bytes.subarray(at, at + SLICE_BYTES)
}

function base64(checksum: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(checksum)
  return bytes.toString('base64')
}
