import type { ColumnName } from '../../../event/schema/event.ts'
import type { RollupDefinition } from '../model/definition.ts'

/** Where databases differ. All else is common text: no alias shadowing, no TIMESTAMP, no ROUND, no sum of doubles. */
export interface SqlDialect {
  readonly double: string
  /** A type of whole numbers of 38 digits. */
  readonly wide: string
  /** `b:bw,…` in bucket order, from the columns b and bw of a group. */
  readonly pack: string
  isNaN(expression: string): string
  /** The attribute of an event as text; NULL where it has none. */
  attribute(name: string): string
  /** The text of a column, or what stands for it: equal where the texts are, and made one by a cast to VARCHAR. */
  code(column: string, text: string): string
  /** The exact sum of BIGINTs. */
  sum(column: string): string
  /** A hash of 32 bits or more as a non-negative BIGINT. It differs between engines: no result may depend on it. */
  hash(columns: readonly string[]): string
  /** In a list of columns: makes of each row as many as there are of these, with the fields of one as a struct. */
  forEach(structs: readonly Readonly<Record<string, string>>[]): string
  createTable(name: string, query: string): string
}

/** What is computed, from the rows of the relation `events`, which has the event's columns. */
export interface RollupQuery {
  readonly definition: Pick<RollupDefinition, 'sets' | 'bots' | 'maxMetrics' | 'maxValues'>
  readonly fromMs: number
  readonly toMs: number
  readonly lateAfterMs: number
  /** The range is of windows of this length, each of which counts for itself. Left out: it is one. */
  readonly grainMs?: number
  /** Columns of the event that are kept of each row as they are. */
  readonly besides?: readonly ColumnName[]
}
