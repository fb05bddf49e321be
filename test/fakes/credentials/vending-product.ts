import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { Test } from 'tap'
import type { RunningHeadgate } from '../../../scripts/lib/demo/headgate.ts'
import { start } from '../process/process.ts'
import { startIssuer } from './issuer.ts'
import { signed, signingKey } from './jws.ts'

const AUDIENCE = 'https://beacons.example.com'

export interface VendingProduct {
  readonly headgate: RunningHeadgate
  /** By which its record tokens are known. */
  readonly recordKey: KeyObject
  /** An access token of the subject, for ten minutes. */
  token(subject: string): string
  /** Posts for credentials of the app `shop`. */
  vend(subject: string): Promise<Response>
}

export interface VendingSetup {
  /** Of STS, with the key that the gateway has there. */
  readonly endpoint: string
  readonly key: { readonly id: string; readonly secret: string; readonly token?: string }
  readonly region: string
  readonly roleArn: string
  readonly externalId: string
  /** Pages that may ask. */
  readonly origins?: readonly string[]
}

/** The built gateway, with the apps `shop` and `bank` that get credentials, and their issuer. */
export async function startVendingProduct(t: Test, setup: VendingSetup): Promise<VendingProduct> {
  const { endpoint, key, region, roleArn, externalId, origins = [] } = setup
  const issuer = await startIssuer(t)
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const signingWith = signingKey('k1')
  issuer.publish(signingWith)
  const issuersOf = (app: string) => [
    { issuer: issuer.url, audience: AUDIENCE, jwksUri: issuer.jwksUri, azp: [app] },
  ]
  const credentials = { roleArn, externalId, issuers: issuersOf('shop') }
  const headgate = await start(t, {
    command: 'gateway',
    config: {
      gateway: {
        credentials: { region, endpoint, subjectKeyEnv: 'SUBJECT_KEY', recordKeyEnv: 'RECORD_KEY' },
      },
    },
    appMore: { origins, credentials },
    moreApps: [{ id: 'bank', credentials: { ...credentials, issuers: issuersOf('bank') } }],
    env: {
      SUBJECT_KEY: 'PlantedSubjectKey-0123456789abcdef',
      RECORD_KEY: JSON.stringify(privateKey.export({ format: 'jwk' })),
      AWS_ACCESS_KEY_ID: key.id,
      AWS_SECRET_ACCESS_KEY: key.secret,
      ...(key.token !== undefined && { AWS_SESSION_TOKEN: key.token }),
    },
  })
  const token = (subject: string): string => {
    const iat = Math.floor(Date.now() / 1_000)
    const claims = { iss: issuer.url, sub: subject, aud: AUDIENCE, azp: 'shop', iat, exp: iat + 600 }
    return signed({ alg: signingWith.alg, kid: signingWith.kid, typ: 'JWT' }, claims, signingWith)
  }
  const vend = (subject: string) =>
    fetch(`${headgate.gatewayUrl}/v1/credentials`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token(subject)}`,
        'x-headgate-key': headgate.key,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ app: 'shop' }),
    })
  // It loads the SDK with the first session: clients that give up after a second are not to wait for that.
  const warm = await vend('nobody in particular')
  if (warm.status !== 200) throw new Error(`Vending answered ${warm.status}: ${await warm.text()}`)
  return { headgate, recordKey: publicKey, token, vend }
}
