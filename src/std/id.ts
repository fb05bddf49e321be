import { randomBytes, randomInt, randomUUID } from 'node:crypto'

/** The only source of randomness. Injected, so that tests are repeatable. */
export interface Entropy {
  /** A UUID of version 4. */
  id(): string
  /** `bytes` random bytes as base64url. */
  token(bytes: number): string
  /** Uniform in [0, 1): for jitter, never for secrets. */
  uniform(): number
}

export const systemEntropy: Entropy = {
  id: () => randomUUID(),
  token: (bytes) => randomBytes(bytes).toString('base64url'),
  uniform: () => Math.random(),
}

/** Where a hash begins of what strangers choose: nobody outside can make up texts that have one hash. 32 bits. */
export const hashSeed = (): number => randomInt(2 ** 32)

/** 128 bits of a hash, as hex digits: no two of 10^15 ids are the same by chance, and it is the size of a UUID. */
export const ID_DIGITS = 32

/** An id whose text order is its time order: 11 base-36 digits of milliseconds (until the year 5188), then chance. */
export function sortableId(nowMs: number, entropy: Entropy): string {
  return `${nowMs.toString(36).padStart(11, '0')}-${entropy.id().slice(0, 8)}`
}

/** What every key begins with that we make for an app: who finds one somewhere knows that it is public. */
export const APP_KEY_PREFIX = 'hg_pub_'
/** What the app and the token of a start without apps are called. */
export const DEV_NAME = 'dev'
