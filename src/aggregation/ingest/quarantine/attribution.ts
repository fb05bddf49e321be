import type { RecordVerifier } from './record-verifier.ts'

/** An app that may write past the gateway, to a stream of its own. */
export interface DirectApp {
  readonly id: string
  /** Its credentials are anybody's: a token tells of nobody. */
  readonly isPublic: boolean
  readonly allowQuery: ReadonlySet<string>
}

/** What came of a record's token. Only `valid` says whose the record is. */
export type TokenOutcome = 'valid' | 'none' | 'invalid' | 'other_app' | 'expired' | 'unchecked'

export interface Attribution {
  readonly outcome: TokenOutcome
  /** The pseudonym of who put the record; undefined for anybody. */
  readonly subject: string | undefined
}

/** A signature costs 0.1 ms to refuse, and who makes up tokens can make up millions. */
export const MAX_BAD_TOKENS = 1_000

/**
 * Whose the records of one object are. `arrivalMs` is the hour in which its oldest arrived: credentials, and the token
 * that came with them, had not ended before that. Not the time of now, so that a second look sees the same.
 */
export function createAttribution(
  app: DirectApp,
  arrivalMs: number,
  verifier: RecordVerifier,
): (token: unknown) => Promise<Attribution> {
  const bad = new Set<string>()

  async function outcomeOf(token: string): Promise<Attribution> {
    if (bad.has(token)) return anybody('invalid')
    if (bad.size >= MAX_BAD_TOKENS) return anybody('unchecked')
    const record = await verifier.verify(token)
    if (record === undefined) {
      bad.add(token)
      return anybody('invalid')
    }
    if (record.app !== app.id) return anybody('other_app')
    if (record.expiresMs < arrivalMs) return anybody('expired')
    return { outcome: 'valid', subject: app.isPublic ? undefined : record.subHash }
  }

  return async (token) => (typeof token === 'string' ? outcomeOf(token) : anybody('none'))
}

const anybody = (outcome: TokenOutcome): Attribution => ({ outcome, subject: undefined })
