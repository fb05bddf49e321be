import type { Frame } from '../../journal/backlog.ts'
import { createPacker, isTooLarge, type PackedRecord, takeForCall } from './pack.ts'

/** Enough for a call of 1 MiB to Kinesis, whatever the next record brings: a call of half of it costs a tenth more a byte. */
const GATHER_BYTES = 990_000

/** A record on its way, and how often it has been tried. */
export interface QueuedRecord extends PackedRecord {
  readonly attempts: number
}

/** Frames become records here, and wait for company until there is enough for a call or `flush` ends the wait. */
export interface RecordQueue {
  add(frame: Frame): void
  /** Whatever waits may go now. */
  flush(): void
  /** Ahead of everything else: these have waited before. */
  requeue(records: readonly QueuedRecord[]): void
  /** The next call's records; none while nothing may go. */
  take(limits: { readonly maxRecords: number; readonly maxBytes: number }): readonly QueuedRecord[]
}

export function createRecordQueue(
  partitionKey: () => string,
  onTooLarge: (packed: PackedRecord) => void,
): RecordQueue {
  const packer = createPacker(partitionKey)
  const ready: QueuedRecord[] = []
  let waiting: QueuedRecord[] = []
  let waitingBytes = 0

  function wait(records: readonly PackedRecord[]): void {
    for (const packed of records) {
      if (isTooLarge(packed.record)) {
        onTooLarge(packed)
        continue
      }
      waiting.push({ ...packed, attempts: 0 })
      waitingBytes += packed.record.data.length
      // One by one: what is more than a call stays for the next.
      if (waitingBytes >= GATHER_BYTES) go()
    }
  }

  function go(): void {
    ready.push(...waiting)
    waiting = []
    waitingBytes = 0
  }

  return {
    add: (frame) => wait(packer.add(frame)),
    flush() {
      wait(packer.close())
      go()
    },
    requeue: (records) => void ready.unshift(...records),
    take: (limits) => takeForCall(ready, limits),
  }
}
