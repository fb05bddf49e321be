import { isJwksUri } from '../http/secure-url.ts'
import { type ConfigFault, faultIf, unique } from './faults.ts'
import type { AppConfig, Config, CredentialsConfig, IssuerConfig } from './schema/config-schema.ts'
import { MAX_CREDENTIALS_APP_ID } from './schema/credentials-schema.ts'

/** Whatever is wrong with who may write where is a fault of the configuration, not of a request. */
export function credentialFaults({ apps, gateway, aws }: Config): ConfigFault[] {
  const { region = aws.region, subjectKeyEnv } = gateway.credentials
  const newStream = unique()
  const faults = apps.flatMap(({ id, keys, credentials }, i) => {
    if (credentials === undefined) return []
    const path = `apps.${i}.credentials`
    const { stream = `headgate-direct-${id}`, kmsKeyArn } = credentials
    return [
      ...faultIf(
        id.length > MAX_CREDENTIALS_APP_ID,
        `apps.${i}.id`,
        `must have at most ${MAX_CREDENTIALS_APP_ID} characters for credentials`,
      ),
      // One stream for two apps would let one write as the other.
      ...newStream(stream, `${path}.stream`, `the stream "${stream}"`),
      ...faultIf(stream === gateway.stream.name, `${path}.stream`, 'must not be gateway.stream.name'),
      ...faultIf(
        kmsKeyArn !== undefined && kmsKeyArn.split(':')[3] !== region,
        `${path}.kmsKeyArn`,
        'must be a key of the region of the streams',
      ),
      ...modeFaults(path, credentials, keys),
      ...issuerFaults(path, credentials),
    ]
  })
  faults.push(...sharedIssuers(apps))
  const isAsked = apps.some(({ credentials }) => credentials !== undefined)
  return [
    ...faults,
    ...faultIf(
      isAsked && region === undefined,
      'gateway.credentials.region',
      'is required for credentials (or aws.region), such as eu-west-1',
    ),
    ...faultIf(
      isAsked && subjectKeyEnv === undefined,
      'gateway.credentials.subjectKeyEnv',
      'is required for credentials: the name of a variable such as HEADGATE_SUBJECT_KEY',
    ),
  ]
}

function modeFaults(path: string, credentials: CredentialsConfig, keys: AppConfig['keys']): ConfigFault[] {
  const { mode, issuers, iUnderstandAnyoneCanWrite: isUnderstood } = credentials
  const isPublic = mode === 'public'
  return [
    ...faultIf(
      isPublic && !isUnderstood,
      `${path}.iUnderstandAnyoneCanWrite`,
      'must be true for mode "public": whoever has the app can write to its stream',
    ),
    ...faultIf(!isPublic && isUnderstood, `${path}.iUnderstandAnyoneCanWrite`, 'is for mode "public"'),
    ...faultIf(isPublic && issuers.length > 0, `${path}.issuers`, 'are not asked in mode "public"'),
    ...faultIf(isPublic && keys.length === 0, `${path}.mode`, '"public" needs a key of the app'),
    ...faultIf(
      mode === 'oidc+attest' && credentials.attestation?.appAttest === undefined,
      `${path}.attestation.appAttest`,
      'is required for mode "oidc+attest", such as {"appId":"ABCDE12345.com.example.shop"}',
    ),
    ...faultIf(!isPublic && issuers.length === 0, `${path}.issuers`, `must not be empty for mode "${mode}"`),
  ]
}

function issuerFaults(path: string, { issuers }: CredentialsConfig): ConfigFault[] {
  const newIssuer = unique()
  return issuers.flatMap(({ issuer, jwksUri }, i) => [
    ...newIssuer(issuer, `${path}.issuers.${i}.issuer`, 'this issuer'),
    // Who changes the keys on their way is the issuer.
    ...faultIf(!isJwksUri(jwksUri), `${path}.issuers.${i}.jwksUri`, 'must be https, or on this machine'),
  ])
}

interface Believed {
  readonly app: string
  readonly path: string
  readonly issuer: IssuerConfig
}

/**
 * A token names neither an app nor a stream: where two apps believe one issuer for one audience, each of them would give
 * its credentials to the users of the other, unless something in the token tells whose they are.
 */
function sharedIssuers(apps: readonly AppConfig[]): ConfigFault[] {
  const all: Believed[] = apps.flatMap(({ id, credentials }, i) =>
    (credentials?.issuers ?? []).map((issuer, at) => ({
      app: id,
      path: `apps.${i}.credentials.issuers.${at}`,
      issuer,
    })),
  )
  return all.flatMap((one, at) => {
    const other = all
      .slice(0, at)
      .find((before) => before.app !== one.app && isShared(before.issuer, one.issuer))
    return faultIf(
      other !== undefined,
      one.path,
      `takes the tokens of the app "${other?.app}" as well (same issuer and audience): give both an azp that the other has not, a value of the same claim in requiredClaims, or an audience of their own`,
      [String(other?.path)],
    )
  })
}

/** Whether nothing tells them apart. A token may still hold what each asks for, in a list: vending refuses that one. */
function isShared(a: IssuerConfig, b: IssuerConfig): boolean {
  if (a.issuer !== b.issuer || a.audience !== b.audience) return false
  const { azp, requiredClaims = {} } = a
  const isOtherClient =
    azp !== undefined && b.azp !== undefined && !azp.some((client) => b.azp?.includes(client))
  const others = b.requiredClaims ?? {}
  const isOtherClaim = Object.entries(requiredClaims).some(
    ([claim, value]) => Object.hasOwn(others, claim) && others[claim] !== value,
  )
  return !isOtherClient && !isOtherClaim
}
