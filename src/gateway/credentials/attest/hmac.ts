import { createHmac, timingSafeEqual } from 'node:crypto'

/** Texts that clients keep for us: they can read them and cannot change them. */
export interface TextMac {
  sign(text: string): string
  /** The text, if it was signed with this secret for this purpose. */
  verify(signed: string): string | undefined
}

/** HMAC-SHA256; 32 random bytes are a secret. A text that was signed for one purpose is of no use for any other. */
export function createTextMac(secret: Buffer, purpose: string): TextMac {
  const mac = (text: string) => createHmac('sha256', secret).update(`${purpose}\n${text}`).digest()
  return {
    sign: (text) => `${Buffer.from(text).toString('base64url')}.${mac(text).toString('base64url')}`,
    verify(signed) {
      const [encoded = '', presented = ''] = signed.split('.')
      const text = Buffer.from(encoded, 'base64url').toString()
      const wanted = mac(text)
      const given = Buffer.from(presented, 'base64url')
      return given.length === wanted.length && timingSafeEqual(given, wanted) ? text : undefined
    },
  }
}
