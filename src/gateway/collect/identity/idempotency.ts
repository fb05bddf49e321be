import { createHash, createHmac } from 'node:crypto'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { ID_DIGITS } from '../../../std/id.ts'
import { fairCache } from './fair-lru.ts'

/** Clients that retry give up sooner: OpenTelemetry's exporters after five minutes, the AWS SDKs after a few seconds. */
const REMEMBERED_MS = 600_000
/** Bytes of the keys of all apps that are remembered, at most some 80,000 keys, shared fairly. */
export const MAX_REMEMBERED_BYTES = 33_554_432
const ENTRY_BYTES = 400

/** A request under a key of its sender's, from when it is known what it says until it is known what became of it. */
export interface IdempotencyClaim {
  /** The same for every repetition, on every gateway with the same secret. */
  readonly requestId: string
  /** A digest of what it says. */
  readonly said: string
  /** When it came first, as far as this process remembers. */
  readonly arrivalMs: number
  /** `kept`: its events are durable. If none of the requests under a key was kept, the key is free for any other. */
  end(kept: boolean): void
}

export interface Idempotency {
  /** Throws `idempotency_key_reused` if the key stands for a request that said something else (`said`: a digest of it). */
  claim(app: string, key: string, said: string): IdempotencyClaim
}

interface Remembered {
  readonly arrivalMs: number
  readonly untilMs: number
  said: string | undefined
  open: number
  kept: boolean
}

/**
 * The ids follow from secret, app and key, so a repetition has those of the first wherever and whenever it arrives. Only
 * its time, and that it says the same, are remembered, by each process for itself.
 */
export function createIdempotency(secret: string, clock: Clock): Idempotency {
  // No app makes another one's keys forgotten, however many it sends.
  const seen = fairCache<Remembered>(MAX_REMEMBERED_BYTES, (_, key) => ENTRY_BYTES + 2 * key.length)

  function remembered(app: string, key: string): Remembered {
    const nowMs = clock.monotonicMs()
    const known = seen.get(app, key)
    if (known !== undefined && nowMs < known.untilMs) return known
    const untilMs = nowMs + REMEMBERED_MS
    return { arrivalMs: clock.nowMs(), untilMs, said: undefined, open: 0, kept: false }
  }

  return {
    claim(app, key, said) {
      const entry = remembered(app, key)
      if (entry.said !== undefined && entry.said !== said) {
        throw new AppError(
          'idempotency_key_reused',
          'The Idempotency-Key was sent with another body within the last ten minutes. Each request needs a key of its own.',
        )
      }
      entry.said = said
      entry.open += 1
      seen.set(app, key, entry)
      // A key has no line end.
      const name = `${app}\n${key}`
      return {
        requestId: createHmac('sha256', secret).update(name).digest('hex').slice(0, ID_DIGITS),
        said,
        arrivalMs: entry.arrivalMs,
        end(kept) {
          entry.open -= 1
          entry.kept ||= kept
          // Its time stays: the journal may have kept what it said that it had not.
          if (!entry.kept && entry.open === 0) entry.said = undefined
        },
      }
    },
  }
}

/** The same for the same texts in the same order, and for no others: each is told from the next by its length. */
export function digestOf(said: readonly (string | Buffer)[]): string {
  const digest = createHash('sha256')
  for (const text of said) digest.update(`${Buffer.byteLength(text)}\n`).update(text)
  return digest.digest('hex')
}
