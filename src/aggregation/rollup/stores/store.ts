import type { TimeSpan } from '../../../std/durations.ts'
import { AppError } from '../../../std/errors.ts'
import { isSystemError } from '../../../std/files/files.ts'
import type { KeptDefinition } from '../model/definition.ts'
import type { RowsOfUnit } from '../model/units.ts'
import type { WrittenRow } from './written-row.ts'

/** One committed group: what every engine computes, every store keeps and the query API merges. Version 2. */
export interface RollupRow {
  readonly app: string
  readonly metric: string
  /** UCUM: of all that was added up. `~unknown` of rows that say none, `~other` of the rarest units. */
  readonly unit: string
  /** Name of the dimension set, such as `route`. */
  readonly set: string
  /** Value of the set's dimensions (joined by ` | `); empty for the set without any. */
  readonly value: string
  /** Σ w, with w = round(weight × 1000): divide by 1000. */
  readonly n: bigint
  /** Plain count of rows. */
  readonly rows: number
  /** Σ micros·w, micros = floor(value·10⁶ + 0.5): up to 38 digits. */
  readonly sum: bigint
  /** Σ w²: n² / squares is how many rows of equal weight say as much as these. */
  readonly squares: bigint
  readonly minMicros: bigint
  readonly maxMicros: bigint
  /** Log-bucket histogram `index:Σw,…` in index order, scale 5 (relative error ≤ 1.1 %). */
  readonly histogram: string
}

/** One window's committed generation, as a manifest names it. */
export interface CommittedWindow {
  readonly rollup: string
  readonly fromMs: number
  readonly toMs: number
  readonly generation: number
  readonly contentHash: string
  readonly complete: boolean
  readonly late: number
  readonly rejected: number
  /** Left out of what earlier versions committed. */
  readonly definition?: KeptDefinition
}

/** The windows that one is the sum of, of all that lie in it. */
export interface MergedFrom {
  /** In time order; at least one. */
  readonly windows: readonly TimeSpan[]
  /** How long they are together: there may be none of some of its time. */
  readonly heldMs: number
  /** They hold no rows of the metric; otherwise each of them does. */
  readonly isEmpty: boolean
}

/** What a window holds of a metric by a set, in one unit. */
export interface UnitContent extends RowsOfUnit {
  /** Names the rows, whatever else is in the window. */
  readonly content: string
}

/** A window, as far as it concerns a metric by a set. */
export interface SeriesWindow extends CommittedWindow {
  /** None where it holds nothing of it. */
  readonly units: readonly UnitContent[]
  /** False where it holds rows of the metric that are not in the set: it was computed before that was kept of the metric. */
  readonly hasSet: boolean
  /** Set where it is the sum of others. */
  readonly merged?: MergedFrom
}

export interface SeriesRequest {
  readonly rollup: string
  readonly app: string
  readonly metric: string
  readonly unit: string
  readonly set: string
  /** These values of the set; undefined: all of them (for rankings). */
  readonly values?: readonly string[] | undefined
  /** Half-open, UTC epoch ms. */
  readonly fromMs: number
  readonly toMs: number
  /**
   * In time order. Windows that are merged count as one, where that lies in one of these spans; left out, none are. The
   * sums are the same, and of no other windows than those that count when they are read. Contents tell of those that have
   * rows of the metric, and of those that have none, apart.
   */
  readonly mergedWithin?: readonly TimeSpan[] | undefined
}

export interface StoredRow extends RollupRow {
  readonly windowFromMs: number
}

/**
 * Where committed rollups go and are read from. One contract suite runs against every adapter.
 *
 * A rollup's windows may be of several grains, each a divisor of the next and none above an hour, since a configuration
 * changes. A moment counts once: in the larger of two windows that hold it, until newer and smaller ones hold all of that
 * one's time. The older ones are then gone, in one step for whoever reads.
 */
