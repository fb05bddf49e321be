import { createHmac } from 'node:crypto'
import type { Config } from '../config/schema/config-schema.ts'
import type { Registry } from '../gateway/apps/registry.ts'
import type { Directory } from '../gateway/apps/vending-apps.ts'
import { createAppAttest } from '../gateway/credentials/attest/app-attest.ts'
import { APPLE_APP_ATTESTATION_ROOT } from '../gateway/credentials/attest/apple-root.ts'
import { type Attestation, createAttestation } from '../gateway/credentials/attest/attestation.ts'
import { createChallenges } from '../gateway/credentials/attest/challenges.ts'
import { createRecordSigner } from '../gateway/credentials/record-signer.ts'
import type { StsSessions } from '../gateway/credentials/session/sts-sessions.ts'
import { createTokenVerifier } from '../gateway/credentials/tokens/tokens.ts'
import type { Clock } from '../std/clock.ts'
import { AppError } from '../std/errors.ts'
import type { GatewaySystem } from './system.ts'
import { createVendingModule, type VendingModule } from './vending-parts.ts'

/** The vending of this process, with its secrets from the environment. */
export async function wireVending(
  { gateway, apps, aws }: Config,
  registry: Registry,
  { env, ...system }: GatewaySystem & { readonly workers: number },
): Promise<VendingModule> {
  const { subjectKeyEnv, recordKeyEnv, ...place } = gateway.credentials
  const region = place.region ?? aws.region
  const endpoint = place.endpoint ?? aws.endpoint
  const subjectKey = secretOf(env, subjectKeyEnv)
  const recordKey = secretOf(env, recordKeyEnv)
  const client = { region: region ?? '', ...(endpoint !== undefined && { endpoint }) }
  const vending = createVendingModule(gateway.credentials, apps, {
    ...{ registry, region, subjectKey },
    tokens: createTokenVerifier(system),
    attestation: attestationOf(subjectKey ?? system.entropy.token(SECRET_BYTES), system),
    stsFor: (directory) => lazySts(client, { directory, ...system }),
    signer: recordKey === undefined ? undefined : await createRecordSigner(recordKey),
    ...system,
  })
  await vending.prefetch()
  return vending
}

const SECRET_BYTES = 32

/** It signs with a key of its own, the same in all processes that know the subject key. */
function attestationOf(subjectKey: string, system: Omit<GatewaySystem, 'env'>): Attestation {
  const secret = createHmac('sha256', subjectKey).update('headgate-attestation').digest()
  const challenges = createChallenges({ secret, ...system })
  const verifiers = [createAppAttest({ secret, root: APPLE_APP_ATTESTATION_ROOT, ...system })]
  return createAttestation({ verifiers, challenges, ...system })
}

/** Not there is a fault, not a choice: what was to be secret would be known to all, or what was to be signed would not be. */
function secretOf(env: GatewaySystem['env'], name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  const value = env[name]
  if (value) return value
  throw new AppError('bad_configuration', `The variable ${name}, which holds a secret, is not set`)
}

/** The SDK is loaded with the first session: it makes a start slower, and most gateways never vend. */
function lazySts(
  client: { readonly region: string; readonly endpoint?: string },
  { directory, clock }: { readonly directory: Directory; readonly clock: Clock },
): StsSessions {
  let loading: Promise<StsSessions> | undefined
  const load = async () => {
    const { stsClient, stsSessions } = await import('../gateway/credentials/session/sts.ts')
    return stsSessions(stsClient(client, directory.all), clock)
  }
  return {
    async assumeRole(request, signal) {
      loading ??= load()
      return (await loading).assumeRole(request, signal)
    },
    close: async () => (await loading)?.close(),
  }
}
