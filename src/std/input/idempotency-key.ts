import { AppError } from '../errors.ts'

/** Ours; the draft leaves it open (draft-ietf-httpapi-idempotency-key-header-07, 2.1). UUIDs have 36. */
export const MAX_KEY_CHARS = 255

/** A string as structured fields write it (RFC 9651, 3.3.3). */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/
/** What most clients send. Without quotes, commas and semicolons, with which a list or parameters begin. */
const BARE = /^[!#-+\--:<-~]+$/

/** What a request may carry at most: each character escaped, in quotes. */
export const MAX_SENT_CHARS = 2 * MAX_KEY_CHARS + 2

/**
 * The sender's name for a request and its repetitions, as the header says it; undefined when it gave none. Whatever takes
 * one, takes the same: a key in quotes is the key without.
 */
export function idempotencyKeyOf(header: string | readonly string[] | undefined): string | undefined {
  const sent = header?.toString()
  if (sent === undefined) return undefined
  const key = BARE.test(sent) ? sent : QUOTED.exec(sent)?.[1]?.replace(/\\(.)/g, '$1')
  if (key === undefined || key === '' || key.length > MAX_KEY_CHARS) {
    throw new AppError(
      'invalid_request',
      `Idempotency-Key must have 1 to ${MAX_KEY_CHARS} printable characters, in double quotes or without any, and be sent once.`,
    )
  }
  return key
}