export interface RollupStore {
  readonly kind: 'local' | 's3' | 'dynamodb' | 'postgres' | 'redshift'
  /**
   * Replaces the window's rows by these, all or nothing. Idempotent: an older or equal generation (also than that of a
   * window of another grain over the same time), or the same content, changes no row and answers `unchanged`. `rows` come
   * sorted by app, metric, unit, set, value (by UTF-8 bytes), in chunks.
   */
  publish(
    window: CommittedWindow,
    rows: AsyncIterable<readonly WrittenRow[]>,
  ): Promise<'published' | 'unchanged'>
  /**
   * Windows that count and start in [fromMs, toMs), in time order; without damaged ones, which the other questions reject
   * with. As all that reads: ends early when the signal aborts.
   */
  windows(
    rollup: string,
    fromMs: number,
    toMs: number,
    signal?: AbortSignal,
  ): Promise<readonly CommittedWindow[]>
  /**
   * What `windows` answers, each with what it holds of a metric by a set (all its values). Two contents are alike once in
   * 2^32 times.
   */
  contents(request: ContentsRequest, signal?: AbortSignal): Promise<readonly SeriesWindow[]>
  /** All windows, of whatever grain, that hold any time of [fromMs, toMs), also those that do not count yet. */
  held(rollup: string, fromMs: number, toMs: number): Promise<readonly CommittedWindow[]>
  /** Rows of one series, in time order, a few at a time: they are read as they are taken, and no window twice. */
  series(request: SeriesRequest, signal?: AbortSignal): AsyncIterable<readonly StoredRow[]>
  /** Metrics of an app with rows in the range, each with its units, as they are ranked. */
  metrics(request: MetricsRequest, signal?: AbortSignal): Promise<readonly MetricUnits[]>
  /** Names of the apps with rows in the range, in no order. */
  apps(request: Omit<MetricsRequest, 'app'>, signal?: AbortSignal): Promise<readonly string[]>
  readonly merged: MergedDays
}

/** Windows that are still open, as far as their events have come. None of them counts, and none has to outlive anything. */
export interface OpenStore extends Pick<RollupStore, 'publish' | 'contents' | 'series'> {
  /** Removes the windows of a rollup that start before. */
  forget(rollup: string, beforeMs: number): Promise<void>
  /** Removes all windows, of whatever rollup. */
  clear(): Promise<void>
}

/** A span of a rollup's time, such as a window. */
export interface RollupSpan extends TimeSpan {
  readonly rollup: string
}

/** A day of UTC in which windows of a rollup start. */
export interface StoredDay extends RollupSpan {
  /** When one of its windows last came, went or was replaced. */
  readonly changedMs: number
  /** It has been looked at since: it is merged, or cannot be. */
  readonly isSettled: boolean
}

/**
 * `unlike`: there are none, or one is not complete, or is damaged, or says something else of its definition than the others, or nothing.
 * `too_large`: a group has too many rows. `changed`: a window came, went or was replaced meanwhile.
 */
export type MergeOutcome = 'merged' | 'unlike' | 'too_large' | 'changed'

/**
 * Sums of the windows of a day, by hours and as a whole. They count as long as the windows are those that were added up,
 * whoever published another, by whatever version: whoever reads finds the same numbers, in them or in the windows.
 */
export interface MergedDays {
  /** In time order. */
  days(rollup: string): Promise<readonly StoredDay[]>
  /**
   * Adds its windows up, by and by. Of a day that has rested for some seconds, a clock may tell two changes apart only then:
   * with the time that said so, one that changed after it is left. One process at a time.
   */
  merge(day: RollupSpan & Partial<Pick<StoredDay, 'changedMs'>>, signal: AbortSignal): Promise<MergeOutcome>
  /** Removes what no day needs. */
  tidy(rollup: string): Promise<void>
  /**
   * Removes the sums of the days that hold any of the time, what was set aside of its windows, and what writers of them left
   * that died. Days are merged again; who merges or writes meanwhile fails once, and leaves nothing of what was before.
   */
  forget(span: RollupSpan): Promise<void>
}

export interface ContentsRequest extends Omit<SeriesRequest, 'unit' | 'values'> {
  /** Rejects with `query_too_large` when there are more. */
  readonly mostWindows?: number | undefined
}
export type MetricsRequest = Pick<SeriesRequest, 'rollup' | 'app' | 'fromMs' | 'toMs'>

export interface MetricUnits {
  readonly metric: string
  /** At least one, most rows first. */
  readonly units: readonly RowsOfUnit[]
}

/** A part of the store, such as a file, holds something else than was written. */
export function damaged(part: string, how: string): AppError {
  const message = `The rollup file ${part} is damaged: ${how}. The schedule, or a run of its window, publishes it again`
  return new AppError('internal', message, { details: { damaged: true } })
}

/** Told by the store, its disk or its network: it cannot be asked now. Anything else is a mistake of ours. */
export const isOfTheStore = (error: unknown): boolean => error instanceof AppError || isSystemError(error)

/** The damaged part was set aside when it was met: whoever asks again is told of one window less. */
export const isDamage = (error: unknown): boolean =>
  error instanceof AppError && error.details['damaged'] === true
