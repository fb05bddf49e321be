import { createReadStream } from 'node:fs'
import { FILE_TOO_LARGE } from '../system-faults.ts'

/** What open(2) calls it. What write(2) calls so is a file that may not grow: it is told from that by its name. */
const TOO_LARGE = 'EFBIG'

/**
 * Says that a file is larger than any that belongs there: zeros, perhaps, that a lost sync or a copy has left. It is damaged,
 * and nothing of it is read: that would take the memory of everything else, and from 512 MiB on no text can hold it.
 */
export function tooLarge(path: string, maxBytes: number): Error {
  const message = `${path} is too large: nothing that belongs there has more than ${maxBytes} bytes; look at what it is, and move it away`
  return Object.assign(new Error(message), { name: FILE_TOO_LARGE, code: TOO_LARGE, path })
}

export const isTooLarge = (error: unknown): error is Error =>
  error instanceof Error && error.name === FILE_TOO_LARGE

/** What a file holds that a person names, which may be a pipe. */
export async function readAtMost(path: string, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  // The last byte that is read is one too many.
  for await (const chunk of createReadStream(path, { end: maxBytes }) as AsyncIterable<Buffer>)
    chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  if (bytes.length > maxBytes) throw tooLarge(path, maxBytes)
  return bytes
}
