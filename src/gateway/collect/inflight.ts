import { AppError } from '../../std/errors.ts'

/** What a request costs beside its body, as long as it is not answered: without it, tiny ones could be pipelined without end. */
export const REQUEST_BYTES = 4_096

/** What one request holds of the budget. */
export interface Lease {
  /** Claims more, or throws `overloaded`: then nothing more is held than before. */
  grow(bytes: number): void
  /** Gives everything back. Always called, whatever became of the request. */
  release(): void
}

export interface ByteBudget {
  lease(): Lease
  heldBytes(): number
}

/**
 * Bounds the memory of all requests together, before anything is known about who sends them. Bytes count as they arrive,
 * not as Content-Length announces them: sixty idle connections could announce the whole budget away.
 */
export function createByteBudget(limitBytes: number): ByteBudget {
  let held = 0
  return {
    heldBytes: () => held,
    lease() {
      let mine = 0
      return {
        grow(bytes) {
          if (held + bytes > limitBytes) {
            throw new AppError('overloaded', `Requests in flight would exceed ${limitBytes} bytes.`)
          }
          held += bytes
          mine += bytes
        },
        release() {
          held -= mine
          mine = 0
        },
      }
    },
  }
}
