import { Counter, Gauge, Histogram } from 'prom-client'
import type { Telemetry } from '../../std/telemetry.ts'
import type { SubjectNovelty } from './limits/subject-sightings.ts'
import type { AssumeRoleOutcome } from './session/minter.ts'

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
  const registers = [metrics]
  const decisions = new Counter({
    name: 'headgate_credentials_total',
    help: 'Requests for credentials, by app and by what was decided.',
    labelNames: ['app', 'outcome'],
    registers,
  })
  const further = new Counter({
    name: 'headgate_credentials_further_total',
    help: 'Within an hour: further addresses of one subject, further subjects of one address.',
    labelNames: ['what'],
    registers,
  })
  const stsSeconds = new Histogram({
    name: 'headgate_sts_seconds',
    help: 'Duration of calls to STS, by what came of them.',
    labelNames: ['outcome'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
    registers,
  })
  const packed = new Gauge({
    name: 'headgate_sts_packed_policy_percent',
    help: 'The most that a session policy and its tags took of what STS allows.',
    // With several workers the largest value counts.
    aggregator: 'max',
    registers,
  })
  let largestPercent = 0
  new Gauge({
    name: 'headgate_credentials_broken',
    help: '1 for an app whose role STS refuses.',
    labelNames: ['app'],
    aggregator: 'max',
    registers,
    collect() {
      this.reset()
      for (const app of readings.brokenApps()) this.set({ app }, 1)
    },
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
