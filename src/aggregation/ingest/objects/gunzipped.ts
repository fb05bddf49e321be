import { createReadStream } from 'node:fs'
import { createGunzip, type Gunzip } from 'node:zlib'

/** Of a file, inflated at a time: it grows to 16 MiB at most. */
const PIECE_BYTES = 16_384

/**
 * What a gzip file holds: all that can be read of it, and then the error that says why there is no more. Not by
 * `pipeline`, which drops what lies between its streams as soon as one of them fails: what was read of a file that breaks
 * off was then a matter of luck.
 */
export async function* gunzipped(path: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip()
  const ready: Buffer[] = []
  gunzip.on('data', (chunk: Buffer) => ready.push(chunk))
  // Whoever waits for it is told; that it is told twice must not end the process.
  gunzip.on('error', () => {})
  try {
    for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
      // Of what may follow the last member nothing is read, such as the zeros of a tape.
      if (gunzip.readableEnded) break
      const fault = await faultOf(gunzip, (done) => gunzip.write(piece, done))
      yield* ready.splice(0)
      if (fault) throw fault
    }
    const fault = gunzip.readableEnded ? undefined : await faultOf(gunzip, () => gunzip.end())
    yield* ready.splice(0)
    if (fault) throw fault
  } finally {
    gunzip.destroy()
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
