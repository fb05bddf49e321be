import { Counter, Gauge } from 'prom-client'
import type { Clock } from '../../std/clock.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { IssuerConfig } from './issuer.ts'
import { createJwks, type Jwks } from './jwks.ts'

/** The keys of all configured issuers. Apps that name the same issuer share them. */
export interface Keyring {
  of(issuer: IssuerConfig): Jwks
  /** Fetches the keys of these issuers and forgets all others: at the start, and when the configuration was read again. */
  prefetch(issuers: readonly IssuerConfig[]): Promise<void>
  /** Issuers whose keys were never fetched: a hint for whoever asks about readiness, no reason not to start. */
  missing(): readonly string[]
  close(): Promise<void>
}

interface Held {
  readonly issuer: string
  readonly jwks: Jwks
}

export function createKeyring({ clock, telemetry }: { clock: Clock; telemetry: Telemetry }): Keyring {
  const { log, metrics } = telemetry
  const held = new Map<string, Held>()
  const fetches = new Counter({
    name: 'headgate_jwks_fetches_total',
    help: 'Fetches of the keys of an issuer, by result.',
    labelNames: ['issuer', 'result'],
    registers: [metrics],
  })
  new Gauge({
    name: 'headgate_jwks_age_seconds',
    help: 'Time since the keys of an issuer were fetched; no sample where they never were.',
    labelNames: ['issuer'],
    registers: [metrics],
    collect() {
      this.reset()
      for (const { issuer, jwks } of held.values()) {
        const ageMs = jwks.ageMs()
        if (ageMs !== undefined) this.set({ issuer }, ageMs / 1_000)
      }
    },
  })

  function observer(issuer: string): (failure: unknown) => void {
    let failing = false
    return (failure) => {
      const failed = failure !== undefined
      fetches.inc({ issuer, result: failed ? 'failed' : 'fetched' })
      // Once when it begins and once when it ends: an outage of hours is not a log of hours.
      if (failed && !failing) log.warn({ issuer, err: failure }, 'the keys of an issuer cannot be fetched')
      if (!failed && failing) log.info({ issuer }, 'the keys of an issuer can be fetched again')
      failing = failed
    }
  }

  function of({ issuer, jwksUri }: IssuerConfig): Jwks {
    const id = idOf({ issuer, jwksUri })
    const known = held.get(id)
    if (known !== undefined) return known.jwks
    const jwks = createJwks({ uri: jwksUri, clock, observe: observer(issuer) })
    held.set(id, { issuer, jwks })
    return jwks
  }

  return {
    of,
    async prefetch(issuers) {
      const wanted = new Set(issuers.map(idOf))
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
