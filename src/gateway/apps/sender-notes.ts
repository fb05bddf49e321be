import type { Clock } from '../../std/clock.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import { createRefusals, type Refusals } from './refusals.ts'
import { createRejectedFields, type RejectedFields } from './rejected-fields.ts'
import { createUnbelievedForwardings, type UnbelievedForwardings } from './unbelieved-forwardings.ts'

/** What is noted of senders: where an operator looks when no events arrive, or fewer than there were. */
export interface SenderNotes {
  /** Requests that were refused as a whole. */
  readonly refusals: Refusals
  /** For which fields single events were rejected, whatever became of their request. */
  readonly rejectedFields: RejectedFields
  readonly unbelieved: UnbelievedForwardings
}

export const createSenderNotes = (clock: Clock, telemetry: Telemetry): SenderNotes => ({
  refusals: createRefusals(clock, telemetry),
  rejectedFields: createRejectedFields(clock, telemetry),
  unbelieved: createUnbelievedForwardings(clock, telemetry),
})
