import { hash } from 'node:crypto'
import type { Clock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import type { Entropy } from '../../std/id.ts'
import type { VendingApp } from '../apps/vending-apps.ts'
import type { AuditFacts } from './audit.ts'
import type { Breaker } from './limits/circuit-breaker.ts'
import { singleFlight } from './limits/single-flight.ts'
import type { VendingLimits } from './limits/vending-limits.ts'
import type { VendingMetrics } from './metrics.ts'
import { type StsSessionRequest, sessionRequest } from './session/session.ts'
import type { AssumeRoleOutcome, Session, StsSessions } from './session/sts-sessions.ts'

/** Somebody may have credentials: for this app, until then at most. */
export interface VendPermit {
  readonly app: VendingApp
  readonly subjectHash: string
  readonly durationSeconds: number
  readonly notAfterMs: number | undefined
  /** What must be equal for two requests to be one; undefined for somebody who may be anybody. */
  readonly identity: string | undefined
}

export interface VendedSession {
  readonly vendId: string
  readonly session: Session
  /** When it ends to do anything. */
  readonly expiresMs: number
}

export interface SessionVendor {
  /**
   * Asks STS for a session, unless the same is being asked already. No secret is kept beyond the answer. `note` is told
   * what an audit line should say, if it is a refusal as well.
   */
  vend(grant: VendPermit, note: Note): Promise<VendedSession>
}

export type Note = (facts: AuditFacts) => void

export interface SessionVendorPorts {
  readonly sts: StsSessions
  readonly limits: VendingLimits
  readonly breaker: Breaker
  readonly metrics: VendingMetrics
  readonly clock: Clock
  readonly entropy: Entropy
}

/** Both attempts together. What comes later nobody waits for any more. */
const DEADLINE_MS = 3_000
/** A second one for answers that got lost: each costs a session that nobody has. */
const MAX_ATTEMPTS = 2

export function createSessionVendor(ports: SessionVendorPorts): SessionVendor {
  const { sts, limits, breaker, metrics, clock, entropy } = ports
  const flights = singleFlight<VendedSession>()

  async function ask(
    request: StsSessionRequest,
    signal: AbortSignal,
    attemptsLeft = MAX_ATTEMPTS,
  ): Promise<AssumeRoleOutcome> {
    limits.sts()
    const startedMs = clock.monotonicMs()
    const outcome = await sts.assumeRole(request, signal)
    metrics.asked(outcome, clock.monotonicMs() - startedMs)
    const isFinal = outcome.kind !== 'transient' || attemptsLeft === 1 || signal.aborted
    return isFinal ? outcome : ask(request, signal, attemptsLeft - 1)
  }

  async function vendOne(grant: VendPermit, note: Note): Promise<VendedSession> {
    const { app, notAfterMs = Number.POSITIVE_INFINITY } = grant
    if (!breaker.allows(app.id)) {
      throw new AppError('sts_failed', 'STS refuses the role of this app; somebody has to mend it.')
    }
    const vendId = entropy.id()
    const request = sessionRequest({ ...grant, vendId })
    const { sessionName, roleArn, policy } = request
    note({ vendId, sessionName, roleArn, policySha256: hash('sha256', policy, 'hex') })
    const outcome = await ask(request, AbortSignal.timeout(DEADLINE_MS))
    // An outage and a throttle say nothing of the role.
    if (outcome.kind === 'misconfigured') breaker.open(app.id)
    if (outcome.kind === 'minted') breaker.close(app.id)
    if (outcome.kind !== 'minted') {
      const { code: stsCode, status: stsStatus, requestId: stsRequestId } = outcome
      note({ stsCode, stsStatus, stsRequestId })
      throw refused(outcome.kind)
    }
    return { vendId, session: outcome, expiresMs: Math.min(outcome.expiresMs, notAfterMs) }
  }

  return {
    async vend(grant, note) {
      if (grant.identity === undefined) return vendOne(grant, note)
      const { result, isJoined } = flights(grant.identity, () => vendOne(grant, note))
      if (isJoined) note({ isJoined })
      return result
    },
  }
}

/** What is refused for good is our fault, not the client's: a 403 would make clients forget who they are. */
function refused(kind: Exclude<AssumeRoleOutcome['kind'], 'minted'>): AppError {
  if (kind === 'throttled') return new AppError('sts_throttled', 'STS takes no more calls for now.')
  return new AppError('sts_failed', `STS gave no credentials (${kind}).`)
}
