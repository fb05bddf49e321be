import { truncateAddress } from '../../http/sender/ip-address.ts'
import type { AppError } from '../../std/errors.ts'
import type { Logger } from '../../std/telemetry.ts'
import type { VendingApp } from '../apps/vending-apps.ts'
import type { VendRequest } from './authorize.ts'

/** What is known of a request so far, in words that may be written down: identifiers, pseudonyms, hashes. */
export interface AuditFacts {
  readonly app?: string
  /** The pseudonym of the subject. */
  readonly sub?: string
  readonly iss?: string
  readonly kid?: string
  readonly jtiHash?: string | undefined
  readonly attestation?: string
  readonly attestationLevel?: string
  readonly streams?: readonly string[]
  readonly durationSeconds?: number
  readonly vendId?: string
  readonly sessionName?: string
  readonly roleArn?: string
  readonly policySha256?: string
  readonly stsCode?: string
  readonly stsStatus?: number
  readonly stsRequestId?: string | undefined
  readonly accessKeyId?: string
  readonly expiration?: string
  readonly packedPolicyPercent?: number
  /** It was under way for somebody with the same request. */
  readonly isJoined?: boolean
}

/** One decision, told of in one line when it is made. */
export interface AuditEntry {
  note(facts: AuditFacts): void
  /** The app, as far as it is known by now. */
  app(): string | undefined
  vended(): void
  denied(error: AppError): void
}

export interface Audit {
  /** `decisionId` is what the answer tells as well: a vend or a refusal is found by it. */
  open(decisionId: string, ask: Pick<VendRequest, 'route' | 'address'>): AuditEntry
}

/**
 * One line a decision, whatever the log level: who asked, what was decided, and what joins it with CloudTrail. Never a
 * secret, a token, a key, a subject, or what STS said; of an address its network, and only for apps that allow it.
 */
export function createAudit(log: Logger, appOf: (id: string) => VendingApp | undefined): Audit {
  const lines = log.child({ audit: true }, { level: 'info' })
  return {
    open(decisionId, { route, address }) {
      let known: AuditFacts = {}
      const networkOf = ({ app = '' }: AuditFacts) =>
        appOf(app)?.ip === 'truncate' ? { network: truncateAddress(address) } : {}
      const write = (event: string, outcome: object) =>
        lines.info({ event, decisionId, route, ...known, ...networkOf(known), ...outcome })
      return {
        note(facts) {
          known = { ...known, ...facts }
        },
        app: () => known.app,
        vended: () => write('credentials.vended', { outcome: 'vended' }),
        denied: ({ code }) => write('credentials.denied', { outcome: 'denied', code }),
      }
    },
  }
}
