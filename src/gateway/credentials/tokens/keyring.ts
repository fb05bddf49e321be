import type { IssuerConfig } from '../../../config/schema/config-schema.ts'
import { sdkCodeOf } from '../../../std/aws/sdk-errors.ts'
import type { Clock } from '../../../std/clock.ts'
import { HOUR_MS, MINUTE_MS } from '../../../std/durations.ts'
import { cut } from '../../../std/foreign-text.ts'
import { counter, gauge } from '../../../std/metrics/instruments.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import { createJwks, type Jwks, STALE_IF_ERROR_MS, UNKNOWN_KEY_COOLDOWN_MS } from './jwks.ts'
import { JWKS_TIMEOUT_MS } from './jwks-request.ts'

/** The keys of all configured issuers. Apps that name the same issuer share them. */
export interface Keyring {
  of(issuer: IssuerConfig): Jwks
  /** Fetches the keys of these issuers and forgets all others: at the start, and when the configuration was read again. */
  prefetch(issuers: readonly AcceptedIssuer[]): Promise<void>
  /** Issuers of whom no key is held: a hint for whoever asks about readiness, no reason not to start. */
  missing(): readonly string[]
  close(): Promise<void>
}

/** An issuer, and an app that takes its tokens. */
export type AcceptedIssuer = IssuerConfig & { readonly app?: string }

interface HeldKeys {
  readonly issuer: string
  readonly jwks: Jwks
}

export function createKeyring({ clock, telemetry }: { clock: Clock; telemetry: Telemetry }): Keyring {
  const { log, metrics } = telemetry
  const held = new Map<string, HeldKeys>()
  const fetches = counter(metrics, 'headgate_jwks_fetches_total')
  gauge(metrics, 'headgate_jwks_age_seconds', (age) => {
    age.reset()
    for (const { issuer, jwks } of held.values()) {
      const ageMs = jwks.ageMs()
      if (ageMs !== undefined) age.set({ issuer }, ageMs / 1_000)
    }
  })

  /** By the same ids as `held`: whose tokens they are. */
  let apps: ReadonlyMap<string, readonly string[]> = new Map()

  function observer(issuer: string, id: string): (failure: unknown, ageMs: number | undefined) => void {
    let failing = false
    return (failure, ageMs) => {
      const failed = failure !== undefined
      fetches.inc({ issuer, result: failed ? 'failed' : 'fetched' })
      // Once when it begins and once when it ends: an outage of hours is not a log of hours.
      if (failed && !failing)
        log.warn(
          {
            issuer,
            apps: apps.get(id),
            code: 'issuer_unavailable',
            why: whyOf(failure),
            meanwhile: meanwhile(ageMs),
          },
          'the keys of an issuer cannot be fetched',
        )
      if (!failed && failing) log.info({ issuer }, 'the keys of an issuer can be fetched again')
      failing = failed
    }
  }

  function of({ issuer, jwksUri }: IssuerConfig): Jwks {
    const id = idOf({ issuer, jwksUri })
    const known = held.get(id)
    if (known !== undefined) return known.jwks
    const observe = observer(issuer, id)
    const jwks: Jwks = createJwks({
      uri: jwksUri,
      clock,
      observe: (failure) => observe(failure, jwks.ageMs()),
    })
    held.set(id, { issuer, jwks })
    return jwks
  }

  return {
    of,
    async prefetch(issuers) {
      const wanted = new Set(issuers.map(idOf))
      apps = new Map([...wanted].map((id) => [id, appsOf(issuers.filter((each) => idOf(each) === id))]))
      const leaving = [...held].filter(([id]) => !wanted.has(id))
      for (const [id] of leaving) held.delete(id)
      await Promise.all([
        ...issuers.map((issuer) => of(issuer).fetch()),
        ...leaving.map(([, { jwks }]) => jwks.close()),
      ])
    },
    missing: () =>
      [...held.values()].filter(({ jwks }) => jwks.ageMs() === undefined).map(({ issuer }) => issuer),
    async close() {
      await Promise.all([...held.values()].map(({ jwks }) => jwks.close()))
    },
  }
}

const idOf = ({ issuer, jwksUri }: Pick<IssuerConfig, 'issuer' | 'jwksUri'>): string => `${issuer} ${jwksUri}`

const appsOf = (issuers: readonly AcceptedIssuer[]): string[] => [
  ...new Set(issuers.flatMap(({ app }) => app ?? [])),
]

/** The names that a certificate is for are part of what is said of it. Ours. */
const MAX_WHY_CHARS = 300

/** What happened, in words where an operator would have to look a code up. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at its jwksUri',
  ECONNRESET: 'it broke the connection off',
  ENOTFOUND: 'the DNS does not know the host of its jwksUri',
  EAI_AGAIN: 'the DNS does not answer',
  EHOSTUNREACH: 'there is no way to its host',
  ENETUNREACH: 'there is no way to its host',
  ABORT_ERR: `it did not answer within ${JWKS_TIMEOUT_MS / 1_000} s`,
  SyntaxError: 'its answer is no JSON',
}

function whyOf(failure: unknown): string {
  const { message, cause } = Object(failure)
  if (cause === undefined) return message
  const code = sdkCodeOf(cause)
  // OpenSSL ends its lines.
  const why = WORDS[code] ?? cut(String(Object(cause).message).trim(), MAX_WHY_CHARS)
  return `${message.replace(/\.$/, '')}: ${why} (${code})`
}

function meanwhile(ageMs: number | undefined): string {
  const again = `They are fetched again when one is shown, after ${UNKNOWN_KEY_COOLDOWN_MS / 1_000} s at the latest.`
  if (ageMs === undefined) return `Its tokens are refused: no key is known. ${again}`
  const leftMs = Math.max(0, STALE_IF_ERROR_MS - ageMs)
  const left =
    leftMs >= HOUR_MS ? `${Math.floor(leftMs / HOUR_MS)} h` : `${Math.floor(leftMs / MINUTE_MS)} min`
  return `Its tokens are checked by the keys that are known, for ${left} more. ${again}`
}
