import { createHash, type KeyObject, verify as verifySignature, type X509Certificate } from 'node:crypto'
import { decode } from 'cborg'
import { unlessThrown } from '../../../std/expected-errors.ts'
import { attestedNonce, type ChainFault, trustedLeaf } from './app-attest-chain.ts'

export type AppAttestEnvironment = 'production' | 'development'

export type AppAttestFault =
  | ChainFault
  | 'nonce'
  | 'key_id'
  | 'app_id'
  | 'counter'
  | 'environment'
  | 'credential_id'
  | 'signature'

export interface AppIdentity {
  /** `<team id>.<bundle id>` */
  readonly appId: string
  readonly environment: AppAttestEnvironment
}

export interface AttestationInput extends AppIdentity {
  readonly object: Buffer
  readonly clientDataHash: Buffer
  readonly keyId: Buffer
  readonly root: X509Certificate
  readonly nowMs: number
}

/** Apple's "Validating apps that connect to your server", step by step: the key that Apple vouches for, or what is wrong. */
export function verifyAttestation(attesting: AttestationInput): KeyObject | AppAttestFault {
  const { object, clientDataHash, keyId, root, nowMs } = attesting
  const parsed = readAttestation(object)
  if (parsed === undefined) return 'malformed'
  const { x5c, authData } = parsed
  const leaf = trustedLeaf(x5c, root, nowMs)
  if (typeof leaf === 'string') return leaf
  if (!attestedNonce(leaf)?.equals(sha256(authData, clientDataHash))) return 'nonce'
  if (!isP256(leaf.publicKey) || !sha256(pointOf(leaf.publicKey)).equals(keyId)) return 'key_id'
  return authDataFault(authData, attesting) ?? leaf.publicKey
}

/** WebAuthn, 6.1: hash of the app (32), flags (1), counter (4), and of an attestation aaguid (16), length (2), key id. */
const ASSERTION_BYTES = 37
const ATTESTATION_BYTES = 87
const KEY_ID_BYTES = 32
/** 0x04 and two coordinates of P-256. */
const POINT_BYTES = 65

const AAGUIDS: Readonly<Record<AppAttestEnvironment, Buffer>> = {
  production: Buffer.from('appattest'.padEnd(16, '\0')),
  development: Buffer.from('appattestdevelop'),
}

function authDataFault(
  authData: Buffer,
  { appId, environment, keyId }: AttestationInput,
): AppAttestFault | undefined {
  if (!isForApp(authData, appId)) return 'app_id'
  if (counterOf(authData) !== 0) return 'counter'
  // All sixteen bytes: the names of both environments begin alike.
  if (!authData.subarray(37, 53).equals(AAGUIDS[environment])) return 'environment'
  const isKey = authData.readUInt16BE(53) === KEY_ID_BYTES && authData.subarray(55, 87).equals(keyId)
  return isKey ? undefined : 'credential_id'
}

export interface AssertionInput {
  readonly object: Buffer
  readonly clientDataHash: Buffer
  readonly appId: string
  /** The key that was attested before. */
  readonly publicKey: KeyObject
  /** The highest counter seen of this key; 0 when there was none. */
  readonly counter: number
}

/** The counter of a new assertion by a key that was attested before, or what is wrong. */
export function verifyAssertion(asserting: AssertionInput): number | AppAttestFault {
  const { object, clientDataHash, appId, publicKey, counter } = asserting
  const parsed = readAssertion(object)
  if (parsed === undefined) return 'malformed'
  const { authData, signature } = parsed
  const nonce = sha256(authData, clientDataHash)
  if (!verifySignature('sha256', nonce, publicKey, signature)) return 'signature'
  if (!isForApp(authData, appId)) return 'app_id'
  const next = counterOf(authData)
  return next > counter ? next : 'counter'
}

const isForApp = (authData: Buffer, appId: string): boolean =>
  authData.subarray(0, 32).equals(sha256(Buffer.from(appId)))
const counterOf = (authData: Buffer): number => authData.readUInt32BE(33)

function readAttestation(object: Buffer) {
  const { fmt, attStmt, authData } = readMap(object)
  const x5c = isRecord(attStmt) && Array.isArray(attStmt['x5c']) ? attStmt['x5c'].map(bytesOf) : []
  const data = bytesOf(authData)
  if (fmt !== 'apple-appattest' || data.length < ATTESTATION_BYTES) return undefined
  return { x5c, authData: data }
}

function readAssertion(object: Buffer) {
  const { signature, authenticatorData } = readMap(object)
  const authData = bytesOf(authenticatorData)
  return authData.length < ASSERTION_BYTES ? undefined : { authData, signature: bytesOf(signature) }
}

/** Empty when it is no map: what is looked for in it is then not there. */
function readMap(object: Buffer): Record<string, unknown> {
  const value = unlessThrown(() => decode(object, STRICTLY), isNoCbor)
  return isRecord(value) ? value : {}
}

const STRICTLY = { strict: true, allowIndefinite: false, rejectDuplicateMapKeys: true }

/** Cut off, not CBOR at all, or nested so deeply that the stack ended. The decoder has no class and no code of its own. */
const isNoCbor = (error: unknown): boolean =>
  error instanceof RangeError || String(error).startsWith('Error: CBOR decode error')

const bytesOf = (value: unknown): Buffer =>
  value instanceof Uint8Array ? Buffer.from(value) : Buffer.alloc(0)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const isP256 = (key: KeyObject): boolean => key.asymmetricKeyDetails?.namedCurve === 'prime256v1'

/** X9.62, uncompressed, as Apple hashes it: the end of the encoded key. */
const pointOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' }).subarray(-POINT_BYTES)

function sha256(...parts: readonly Buffer[]): Buffer {
  const digest = createHash('sha256')
  for (const part of parts) digest.update(part)
  return digest.digest()
}
