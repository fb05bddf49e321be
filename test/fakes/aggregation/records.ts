import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import type { RecordKey } from '../../../src/aggregation/ingest/quarantine/record-verifier.ts'
import type { RecordClaims } from '../../../src/event/schema/record-token.ts'
import { createRecordSigner } from '../../../src/gateway/credentials/record-signer.ts'
import { NOON } from '../events.ts'

export interface RecordKeys {
  /** As in `aggregation.recordKeys`. */
  readonly publicKey: RecordKey
  /** As in the variable that `gateway.credentials.recordKeyEnv` names. */
  readonly privateJwk: JsonWebKey
  /** As the gateway signs it; of the app `shop` and good for an hour, unless said otherwise. */
  token(subject: string, more?: Partial<RecordClaims>, expiresMs?: number): Promise<string>
}

export function recordKeys(kid?: string): RecordKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const name = kid === undefined ? {} : { kid }
  const { x = '' } = publicKey.export({ format: 'jwk' })
  const privateJwk = { ...privateKey.export({ format: 'jwk' }), ...name }
  const signer = createRecordSigner(JSON.stringify(privateJwk))
  return {
    publicKey: { kty: 'OKP', crv: 'Ed25519', x, ...name },
    privateJwk,
    token: async (subject, more = {}, expiresMs = NOON + 3_600_000) =>
      (await signer).sign({ app: 'shop', subHash: subject, vendId: 'vend-1', ...more }, expiresMs),
  }
}

/** 22 characters, as pseudonyms have. */
export const ANN = 'ann-ann-ann-ann-ann-22'
export const BOB = 'bob-bob-bob-bob-bob-22'
