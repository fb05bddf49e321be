import { settledOrAborted } from '../../../std/async/abort.ts'
import type { Clock } from '../../../std/clock.ts'
import { DAY_MS } from '../../../std/durations.ts'
import { usableKeys, type VerificationKey } from './jwk.ts'
import { requestJwks, unavailable } from './jwks-request.ts'

/** A key that the issuer withdrew is taken no longer than this while the issuer answers. */
export const JWKS_MAX_AGE_MS = 600_000
/** From then on requests are served and the keys fetched beside them: nobody waits while the issuer answers. */
export const REFRESH_AHEAD_MS = 300_000
/** Between two fetches for key ids that are not there: whoever invents ids makes nobody fetch. */
export const UNKNOWN_KEY_COOLDOWN_MS = 30_000
/** After a fetch that failed. */
export const FAILURE_BACKOFF_MS = 5_000
/** How long an issuer may be out of reach before its tokens are refused. */
export const STALE_IF_ERROR_MS = DAY_MS

/** The keys of one issuer. */
export interface Jwks {
  /** The key with this id; undefined when the issuer has none. Rejects with `issuer_unavailable` when that is not known. */
  key(kid: string, signal: AbortSignal): Promise<VerificationKey | undefined>
  /** Fetches now, unless that is being done. Never rejects: `observe` learns what failed. */
  fetch(): Promise<void>
  /** Since the keys were fetched; undefined when none are held. */
  ageMs(): number | undefined
  /** Ends what is in flight. */
  close(): Promise<void>
}

export interface JwksOptions {
  readonly uri: string
  readonly clock: Clock
  /** After each fetch: what went wrong, or nothing. */
  readonly observe: (failure: unknown) => void
}

export interface JwksState {
  /** Whether the wanted key is among those held. */
  readonly held: boolean
  /** Infinity when nothing was ever fetched. */
  readonly ageMs: number
  /** Whether the last fetch failed. */
  readonly failing: boolean
  /** Since the last fetch began. */
  readonly idleMs: number
}

export type JwksDecision = 'serve' | 'serve_and_fetch' | 'fetch' | 'unknown' | 'unavailable'

/** What to do for one key. An outage makes keys last longer and fetches rarer; it never makes anybody wait twice. */
export function nextStep({ held, ageMs, failing, idleMs }: JwksState): JwksDecision {
  const mayFetch = idleMs >= (failing ? FAILURE_BACKOFF_MS : UNKNOWN_KEY_COOLDOWN_MS)
  const lasts = ageMs < (failing ? STALE_IF_ERROR_MS : JWKS_MAX_AGE_MS)
  if (held && lasts) return mayFetch && ageMs >= REFRESH_AHEAD_MS ? 'serve_and_fetch' : 'serve'
  if (mayFetch) return 'fetch'
  // An id that is not among fresh keys does not exist. While the issuer is silent, it may as well be a new one.
  return !failing && lasts ? 'unknown' : 'unavailable'
}

export function createJwks({ uri, clock, observe }: JwksOptions): Jwks {
  const closing = new AbortController()
  let keys: ReadonlyMap<string, VerificationKey> = new Map()
  let fetchedAtMs = Number.NEGATIVE_INFINITY
  let triedAtMs = Number.NEGATIVE_INFINITY
  let failing = false
  let flight: Promise<void> | undefined

  const ageMs = () => clock.monotonicMs() - fetchedAtMs
  const idleMs = () => clock.monotonicMs() - triedAtMs
  const stepFor = (kid: string) =>
    nextStep({ held: keys.has(kid), ageMs: ageMs(), failing, idleMs: idleMs() })

  /** One at a time. It never rejects, and `close` waits for it. */
  function begin(): Promise<void> {
    flight ??= attempt().finally(() => {
      flight = undefined
    })
    return flight
  }

  async function attempt(): Promise<void> {
    const startedAtMs = clock.monotonicMs()
    triedAtMs = startedAtMs
    try {
      const found = usableKeys(await requestJwks(uri, closing.signal))
      if (found === undefined) throw unavailable('The issuer answered with something that is no JWK set.')
      // A set without any of our keys is an answer as well: so an issuer withdraws the last one.
      keys = found
      fetchedAtMs = startedAtMs
      failing = false
      observe(found.size === 0 ? unavailable('The issuer published no key that can be used.') : undefined)
    } catch (error) {
      failing = true
      // What we broke off ourselves is no failure of theirs.
      if (!closing.signal.aborted) observe(error)
    }
  }

  return {
    async key(kid, signal) {
      let step = stepFor(kid)
      // What is in flight may bring it: a first fetch, or a rotation.
      if (step === 'fetch' || (flight !== undefined && (step === 'unknown' || step === 'unavailable'))) {
        await settledOrAborted(begin(), signal)
        step = stepFor(kid)
      }
      if (step === 'serve_and_fetch') flight = begin()
      if (step === 'serve' || step === 'serve_and_fetch') return keys.get(kid)
      if (step === 'unknown') return undefined
      throw unavailable('The keys of the issuer are not known.')
    },
    fetch: begin,
    ageMs: () => (keys.size === 0 ? undefined : ageMs()),
    async close() {
      closing.abort()
      await flight
    },
  }
}
