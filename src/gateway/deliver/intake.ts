import { sleep } from '../../std/async/abort.ts'
import type { Backlog } from '../journal/backlog.ts'
import type { InFlight } from './pack/in-flight.ts'
import type { RecordQueue } from './pack/outbox.ts'

export interface IntakeOptions {
  readonly backlog: Backlog
  readonly inFlight: InFlight
  readonly outbox: RecordQueue
  /** How long events wait for company. */
  readonly lingerMs: number
  /** Most bytes read from the journal and not yet stored. */
  readonly maxInFlightBytes: number
  /** Most frames in the books. */
  readonly maxUnreleasedFrames: number
  /** Most bytes of one read: what the stream takes in a call. */
  readonly maxReadBytes: number
  /** Ends reading and waiting. */
  readonly signal: AbortSignal
  /** Keeps hold of a task that was started here, which never rejects. */
  readonly own: (task: Promise<void>) => void
  /** Does the work until it succeeds or the pump ends. */
  readonly retry: (what: string, work: () => Promise<void>) => Promise<boolean>
}

/** Brings frames from the journal into the outbox, one read at a time, as far as there is room for them. */
export interface Intake {
  /** Reads on, unless a read is under way or nothing more may be in flight. */
  readOn(): void
  /** From now on nothing waits for company. */
  hurry(): void
}

/** At most one task of each kind is under way. */
type Task = 'reading' | 'lingering'

export function createIntake(options: IntakeOptions): Intake {
  const { backlog, inFlight, outbox, lingerMs, maxInFlightBytes, maxUnreleasedFrames } = options
  const { maxReadBytes, signal, own, retry } = options
  const underWay = new Set<Task>()
  let hurried = false

  function start(task: Task, work: () => Promise<void>): void {
    if (underWay.has(task)) return
    underWay.add(task)
    own(work())
  }

  async function read(): Promise<void> {
    const bytes = Math.min(maxInFlightBytes - inFlight.bytes(), maxReadBytes)
    await retry('read the journal', async () => {
      for (const frame of await backlog.read(bytes, signal)) {
        inFlight.add(frame)
        outbox.add(frame)
      }
    })
    if (hurried) outbox.flush()
    else start('lingering', linger)
    underWay.delete('reading')
  }

  async function linger(): Promise<void> {
    await sleep(lingerMs, signal)
    // Before what waits goes: what is read from now on waits anew.
    underWay.delete('lingering')
    outbox.flush()
  }

  return {
    readOn() {
      if (inFlight.bytes() < maxInFlightBytes && inFlight.frames() < maxUnreleasedFrames)
        start('reading', read)
    },
    hurry() {
      hurried = true
      outbox.flush()
    },
  }
}
