import { MAX_EVENTS_PER_BODY } from '../../event/decode/spans.ts'
import type { RejectionCode } from '../../event/ledger/ledger.ts'
import type { Measurement } from '../../event/schema/event.ts'
import { EVENT_TOO_LARGE, judge, type Verdict } from '../../event/verdict.ts'
import type { FieldRejection } from '../apps/rejected-fields.ts'

/** Enough to find the fault. Every rejection is counted, listed or not. */
export const MAX_REJECTIONS_LISTED = 500

export interface Rejection {
  /** Its place in the request, from 0. */
  readonly index: number
  readonly code: RejectionCode
  readonly detail: string
}

export interface Judged {
  readonly accepted: readonly { readonly measurement: Measurement; readonly index: number }[]
  /** In the order of the request, at most MAX_REJECTIONS_LISTED. */
  readonly rejected: readonly Rejection[]
  /** The code of every event that was not accepted. */
  readonly codes: readonly RejectionCode[]
  /** The fields of ours that are to blame for some of those. */
  readonly faults: readonly FieldRejection[]
  /** Fields that were left out of accepted events. */
  readonly ignored: number
}

const NOTHING_REJECTED: Judged['rejected'] = []
const NO_CODES: Judged['codes'] = []
const NO_FAULTS: Judged['faults'] = []

/** Each candidate on its own, so that one bad event never costs its neighbours. */
export function judgeAll(
  candidates: readonly unknown[],
  verdictOf: (candidate: unknown) => Verdict = judge,
): Judged {
  const accepted: { measurement: Measurement; index: number }[] = []
  const rejected: Rejection[] = []
  const faults: FieldRejection[] = []
  let ignored = 0
  const judgeable = Math.min(candidates.length, MAX_EVENTS_PER_BODY)
  for (let index = 0; index < judgeable; index++) {
    const verdict = verdictOf(candidates[index])
    if (verdict.kind === 'accepted') {
      accepted.push({ measurement: verdict.measurement, index })
      ignored += verdict.ignored
    } else {
      const { code, detail, field } = verdict
      rejected.push({ index, code, detail })
      if (field !== undefined) faults.push({ code, field })
    }
  }
  if (rejected.length === 0 && judgeable === candidates.length) {
    return { accepted, rejected: NOTHING_REJECTED, codes: NO_CODES, faults: NO_FAULTS, ignored }
  }
  const beyond = candidates.length - judgeable
  const room = MAX_REJECTIONS_LISTED - rejected.length
  return {
    accepted,
    rejected: rejected.concat(Array.from({ length: Math.min(beyond, room) }, (_, i) => tooMany(i))),
    codes: rejected.map(({ code }) => code).concat(Array(beyond).fill('too_many_events')),
    faults,
    ignored,
  }
}

/** Without those of the accepted, by their places in the request, that were found to take too much once stored. */
export function withoutTooLarge(judged: Judged, places: readonly number[]): Judged {
  if (places.length === 0) return judged
  const found = places.map(
    (index): Rejection => ({ index, code: 'event_too_large', detail: EVENT_TOO_LARGE }),
  )
  const rejected = [...judged.rejected, ...found].sort((a, b) => a.index - b.index)
  return {
    accepted: judged.accepted.filter(({ index }) => !places.includes(index)),
    rejected: rejected.slice(0, MAX_REJECTIONS_LISTED),
    faults: judged.faults,
    codes: [...judged.codes, ...found.map(({ code }) => code)],
    ignored: judged.ignored,
  }
}

/** For apps that take nothing from visitors who object (Global Privacy Control). */
export const rejectForPrivacy = (): Verdict => ({
  kind: 'rejected',
  code: 'privacy_gpc',
  detail: 'The visitor asks not to be measured (Sec-GPC).',
})

const tooMany = (i: number): Rejection => ({
  index: MAX_EVENTS_PER_BODY + i,
  code: 'too_many_events',
  detail: `A request may bring ${MAX_EVENTS_PER_BODY} events.`,
})
