import { type Candidates, candidatesIn } from '../../../event/decode/candidates.ts'
import { MAX_EVENTS_PER_BODY } from '../../../event/decode/spans.ts'
import type { RejectionCode } from '../../../event/ledger/ledger.ts'
import type { Measurement } from '../../../event/schema/event.ts'
import { isObject } from '../../../event/schema/json-object.ts'
import { judge } from '../../../event/verdict.ts'
import type { ResumableWork } from '../../../std/async/yielding.ts'
import { AppError, type ErrorCode } from '../../../std/errors.ts'

/** Nothing shorter is an event. Seen before it is parsed: what cannot be read costs most, and short lines are many. */
const LEAST = '{"name":"a","value":1}'

export type DirectRejection = RejectionCode | 'line_too_long' | 'broken_object' | 'stored_too_large'

export interface RejectedInLine {
  readonly reason: DirectRejection
  readonly detail: string
  readonly events: number
}

export interface JudgedLine {
  readonly accepted: readonly { readonly measurement: Measurement; readonly index: number }[]
  readonly rejected: readonly RejectedInLine[]
  /** As it stands there. */
  readonly token: unknown
  /** What was judged, as it was read. */
  readonly candidates: readonly unknown[]
  /** Fields that were left out of accepted events. */
  readonly ignored: number
}

/** What the decoder says of a line. Any other error is not the line's fault, and must not make its events dead letters. */
const OF_THE_LINE: readonly ErrorCode[] = ['malformed_body', 'body_too_large']

/** A line is an event, or `{ recordToken?, context?, events }`: to the contract of `POST /v1/events`. */
export function* judgeLine(line: Buffer): ResumableWork<JudgedLine> {
  if (line.length < LEAST.length) return TOO_SHORT
  try {
    return judgeCandidates(yield* candidatesIn(line))
  } catch (error) {
    if (!(error instanceof AppError && OF_THE_LINE.includes(error.code))) throw error
    return rejectedLine('malformed_line', error.message)
  }
}

export const rejectedLine = (reason: DirectRejection, detail: string): JudgedLine => ({
  accepted: [],
  rejected: [{ reason, detail, events: 1 }],
  token: undefined,
  candidates: [],
  ignored: 0,
})

const TOO_SHORT = rejectedLine('malformed_line', `The line is too short to be an event, such as ${LEAST}`)

function judgeCandidates({ candidates, root }: Candidates): JudgedLine {
  const accepted: { measurement: Measurement; index: number }[] = []
  const rejected: RejectedInLine[] = []
  let ignored = 0
  for (const [index, candidate] of candidates.slice(0, MAX_EVENTS_PER_BODY).entries()) {
    const verdict = judge(candidate)
    if (verdict.kind === 'accepted') {
      accepted.push({ measurement: verdict.measurement, index })
      ignored += verdict.ignored
    } else rejected.push({ reason: verdict.code, detail: verdict.detail, events: 1 })
  }
  const beyond = candidates.length - MAX_EVENTS_PER_BODY
  if (beyond > 0) {
    const detail = `A line may bring ${MAX_EVENTS_PER_BODY} events.`
    rejected.push({ reason: 'too_many_events', detail, events: beyond })
  }
  const token = isObject(root) ? root['recordToken'] : undefined
  return { accepted, rejected, token, candidates, ignored }
}
