/** What a 2xx promises: where the events are when the answer leaves (docs/durability.md). */
export type Durability = 'journal' | 'stream' | 'lake' | 'memory'

/** Most bytes of a batch: a frame of the journal (8 MiB), with a kibibyte left for its head. */
export const MAX_BATCH_BYTES = 8_387_584

/** One request's accepted events. Journalled, and later lost or kept, as one. */
export interface Batch {
  /** NDJSON: `count` lines, each ending in a newline, each one Event. */
  readonly lines: Buffer
  readonly count: number
  /** Arrival, epoch ms: decides the lake partition. */
  readonly receivedMs: number
  /** Whether the sender would try again: beacons and pixels cannot, so they are shed last. */
  readonly canRetry: boolean
}

export interface Journal {
  /**
   * Resolves once the batch would survive a crash, and says how. Rejects with `journal_full` (no room, or none left for
   * this kind of sender), `journal_unavailable` (disk failed) or `sinks_unavailable` (neither the stream nor the lake
   * took it in time); nothing of the batch is then acknowledged.
   */
  append(batch: Batch): Promise<Durability>
}
