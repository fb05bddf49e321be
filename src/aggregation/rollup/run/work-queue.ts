import { codeOf } from '../../../std/expected-errors.ts'
import { isSystemError } from '../../../std/files/files.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { Run } from './log/run-record.ts'

export interface WorkOffOptions {
  /** What is to be done now, without those that are passed over. */
  readonly next: (isPassedOver: (id: string) => boolean) => Run | undefined
  readonly execute: (run: Run) => Promise<Run>
  readonly log: Logger
}

/**
 * Works off what there is, one run after the other. A run whose record cannot be written now is named and left for the
 * next look, and holds up no other. Resolves with those runs, and why.
 */
export async function workOff(
  { next, execute, log }: WorkOffOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Error>> {
  const unsaved = new Map<string, Error>()
  const take = () => (signal.aborted ? undefined : next((id) => unsaved.has(id)))
  for (let run = take(); run; run = take()) {
    try {
      await execute(run)
    } catch (error) {
      if (!isSystemError(error)) throw error
      log.error({ err: error, run: run.id, code: codeOf(error) }, 'the record of a run cannot be written now')
      unsaved.set(run.id, error)
    }
  }
  return unsaved
}

/** The oldest whose time has come. */
export function oldestReady(runs: Iterable<Run>, nowMs: number): Run | undefined {
  let oldest: Run | undefined
  for (const run of runs) {
    if (run.notBeforeMs <= nowMs && (oldest === undefined || run.id < oldest.id)) oldest = run
  }
  return oldest
}
