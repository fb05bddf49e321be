/**
 * A row on its way from an engine to its hash and its stores: texts are JSON, and numbers of any size their digits, so that
 * nothing is parsed only to be written again.
 */
export interface WrittenRow {
  /** App, metric, unit and set, as `"shop","lcp","ms","route"`: equal where these are. */
  readonly group: string
  readonly value: string
  readonly n: string
  readonly rows: string
  readonly sum: string
  readonly squares: string
  readonly minMicros: string
  readonly maxMicros: string
  /** No JSON: it holds nothing that would have to be escaped. */
  readonly histogram: string
}
