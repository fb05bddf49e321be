import type { RollupDefinition } from '../model/definition.ts'
import type { WrittenRow } from '../stores/written-row.ts'

/** One window of one rollup, to be computed from exactly these objects. */
export interface WindowPlan {
  readonly definition: RollupDefinition
  /** Half-open [fromMs, toMs), UTC epoch ms, by event time. */
  readonly fromMs: number
  readonly toMs: number
  /** Rows received at or after this instant count as late. */
  readonly lateAfterMs: number
  /** Parquet objects in the lake that hold rows of the window. */
  readonly inputs: readonly string[]
  /** Lake prefix, new for each attempt, under which the engine writes its Parquet files. */
  readonly outputPrefix: string
}

/** Every row read ends in exactly one of these counts, but `late`, which counts kept rows that came late. */
export interface WindowCounts {
  readonly read: number
  readonly outsideWindow: number
  readonly duplicates: number
  /** Rows replaced by a later value of the same measurement_id. */
  readonly superseded: number
  readonly negative: number
  readonly outOfRange: number
  readonly notANumber: number
  /** Rows of declared bots, where the definition excludes them: repeated deliveries are among them. */
  readonly bots: number
  /** Rows of a TTFB of soft navigations, likewise. */
  readonly softNavigations: number
  readonly kept: number
  readonly late: number
}

/** Those of a window into which nothing went. */
export const NO_COUNTS: WindowCounts = {
  read: 0,
  outsideWindow: 0,
  duplicates: 0,
  superseded: 0,
  negative: 0,
  outOfRange: 0,
  notANumber: 0,
  bots: 0,
  softNavigations: 0,
  kept: 0,
  late: 0,
}

/** Rows with a value that cannot be counted, whatever is wrong with it. */
export const rejectedIn = ({ negative, outOfRange, notANumber }: WindowCounts): number =>
  negative + outOfRange + notANumber

export interface EngineResult {
  readonly outputs: readonly { readonly key: string; readonly bytes: number; readonly rows: number }[]
  readonly counts: WindowCounts
}

export interface Engine {
  readonly name: 'duckdb' | 'emr' | 'redshift'
  /**
   * Computes the window and writes its rows below `outputPrefix`; nothing there counts until the run commits. May be
   * called again with a new prefix after any failure. Rejects with `engine_failed`, `engine_out_of_memory`,
   * `input_missing` or `cancelled`.
   */
  compute(plan: WindowPlan, signal: AbortSignal): Promise<EngineResult>
}

/** Rows at hand: sorted by app, metric, unit, set, value (by UTF-8 bytes), in chunks. */
export interface SortedRows {
  /** All of them, each time. */
  read(): AsyncIterable<readonly WrittenRow[]>
  release(): Promise<void>
}

/** Sorts the rows that an engine wrote, whichever it was. Rejects as `compute` does. */
export type SortRows = (keys: readonly string[], signal: AbortSignal) => Promise<SortedRows>
