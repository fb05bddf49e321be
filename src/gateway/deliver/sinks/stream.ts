import type { SinkKind } from '../../journal/backlog.ts'

/** Lines of NDJSON that travel together: one Kinesis record, or one run of lines in a lake file. */
export interface SinkRecord {
  readonly data: Buffer
  readonly lines: number
  /** Random per record: even spread over shards. */
  readonly partitionKey: string
  /** Arrival of its oldest event, epoch ms. */
  readonly receivedMs: number
}

/**
 * What became of one record. `throttled` and `transient` are tried again, `misconfigured` pauses the sender and alarms,
 * `poison` means the sink will never take this record.
 */
export type RecordOutcome =
  | { readonly kind: 'stored' }
  | {
      readonly kind: 'throttled' | 'transient' | 'misconfigured' | 'poison'
      readonly code: string
      /** In words, where more is known than the code says. */
      readonly why?: string
    }

/** Where the pump delivers to. */
export interface Sink {
  readonly kind: SinkKind
  /** Most records, and most bytes of data and partition keys, in one `put`. */
  readonly maxRecords: number
  readonly maxBytes: number
  /**
   * One outcome per record, in order. Never rejects for a record's or the sink's sake: that is an outcome. The signal
   * is this call's own; once it aborts, the put resolves soon and what is not proven stored is `transient`.
   * The data of a record that is `stored` is not read again: its memory may be used for another at once.
   */
  put(records: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RecordOutcome[]>
  /** Finishes what is under way and lets go of files and sockets. */
  close(): Promise<void>
}
