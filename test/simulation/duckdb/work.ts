import type { Compacted, ParquetSummary } from '../../../src/aggregation/ingest/compact/compact.ts'
import type { RowSum } from '../../../src/aggregation/ingest/compact/join-files.ts'
import type { EngineResult, WindowPlan } from '../../../src/aggregation/rollup/engines/engine.ts'
import type { RollupRow } from '../../../src/aggregation/rollup/stores/store.ts'
import type { ErrorCode } from '../../../src/std/errors.ts'

/** A file of the simulated disk or lake, brought to DuckDB or back from it. */
export interface Carried {
  readonly name: string
  readonly body: Uint8Array
}

/** What a world asks of DuckDB, with all the files that it takes. */
export type DuckdbWork =
  | { readonly kind: 'compute'; readonly plan: WindowPlan; readonly files: readonly Carried[] }
  | { readonly kind: 'rows'; readonly files: readonly Carried[] }
  | { readonly kind: 'compact'; readonly lines: readonly Lines[]; readonly madeFrom: string }
  | { readonly kind: 'madeFrom'; readonly file: Carried }
  | { readonly kind: 'join'; readonly files: readonly Carried[]; readonly keys: readonly string[] }
  | { readonly kind: 'joined'; readonly file: Carried }
  | { readonly kind: 'sum'; readonly files: readonly Carried[] }
  | { readonly kind: 'end' }

export interface Lines extends Carried {
  readonly gzip: boolean
}

export interface Computed {
  readonly result: EngineResult
  readonly files: readonly Carried[]
}

export interface CompactedLines {
  readonly summary: Omit<ParquetSummary, 'bytes'> & Pick<Compacted, 'malformed' | 'faulty' | 'leftOut'>
  readonly parquet: Uint8Array
  readonly dead: Uint8Array | undefined
  /** Places in `lines` of those that broke off. */
  readonly damaged: readonly number[]
}

/** By the kind of the work. */
export interface DuckdbAnswers {
  readonly compute: Computed
  readonly rows: readonly RollupRow[]
  readonly compact: CompactedLines
  readonly madeFrom: string | undefined
  readonly join: Uint8Array
  readonly joined: readonly string[] | undefined
  readonly sum: RowSum
  readonly end: undefined
}

export type ToldAnswer =
  | { readonly answer: DuckdbAnswers[DuckdbWork['kind']] }
  | { readonly code: ErrorCode | undefined; readonly message: string; readonly details: object }
