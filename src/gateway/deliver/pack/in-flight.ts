import { AppError } from '../../../std/errors.ts'
import { gauge } from '../../../std/metrics/instruments.ts'
import type { MetricRegistry } from '../../../std/metrics/metric-registry.ts'
import type { Destination, Ended, Frame } from '../../journal/backlog.ts'
import type { FrameSlice } from './pack.ts'

export interface InFlight {
  add(frame: Frame): void
  /** The record with these shares reached its destination. */
  settle(shares: readonly FrameSlice[], destination: Destination): void
  /** The last of the frames at the head that are done; each is told once. Records finish in any order, frames do not. */
  takeFinished(): number | undefined
  /** Bytes without an outcome: what is held in memory. */
  bytes(): number
  /** Frames not yet told as finished. */
  frames(): number
}

interface Progress extends Record<Destination, number> {
  bytesLeft: number
}

const none = (): Record<Destination, number> => ({ delivered: 0, fallback: 0, deadLettered: 0 })

/** `onDone` hears of each frame as soon as it is done, in any order. */
export function createInFlight(
  metrics: MetricRegistry,
  onDone: (sequence: number, ended: Ended) => void,
): InFlight {
  // In order of sequence, as the backlog hands the frames out.
  const frames = new Map<number, Progress>()
  let bytes = 0
  gauge(metrics, 'headgate_pump_in_flight_bytes', (it) => it.set(bytes))

  return {
    add(frame) {
      frames.set(frame.sequence, { bytesLeft: frame.lines.length, ...none() })
      bytes += frame.lines.length
    },
    settle(shares, destination) {
      for (const share of shares) {
        const progress = frames.get(share.sequence)
        if (!progress) throw new AppError('internal', `Frame ${share.sequence} is not in flight`)
        progress.bytesLeft -= share.bytes
        progress[destination] += share.lines
        bytes -= share.bytes
        if (progress.bytesLeft > 0) continue
        const { delivered, fallback, deadLettered } = progress
        onDone(share.sequence, { delivered, fallback, deadLettered })
      }
    },
    takeFinished() {
      let finished: number | undefined
      for (const [sequence, progress] of frames) {
        if (progress.bytesLeft > 0) break
        finished = sequence
        frames.delete(sequence)
      }
      return finished
    },
    bytes: () => bytes,
    frames: () => frames.size,
  }
}
