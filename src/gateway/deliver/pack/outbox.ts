import type { Frame } from '../../journal/backlog.ts'
import { createPacker, isTooLarge, type Parcel, takeBatch } from './pack.ts'

/** Enough for a call of 1 MiB to Kinesis, whatever the next container brings: a call of half of it costs a tenth more a byte. */
const GATHER_BYTES = 990_000

/** A parcel on its way, and how often it has been tried. */
export interface Shipment extends Parcel {
  readonly attempts: number
}

/** Frames become shipments here, and wait for company until there is enough for a call or `flush` ends the wait. */
export interface Outbox {
  add(frame: Frame): void
  /** Whatever waits may go now. */
  flush(): void
  /** Ahead of everything else: these have waited before. */
  putBack(shipments: readonly Shipment[]): void
  /** The next call's shipments; none while nothing may go. */
  take(limits: { readonly maxRecords: number; readonly maxBytes: number }): readonly Shipment[]
}

export function createOutbox(partitionKey: () => string, onTooLarge: (parcel: Parcel) => void): Outbox {
  const packer = createPacker(partitionKey)
  const ready: Shipment[] = []
  let waiting: Shipment[] = []
  let waitingBytes = 0

  function wait(parcels: readonly Parcel[]): void {
    for (const parcel of parcels) {
      if (isTooLarge(parcel.record)) {
        onTooLarge(parcel)
        continue
      }
      waiting.push({ ...parcel, attempts: 0 })
      waitingBytes += parcel.record.data.length
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
    putBack: (shipments) => void ready.unshift(...shipments),
    take: (limits) => takeBatch(ready, limits),
  }
}
