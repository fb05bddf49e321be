import type { Reprocess } from './plan.ts'

/** Who wants a run. */
export type Trigger = 'schedule' | 'request'

/** Resolved: what to do if the run is looked at again after a restart. */
export interface RunScope {
  readonly rollups: readonly string[]
  /** Absent for scheduled runs, which take what is due when they start. */
  readonly range?: {
    readonly fromMs: number
    readonly toMs: number
    /** No start was given: what is ingested until the run begins may move it back, to the first data. */
    readonly sinceFirst?: true
  }
  readonly reprocess: Reprocess
}
