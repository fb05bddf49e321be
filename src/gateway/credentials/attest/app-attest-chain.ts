import { X509Certificate } from 'node:crypto'
import { codeOf, unlessThrown } from '../../../std/expected-errors.ts'
import { context, derValues, OCTET_STRING, only, SEQUENCE } from './der.ts'

export type ChainFault = 'malformed' | 'chain' | 'certificate_time'

/** The certificate of the key, if Apple vouches for it at this time. */
export function trustedLeaf(
  x5c: readonly Buffer[],
  root: X509Certificate,
  nowMs: number,
): X509Certificate | ChainFault {
  const [leaf, intermediate, ...more] = x5c.map(readCertificate)
  if (leaf === undefined || intermediate === undefined) return 'malformed'
  // Exactly these two, and in this order: there is no path to be found, so none can be led astray.
  const trusted =
    more.length === 0 && !leaf.ca && isIssuedBy(leaf, intermediate) && isIssuedBy(intermediate, root)
  if (!trusted) return 'chain'
  return [leaf, intermediate].every((certificate) => isValidAt(certificate, nowMs))
    ? leaf
    : 'certificate_time'
}

const readCertificate = (bytes: Buffer): X509Certificate | undefined =>
  unlessThrown(() => new X509Certificate(bytes), isOpensslError)

const isOpensslError = (error: unknown): boolean => codeOf(error).startsWith('ERR_OSSL_')

/** `checkIssued` compares names and key usage; only `verify` looks at the signature. */
const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

const isValidAt = ({ validFrom, validTo }: X509Certificate, nowMs: number): boolean =>
  Date.parse(validFrom) <= nowMs && nowMs < Date.parse(validTo)

/** 1.2.840.113635.100.8.2, in which Apple puts the nonce. */
const NONCE_EXTENSION = Buffer.from('2a864886f763640802', 'hex')
/** RFC 5280, 4.1: `extensions [3]` of the part that is signed. */
const EXTENSIONS = context(3)
const NONCE = context(1)

/** The nonce for which Apple issued this certificate. */
export function attestedNonce(leaf: X509Certificate): Buffer | undefined {
  const [signedPart] = childrenOf(only(leaf.raw, SEQUENCE))
  const extensions = childrenOf(signedPart?.content).find(({ tag }) => tag === EXTENSIONS)
  for (const { content } of childrenOf(only(extensions?.content, SEQUENCE))) {
    const [id, ...more] = childrenOf(content)
    // The value comes last: before it there may be whether it is critical.
    if (id?.content.equals(NONCE_EXTENSION)) return within(more.at(-1)?.content)
  }
  return undefined
}

const childrenOf = (content: Buffer | undefined) => (content && derValues(content)) ?? []

/** SEQUENCE { [1] { OCTET STRING } } */
const within = (extension: Buffer | undefined): Buffer | undefined =>
  only(only(only(extension, SEQUENCE), NONCE), OCTET_STRING)
