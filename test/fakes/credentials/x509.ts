import { type KeyObject, sign, X509Certificate } from 'node:crypto'

/** One value of DER. */
export function der(tag: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as string)))
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const ECDSA_WITH_SHA256 = der(0x30, oid('2a8648ce3d040302'))
const nameOf = (text: string) => der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, text))))
const timeOf = (ms: number) => der(0x17, `${new Date(ms).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`)

export const extension = (oidHex: string, value: Buffer, critical = false): Buffer =>
  der(0x30, oid(oidHex), ...(critical ? [der(0x01, Buffer.of(0xff))] : []), der(0x04, value))
export const basicConstraints = (ca: boolean): Buffer =>
  extension('551d13', ca ? der(0x30, der(0x01, Buffer.of(0xff))) : der(0x30), true)
/** keyCertSign and cRLSign */
export const certificateSigning = extension('551d0f', der(0x03, Buffer.of(1, 6)), true)
/** 127.0.0.1 */
export const forLoopback = extension('551d11', der(0x30, der(0x87, Buffer.of(127, 0, 0, 1))))

export interface Issuing {
  readonly subject: string
  readonly publicKey: KeyObject
  readonly issuer: string
  readonly issuerKey: KeyObject
  readonly fromMs: number
  readonly toMs: number
  readonly extensions: readonly Buffer[]
}

/** A certificate as anybody could issue one: nothing here keeps to any rule but the format. */
export function issueCertificate(issuing: Issuing): X509Certificate {
  const { subject, publicKey, issuer, issuerKey, fromMs, toMs, extensions } = issuing
  const signedPart = der(
    0x30,
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.of(1, 2, 3)),
    ECDSA_WITH_SHA256,
    nameOf(issuer),
    der(0x30, timeOf(fromMs), timeOf(toMs)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [der(0xa3, der(0x30, ...extensions))] : []),
  )
  const signature = der(0x03, Buffer.of(0), sign('sha256', signedPart, issuerKey))
  return new X509Certificate(der(0x30, signedPart, ECDSA_WITH_SHA256, signature))
}
