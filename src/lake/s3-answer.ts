import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { allowedMs, tooLate } from '../std/aws/whole-call.ts'
import type { Clock } from '../std/clock.ts'
import { tooLarge } from '../std/files/too-large.ts'

/** The body of an answer, and how many bytes the server says that it has: it need not. */
export interface ObjectBody {
  readonly body: Readable
  readonly announcedBytes: number
}

/**
 * Lets bytes through as long as they come fast enough for as many. That a body stops is seen by the silence of its
 * connection; one that drips is never silent, and its length is what a server claims.
 */
export function inPace(callMs: number, clock: Clock) {
  const startedMs = clock.monotonicMs()
  return async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0
    for await (const chunk of source) {
      bytes += chunk.length
      const ms = allowedMs(callMs, bytes)
      if (clock.monotonicMs() - startedMs > ms) throw tooLate(ms)
      yield chunk
    }
  }
}

export type Pace = ReturnType<typeof inPace>

/** All of it, in memory. */
export const bytesOf =
  (key: string, maxBytes: number) =>
  async ({ body, announcedBytes }: ObjectBody, pace: Pace): Promise<Buffer> => {
    const chunks: Buffer[] = []
    let held = 0
    if (announcedBytes > maxBytes) {
      body.destroy()
      throw tooLarge(key, maxBytes)
    }
    await pipeline(body, pace, async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) {
        held += chunk.length
        if (held > maxBytes) throw tooLarge(key, maxBytes)
        chunks.push(chunk)
      }
    })
    return Buffer.concat(chunks)
  }
