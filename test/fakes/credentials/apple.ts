import { createHash, generateKeyPairSync, type KeyObject, sign, type X509Certificate } from 'node:crypto'
import { encode } from 'cborg'
import { basicConstraints, certificateSigning, der, extension, issueCertificate } from './x509.ts'

export const sha256 = (...parts: readonly (Buffer | string)[]): Buffer =>
  parts.reduce((digest, part) => digest.update(part), createHash('sha256')).digest()

const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const HOUR_MS = 3_600_000

/** What a device, or somebody who would like to be one, may do differently. */
export interface Forging {
  readonly aaguid?: string
  readonly counter?: number
  readonly credentialId?: Buffer
  readonly nonce?: Buffer
  readonly leafExtensions?: readonly Buffer[]
  readonly fmt?: string
  /** What the certificate is for, instead of the device's key. */
  readonly publicKey?: KeyObject
  readonly x5c?: (honest: readonly Buffer[]) => readonly unknown[]
  /** Issues the certificate of the key in Apple's stead. */
  readonly issuer?: Authority
  readonly issuerName?: string
  readonly fromMs?: number
  readonly toMs?: number
  /** After the key id: what iOS adds from version to version. */
  readonly more?: Buffer
}

interface Authority {
  readonly certificate: X509Certificate
  readonly privateKey: KeyObject
}

export interface Device {
  readonly keyId: string
  readonly key: KeyObject
  attest(clientDataHash: Buffer, forging?: Forging): Buffer
  assert(clientDataHash: Buffer, counter: number, forging?: { appId?: string; key?: KeyObject }): Buffer
}

/** Apple's part of App Attest, with a root of its own: attestations as a device brings them, and as one never would. */
export function startApple(nowMs: number, caForging: { ca?: boolean; toMs?: number } = {}) {
  const [rootKey, caKey] = [p256(), p256()]
  const times = { fromMs: nowMs - HOUR_MS, toMs: nowMs + HOUR_MS }
  const authority = (subject: string, key: KeyObject, ca = true, toMs = times.toMs) =>
    issueCertificate({
      ...{
        subject,
        publicKey: key,
        issuer: 'root',
        issuerKey: rootKey.privateKey,
        fromMs: times.fromMs,
        toMs,
      },
      extensions: [basicConstraints(ca), ...(ca ? [certificateSigning] : [])],
    })
  const root = authority('root', rootKey.publicKey)
  const ca: Authority = {
    certificate: authority('ca', caKey.publicKey, caForging.ca, caForging.toMs),
    privateKey: caKey.privateKey,
  }

  function device(appId: string, aaguidOfApp = 'appattest\0\0\0\0\0\0\0'): Device {
    const { publicKey, privateKey } = p256()
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
    const keyHash = sha256(Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url'))

    const attest = (clientDataHash: Buffer, forging: Forging = {}): Buffer => {
      const { aaguid = aaguidOfApp, counter = 0, credentialId = keyHash, more = Buffer.alloc(0) } = forging
      const length = Buffer.of(credentialId.length >> 8, credentialId.length & 0xff)
      const authData = Buffer.concat([
        ...[sha256(appId), Buffer.of(0x40), counterBytes(counter), Buffer.from(aaguid)],
        ...[length, credentialId, more],
      ])
      const nonce = forging.nonce ?? sha256(authData, clientDataHash)
      const issuer = forging.issuer ?? ca
      const leaf = issueCertificate({
        subject: keyHash.toString('hex'),
        publicKey: forging.publicKey ?? publicKey,
        issuer: forging.issuerName ?? 'ca',
        issuerKey: issuer.privateKey,
        fromMs: forging.fromMs ?? times.fromMs,
        toMs: forging.toMs ?? times.toMs,
        extensions: forging.leafExtensions ?? [basicConstraints(false), nonceExtension(nonce)],
      })
      const honest = [leaf.raw, issuer.certificate.raw]
      return Buffer.from(
        encode({
          fmt: forging.fmt ?? 'apple-appattest',
          attStmt: { x5c: forging.x5c?.(honest) ?? honest, receipt: Buffer.from('receipt') },
          authData,
        }),
      )
    }

    return {
      keyId: keyHash.toString('base64'),
      key: privateKey,
      attest,
      assert(clientDataHash, counter, { appId: claimed = appId, key = privateKey } = {}) {
        const authenticatorData = Buffer.concat([sha256(claimed), Buffer.of(0x40), counterBytes(counter)])
        const signature = sign('sha256', sha256(authenticatorData, clientDataHash), key)
        return Buffer.from(encode({ signature, authenticatorData }))
      },
    }
  }

  return { root, ca, device }
}

/** SEQUENCE { [1] { OCTET STRING } }, as Apple writes it. */
export const nonceExtension = (nonce: Buffer): Buffer =>
  extension('2a864886f763640802', der(0x30, der(0xa1, der(0x04, nonce))))

function counterBytes(counter: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(counter)
  return bytes
}
