import { counter, gauge, histogram } from '../../std/metrics/instruments.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { SubjectNovelty } from './limits/subject-sightings.ts'
import type { AssumeRoleOutcome } from './session/sts-sessions.ts'

/** Never by subject: a label for each would be a list of them. */
export interface VendingMetrics {
  /** `vended`, or the code of the refusal. An app that is not configured is no label either. */
  decided(app: string | undefined, outcome: string): void
  saw(sighting: SubjectNovelty): void
  asked(outcome: AssumeRoleOutcome, ms: number): void
}

export interface VendingReadings {
  /** Apps for which STS is left alone until somebody mends what it refuses. */
  brokenApps(): Iterable<string>
}

export function createVendingMetrics({ metrics }: Telemetry, readings: VendingReadings): VendingMetrics {
  const decisions = counter(metrics, 'headgate_credentials_total')
  const further = counter(metrics, 'headgate_credentials_further_total')
  const stsSeconds = histogram(metrics, 'headgate_sts_seconds')
  const packed = gauge(metrics, 'headgate_sts_packed_policy_percent')
  let largestPercent = 0
  gauge(metrics, 'headgate_credentials_broken', (broken) => {
    broken.reset()
    for (const app of readings.brokenApps()) broken.set({ app }, 1)
  })

  return {
    decided: (app = 'unknown', outcome) => decisions.inc({ app, outcome }),
    saw({ isFurtherAddress, isFurtherSubject }) {
      if (isFurtherAddress) further.inc({ what: 'address_of_subject' })
      if (isFurtherSubject) further.inc({ what: 'subject_of_address' })
    },
    asked(outcome, ms) {
      stsSeconds.observe({ outcome: outcome.kind }, ms / 1_000)
      if (outcome.kind !== 'minted') return
      largestPercent = Math.max(largestPercent, outcome.packedPolicyPercent)
      packed.set(largestPercent)
    },
  }
}
