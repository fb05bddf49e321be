import type { AppConfig, GatewayConfig } from '../config/schema/config-schema.ts'
import type { Registry } from '../gateway/apps/registry.ts'
import { createDirectory, type Directory } from '../gateway/apps/vending-apps.ts'
import type { Attestation } from '../gateway/credentials/attest/attestation.ts'
import { createAudit } from '../gateway/credentials/audit.ts'
import { type Credentials, createCredentials } from '../gateway/credentials/credentials.ts'
import { createBreaker } from '../gateway/credentials/limits/circuit-breaker.ts'
import { createSubjectHistory } from '../gateway/credentials/limits/subject-sightings.ts'
import { createVendingLimits } from '../gateway/credentials/limits/vending-limits.ts'
import { createVendingMetrics } from '../gateway/credentials/metrics.ts'
import type { RecordSigner } from '../gateway/credentials/record-signer.ts'
import type { StsSessions } from '../gateway/credentials/session/sts-sessions.ts'
import { createSubjectHasher } from '../gateway/credentials/tokens/subject-hash.ts'
import type { Tokens } from '../gateway/credentials/tokens/tokens.ts'
import { createSessionVendor } from '../gateway/credentials/vend.ts'
import type { Clock } from '../std/clock.ts'
import { AppError } from '../std/errors.ts'
import type { Entropy } from '../std/id.ts'
import type { Telemetry } from '../std/telemetry.ts'

export interface VendingPorts {
  readonly registry: Registry
  readonly tokens: Pick<Tokens, 'verify' | 'prefetch' | 'close'>
  readonly attestation: Attestation
  /** Where sessions come from: only for apps of this directory. */
  readonly stsFor: (directory: Directory) => StsSessions
  /** Turns subjects into pseudonyms; nothing is vended without it. */
  readonly subjectKey: string | undefined
  readonly signer: RecordSigner | undefined
  readonly workers: number
  readonly clock: Clock
  readonly entropy: Entropy
  readonly telemetry: Telemetry
}

export interface VendingModule {
  readonly credentials: Credentials
  /** Reloads, or throws `bad_configuration` and stays as it is. */
  replace(apps: readonly AppConfig[]): void
  /** Fetches the keys of the issuers, so that the first request need not wait for them. */
  prefetch(): Promise<void>
  close(): Promise<void>
}

const KEY_BYTES = 32

/** All parts of the vending, put together. */
export function createVendingModule(
  { limits: allowed }: GatewayConfig['credentials'],
  apps: readonly AppConfig[],
  { region, ...ports }: VendingPorts & { readonly region: string | undefined },
): VendingModule {
  const { registry, attestation, signer, stsFor, tokens, subjectKey, workers, clock, entropy, telemetry } =
    ports
  const assertKey = (next: readonly AppConfig[]) => {
    if (subjectKey !== undefined || next.every(({ credentials }) => credentials === undefined)) return
    throw new AppError(
      'bad_configuration',
      'Credentials need gateway.credentials.subjectKeyEnv, and the variable that it names',
    )
  }
  assertKey(apps)
  const directory = createDirectory(apps, region)
  // As long as no app has credentials there is no subject either.
  const hasher = createSubjectHasher(subjectKey ?? entropy.token(KEY_BYTES))
  const limits = createVendingLimits(allowed, workers, clock)
  const breaker = createBreaker(clock)
  const metrics = createVendingMetrics(telemetry, { brokenApps: breaker.openApps })
  const sts = stsFor(directory)
  const credentials = createCredentials({
    identity: { registry, directory, tokens, attestation, hasher },
    limits,
    subjectHistory: createSubjectHistory(clock),
    vendor: createSessionVendor({ sts, limits, breaker, metrics, clock, entropy }),
    signer,
    audit: createAudit(telemetry.log, directory.byId),
    metrics,
    clock,
    entropy,
  })
  const fetchKeys = () =>
    tokens.prefetch(
      [...directory.all()].flatMap(({ id, issuers }) => issuers.map((issuer) => ({ ...issuer, app: id }))),
    )
  let fetching: Promise<unknown> = Promise.resolve()
  return {
    credentials,
    replace(next) {
      assertKey(next)
      directory.replace(next)
      breaker.closeAll()
      // Requests do not wait for it, the end does.
      fetching = Promise.all([fetching, fetchKeys()])
    },
    prefetch: fetchKeys,
    async close() {
      await Promise.all([tokens.close(), fetching, sts.close()])
    },
  }
}
