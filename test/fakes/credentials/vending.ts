import { stsClient, stsSessions } from '../../../src/gateway/credentials/session/sts.ts'
import type { Subject } from '../../../src/gateway/credentials/tokens/subject.ts'
import { type Clock, systemClock } from '../../../src/std/clock.ts'
import { AppError } from '../../../src/std/errors.ts'
import type { VendingPorts } from '../../../src/wiring/vending-parts.ts'
import type { FakeSts } from '../aws/sts.ts'

export const ACCOUNT = '111122223333'
export const REGION = 'eu-west-1'
export const SUBJECT_KEY = 'PlantedSubjectKey-0123456789abcdef'

export const roleOf = (app: string): string => `arn:aws:iam::${ACCOUNT}:role/headgate-vended-${app}`
export const streamArn = (name: string): string => `arn:aws:kinesis:${REGION}:${ACCOUNT}:stream/${name}`

/** `credentials` of an app as a configuration has them: with an audience of its own, as two apps of one issuer need. */
export const credentialsOf = (app: string, more: object = {}): object => ({
  roleArn: roleOf(app),
  externalId: `headgate/${app}`,
  issuers: [
    { issuer: 'https://idp.example', audience: `headgate/${app}`, jwksUri: 'https://idp.example/jwks' },
  ],
  ...more,
})

/** A token that says what it means, for tests that are not about tokens. */
export const tokenOf = (subject: string, more: Partial<Subject> = {}): string =>
  Buffer.from(JSON.stringify({ issuer: 'https://idp.example', subject, ...more })).toString('base64url')

/** Believes every token of `tokenOf`, if the app lists its issuer. */
export const openTokens = (nowMs: () => number): VendingPorts['tokens'] => ({
  prefetch: async () => {},
  close: async () => {},
  async verify(token, { issuers }) {
    if (token === '') throw new AppError('missing_token', 'Send an access token as a bearer token.')
    const claims = claimsOf(token)
    if (!issuers.some(({ issuer }) => issuer === claims?.issuer)) {
      throw new AppError('invalid_token', 'The token is not valid.')
    }
    return {
      ...claims,
      expiresMs: nowMs() + 3_600_000,
      keyId: 'key-1',
      tokenIdHash: 'hash-of-jti',
      ...claims,
    } as Subject
  },
})

function claimsOf(token: string): Partial<Subject> | undefined {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString())
  } catch {
    return undefined
  }
}

export const noAttestation: VendingPorts['attestation'] = {
  challenge() {
    throw new Error('nothing is attested here')
  },
  check: () => Promise.reject(new Error('nothing is attested here')),
}

/** The real client against a fake STS. */
export const sessionsAt =
  ({ endpoint }: Pick<FakeSts, 'endpoint'>, clock: Clock = systemClock): VendingPorts['stsFor'] =>
  (directory) =>
    stsSessions(
      stsClient(
        {
          region: REGION,
          endpoint,
          credentials: { accessKeyId: 'AKIAGATEWAY', secretAccessKey: 'PlantedGatewaySecret' },
        },
        directory.all,
      ),
      clock,
    )
