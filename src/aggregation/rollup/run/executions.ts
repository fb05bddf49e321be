import { AppError } from '../../../std/errors.ts'
import type { Run } from './log/run-record.ts'

/** The runs that are at work: one, and between two windows of it those of the schedule. */
export interface Executions {
  has(id: string): boolean
  start(run: Run, signal: AbortSignal): Promise<Run>
  /** Ends a run; undefined of one that is not at work. */
  cancel(id: string): Promise<Run> | undefined
}

interface Execution {
  readonly cancel: AbortController
  readonly done: Promise<Run>
}

export function createExecutions(execute: (run: Run, signal: AbortSignal) => Promise<Run>): Executions {
  const atWork = new Map<string, Execution>()
  return {
    has: (id) => atWork.has(id),
    start(run, signal) {
      const cancel = new AbortController()
      const done = execute(run, AbortSignal.any([signal, cancel.signal]))
      atWork.set(run.id, { cancel, done })
      return done.finally(() => atWork.delete(run.id))
    },
    cancel(id) {
      const execution = atWork.get(id)
      execution?.cancel.abort(new AppError('cancelled', 'The run was cancelled'))
      return execution?.done
    },
  }
}
