import { counter } from '../../../std/metrics/instruments.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { JoinedObject } from './joined-record.ts'

export interface RemovedObjects {
  readonly objects: number
  readonly bytes: number
}

/** Tells, hour by hour of arrival, what became of small objects. */
export interface JoinAccount {
  joined(arrivalMs: number, objects: readonly JoinedObject[]): void
  removed(arrivalMs: number, removed: RemovedObjects): void
  /** The record was lost, and these were found. */
  retold(arrivalMs: number, objects: readonly JoinedObject[]): void
}

export function joinAccount({ metrics, log }: Telemetry): JoinAccount {
  const small = counter(metrics, 'headgate_join_objects_total')
  const joinedBytes = counter(metrics, 'headgate_join_bytes_total')
  const gone = counter(metrics, 'headgate_join_removed_total')
  const hourOf = (arrivalMs: number) => new Date(arrivalMs).toISOString()
  return {
    joined(arrivalMs, joined) {
      const objects = sum(joined, ({ of }) => of.length)
      const [rows, bytes] = [sum(joined, (each) => each.rows), sum(joined, (each) => each.bytes)]
      small.inc(objects)
      joinedBytes.inc(bytes)
      log.info(
        { hour: hourOf(arrivalMs), objects, into: joined.length, rows, bytes },
        'small objects of an hour were joined',
      )
    },
    removed(arrivalMs, { objects, bytes }) {
      gone.inc(objects)
      log.info(
        { hour: hourOf(arrivalMs), objects, bytes },
        'small objects were removed: what they were joined to has them',
      )
    },
    retold: (arrivalMs, { length: objects }) =>
      log.warn({ hour: hourOf(arrivalMs), objects }, 'where the joined objects of an hour lie was told anew'),
  }
}

const sum = (objects: readonly JoinedObject[], of: (object: JoinedObject) => number): number =>
  objects.reduce((total, object) => total + of(object), 0)
