import { withDeadline } from '../../../std/async/abort.ts'
import { AppError } from '../../../std/errors.ts'
import { counter } from '../../../std/metrics/instruments.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { Challenge, Challenges } from './challenges.ts'
import { requestHash } from './request-hash.ts'
import type {
  AttestationLevel,
  AttestationResult,
  AttestationVerifier,
  AttestedApp,
  Evidence,
} from './verifier.ts'

/** As long as a client of ours waits for credentials at all. */
export const VERIFY_TIMEOUT_MS = 3_000

/** What was asked for, and by whom. */
export interface AttestationScope {
  readonly app: AttestedApp
  /** `sub` of the access token; empty where there is none. */
  readonly subject: string
  readonly streams: readonly string[]
}

/** What a request presents (attestation-claim.ts); that its kind is one of ours is not taken for granted. */
export interface Presented extends Pick<Evidence, 'token' | 'keyId' | 'enrolment' | 'challenge'> {
  readonly kind: string
}

export interface Attested {
  readonly kind: string
  /** none: the proof could not be checked, and the app's configuration lets it pass within narrower limits. */
  readonly level: AttestationLevel | 'none'
  readonly deviceId: string | undefined
  readonly enrolment: string | undefined
}

export interface Attestation {
  /** Rejects with `attestation_failed` for a kind that is not known here. */
  challenge(app: AttestedApp, kind: string): Challenge
  /**
   * Rejects with `attestation_failed`, or with `attestation_unavailable` when the proof could not be checked in time.
   * The challenge is spent in any case.
   */
  check(presented: Presented | undefined, attesting: AttestationScope, signal: AbortSignal): Promise<Attested>
}

export interface AttestationOptions {
  readonly verifiers: readonly AttestationVerifier[]
  readonly challenges: Challenges
  readonly telemetry: Telemetry
  readonly timeoutMs?: number
}

export function createAttestation(options: AttestationOptions): Attestation {
  const { challenges, telemetry, timeoutMs = VERIFY_TIMEOUT_MS } = options
  const verifiers = new Map(options.verifiers.map((verifier) => [verifier.kind, verifier]))
  const outcomes = counter(telemetry.metrics, 'headgate_attestations_total')

  function verifierOf(kind: string): AttestationVerifier {
    const verifier = verifiers.get(kind)
    if (verifier === undefined) throw failed('kind')
    return verifier
  }

  /** In time or not at all. Only what says so itself is unavailable: an error of ours must not let anybody in. */
  async function verdictOf(verifier: AttestationVerifier, evidence: Evidence, signal: AbortSignal) {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    try {
      return await withDeadline(verifier.verify(evidence, deadline), timeoutMs, 'The attestation')
    } catch (error) {
      if (isUnavailable(error)) return undefined
      throw error
    }
  }

  function attestedBy(
    kind: string,
    verdict: AttestationResult | undefined,
    { attestation }: AttestedApp,
  ): Attested {
    if (verdict === undefined) {
      const limited = attestation?.onUnavailable === 'allow-limited'
      outcomes.inc({ kind, outcome: limited ? 'limited' : 'unavailable' })
      if (limited) return { kind, level: 'none', deviceId: undefined, enrolment: undefined }
      throw new AppError('attestation_unavailable', 'The attestation could not be checked.')
    }
    outcomes.inc({ kind, outcome: verdict.ok ? 'attested' : 'refused' })
    if (!verdict.ok) throw failed(verdict.reason)
    return { kind, level: verdict.level, deviceId: verdict.deviceId, enrolment: verdict.enrolment }
  }

  return {
    challenge: (app, kind) => challenges.issue({ app: app.id, kind: verifierOf(kind).kind }),
    async check(presented, { app, subject, streams }, signal) {
      if (presented === undefined) throw failed('missing')
      const { kind, token, keyId, enrolment, challenge } = presented
      const verifier = verifierOf(kind)
      if (!challenges.spend(challenge, { app: app.id, kind })) throw failed('challenge')
      const bound = requestHash({ app: app.id, subject, streams, challenge })
      const evidence = { token, keyId, enrolment, challenge, requestHash: bound, app }
      return attestedBy(kind, await verdictOf(verifier, evidence, signal), app)
    },
  }
}

const failed = (reason: string): AppError =>
  new AppError('attestation_failed', `The device could not be attested: ${reason}.`, { details: { reason } })

const isUnavailable = (error: unknown): boolean =>
  error instanceof AppError &&
  (error.code === 'attestation_unavailable' || error.code === 'deadline_exceeded')
