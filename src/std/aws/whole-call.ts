import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * So much more time for each byte of a large body: a connection slower than 1 MiB/s is given up. Amazon's give some
 * 85 MiB/s: https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-design-patterns.html
 */
export const SLOWEST_BYTES_PER_MS = 1_049

/** How long a call may take that carries so many bytes. */
export const allowedMs = (callMs: number, bytes: number): number =>
  callMs + Math.ceil(bytes / SLOWEST_BYTES_PER_MS)

/**
 * One deadline for all that a call does: credentials, what is sent, the head of the answer and its body, where the SDK
 * reads it, and a second attempt with other credentials. The timeouts of the SDK watch one of these each, and silence: a
 * server that sends a byte now and then would be waited for without end.
 */
export function wholeCalls(callMs: number) {
  const ends = new AsyncLocalStorage<AbortSignal>()
  return {
    /** Middleware around a whole call. A body that the caller reads (GetObject) is his to watch: see `inPace`. */
    within:
      <Args extends { readonly input: object }, Output>(next: (args: Args) => Promise<Output>) =>
      async (args: Args): Promise<Output> => {
        const end = new AbortController()
        const ms = allowedMs(callMs, sentBytesOf(args.input))
        try {
          return await inTime(
            ends.run(end.signal, () => next(args)),
            ms,
            tooLate,
          )
        } catch (error) {
          end.abort()
          throw error
        }
      },

    /** The end of the call that is under way: what is asked on its behalf, for credentials too, ends with it. */
    end: () => ends.getStore(),
  }
}

/** What the work answers, or the failure when it takes longer. The work is not stopped. */
export async function inTime<T>(work: Promise<T>, ms: number, late: (ms: number) => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const ended = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late(ms)), ms)
  })
  try {
    return await Promise.race([work, ended])
  } finally {
    clearTimeout(timer)
  }
}

/** Named and coded as the SDK's own timeouts are. */
export const tooLate = (ms: number): Error =>
  Object.assign(new Error(`The call took longer than ${ms} ms`), { name: 'TimeoutError', code: 'ETIMEDOUT' })

/** Bodies are sent with their length. */
const sentBytesOf = (input: object): number =>
  'ContentLength' in input && typeof input.ContentLength === 'number' ? input.ContentLength : 0
