import { type Clock, isAhead } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import type { Entropy } from '../../../std/id.ts'
import { createTextMac } from './hmac.ts'

/** A device answers in seconds; what is older was kept for later. */
export const CHALLENGE_LIFE_MS = 300_000
/** A challenge that expires later is not taken: the clock that it was issued by was ahead of ours, by more than it lives. */
const MOST_AHEAD_MS = 2 * CHALLENGE_LIFE_MS
/** 16 bytes cannot be guessed and do not repeat. */
const NONCE_BYTES = 16
/** Twenty megabytes at most. A vend spends one, so 333 vends a second for five minutes fill it. */
export const MAX_SPENT_CHALLENGES = 100_000

export interface Challenge {
  readonly challenge: string
  readonly expiresMs: number
}

/** For whom and for what a challenge was made: it is of no use for another app or another kind of device. */
export interface ChallengeUse {
  readonly app: string
  readonly kind: string
}

/**
 * Challenges are signed, not stored: asking for one costs no memory, so nobody can push out those of others. Only the
 * spent ones are remembered, in the memory of this process, for as long as they are valid and then until their room is
 * needed: a clock that is set back revives none of those. With a secret of its own a process takes what it issued itself;
 * processes that share one take each other's, and then a challenge works at most once in each of them, for the one request
 * that it is bound to (request-hash.ts).
 */
export interface Challenges {
  issue(use: ChallengeUse): Challenge
  /** Whether it was issued for this, is valid, and was never spent before; from now on it is spent. */
  spend(challenge: string, use: ChallengeUse): boolean
}

export interface ChallengesOptions {
  readonly secret: Buffer
  readonly clock: Clock
  readonly entropy: Entropy
  readonly maxSpent?: number
}

export function createChallenges(options: ChallengesOptions): Challenges {
  const { secret, clock, entropy, maxSpent = MAX_SPENT_CHALLENGES } = options
  const { sign, verify } = createTextMac(secret, 'headgate-challenge')
  /** Until when each must be remembered, by the clock that nobody sets, in the order in which they were spent. */
  const spent = new Map<string, number>()

  /** Without room for another, the one that was spent first goes. Forgetting it early would allow it a second time. */
  function makeRoom(): void {
    const [first] = spent.size < maxSpent ? [] : spent
    if (first === undefined) return
    const [nonce, untilMs] = first
    if (untilMs > clock.monotonicMs())
      throw new AppError('attestation_unavailable', 'Too many challenges were spent in the last minutes.')
    spent.delete(nonce)
  }

  return {
    issue({ app, kind }) {
      const expiresMs = clock.nowMs() + CHALLENGE_LIFE_MS
      return { challenge: sign(`${app} ${kind} ${expiresMs} ${entropy.token(NONCE_BYTES)}`), expiresMs }
    },
    spend(challenge, use) {
      const [app, kind, expiresMs, nonce = ''] = verify(challenge)?.split(' ') ?? []
      const nowMs = clock.nowMs()
      const isValid = isAhead(Number(expiresMs), { nowMs, mostMs: MOST_AHEAD_MS })
      if (app !== use.app || kind !== use.kind || !isValid || spent.has(nonce)) return false
      makeRoom()
      const validMs = Math.max(CHALLENGE_LIFE_MS, Number(expiresMs) - nowMs)
      spent.set(nonce, clock.monotonicMs() + validMs)
      return true
    },
  }
}
