import { sleep } from '../../../std/async/abort.ts'
import { jittered, type RetryPolicy, retryUntilAborted } from '../../../std/async/retry.ts'
import type { Entropy } from '../../../std/id.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { Backlog, Frame } from '../backlog.ts'
import type { StreamJournal } from './stream-journal.ts'

export interface JournalReplayOptions {
  readonly backlog: Backlog
  readonly deliver: StreamJournal['deliver']
  readonly entropy: Entropy
  readonly telemetry: Telemetry
  readonly retry?: RetryPolicy
}

/** Brings what was left on the disk the way that all events go, and gives its room back. */
export interface JournalReplay {
  /** Goes on until all has arrived or the time is up, and begins nothing more then. What is left stays on the disk. */
  finish(withinMs: number): Promise<void>
  /** Resolves when it is known of all that was begun whether it arrived: at the latest when the stream journal is closed. */
  ended(): Promise<void>
}

/** Bytes of each read: several records, so that they share calls, and little beside what new requests may hold. */
const READ_BYTES = 4_194_304

export function startJournalReplay(options: JournalReplayOptions): JournalReplay {
  const { backlog, deliver, entropy, telemetry, retry = jittered(entropy) } = options
  const ending = new AbortController()
  const { signal } = ending
  let finishing = false
  const working = work()

  async function work(): Promise<void> {
    const step = async () => moveAll(await backlog.read(READ_BYTES, signal))
    const onFailure = (error: unknown) =>
      telemetry.log.error({ err: error }, 'the journal cannot be emptied now: it is tried again')
    while (!signal.aborted) {
      await retryUntilAborted(step, { retry, signal, onFailure })
      endWhenEmpty()
    }
  }

  async function moveAll(frames: readonly Frame[]): Promise<void> {
    const moved = await Promise.all(
      frames.map(async (frame) => ({ sequence: frame.sequence, ended: await deliver(frame) })),
    )
    let last: number | undefined
    // Those behind one that has not arrived may have: only heads are released.
    for (const { sequence, ended } of moved) {
      if (ended === undefined) break
      backlog.arrived(sequence, ended)
      last = sequence
    }
    if (last !== undefined) await backlog.release(last)
  }

  function endWhenEmpty(): void {
    if (finishing && backlog.state().frames === 0) ending.abort()
  }

  return {
    async finish(withinMs) {
      finishing = true
      endWhenEmpty()
      await sleep(withinMs, signal)
      ending.abort()
    },
    ended: () => working,
  }
}
