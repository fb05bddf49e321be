import type { Outcomes } from '../../../event/ledger/ledger.ts'
import { sleep } from '../../../std/async/abort.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { counter, gauge } from '../../../std/metrics/instruments.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { Backlog, Ended, Frame, SinkKind } from '../backlog.ts'
import { countEnded } from '../counted-backlog.ts'
import type { Batch, Durability, Journal } from '../journal.ts'
import { createFrameQueue } from '../memory/frame-queue.ts'
import { checkRoom, hasRoom } from '../watermarks.ts'

/**
 * Longest wait for an answer. A call to Kinesis that hangs has failed after 6 s; then the lake has what is left: a second
 * until its file closes, and two for the PUT. Shorter than the time for requests in flight at a shutdown (10 s), and far
 * below the idle timeout of a load balancer (60 s).
 */
export const ANSWER_MS = 9_000
/** How late an answer may be. */
const WATCH_MS = 250
/** Most bytes of events in memory: what the pump holds at a time, twice. Senders are refused as by a journal of this size. */
export const MOST_WAITING_BYTES = 67_108_864

export interface StreamJournalOptions {
  /** Where the pump leads. */
  readonly kind: SinkKind
  /** A journal on a disk that may end with us: for what nobody will send again. */
  readonly atRisk: Journal
  readonly ledger: Outcomes
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly maxBytes?: number
  readonly answerMs?: number
  readonly watchMs?: number
}

/** Mode `stream`: an append is answered once the pump has brought its events to Kinesis or into the lake. */
export interface StreamJournal extends Journal, Backlog {
  /**
   * Where the events of a frame ended that was acknowledged before, however long that takes; undefined when it was not
   * known when the journal was closed.
   */
  deliver(frame: Frame): Promise<Ended | undefined>
  /** From now on nobody waits longer than this for an answer. Resolves when nobody waits for one. */
  answerWithin(ms: number): Promise<void>
  /** Refuses from now on, and answers those who still wait. */
  close(): Promise<void>
}

interface Waiter {
  arrived(ended: Ended): void
  gaveUp(): void
}

interface WaitingSender extends Waiter {
  readonly sinceMs: number
  readonly receivedMs: number
}

export function streamJournal(options: StreamJournalOptions): StreamJournal {
  const { kind, atRisk, ledger, clock, telemetry } = options
  const { maxBytes = MOST_WAITING_BYTES, watchMs = WATCH_MS } = options
  const queue = createFrameQueue()
  /** Both by the sequence of the frame, in its order. */
  const senders = new Map<number, WaitingSender>()
  const others = new Map<number, Waiter>()
  const belated = counter(telemetry.metrics, 'headgate_belated_events_total')
  gauge(telemetry.metrics, 'headgate_unanswered_events', (it) => it.set(queue.state().events))
  const ending = new AbortController()
  let answerMs = options.answerMs ?? ANSWER_MS
  let stalled = false
  /** Batches on their way to the disk. */
  let saving = 0
  let watching: Promise<void> | undefined

  /** As long as somebody waits for an answer. */
  async function watch(): Promise<void> {
    while (senders.size > 0 && !ending.signal.aborted) {
      await sleep(watchMs, ending.signal)
      const dueMs = clock.monotonicMs() - answerMs
      for (const [sequence, sender] of senders) if (sender.sinceMs <= dueMs) giveUp(sequence, sender)
    }
    watching = undefined
  }

  function giveUp(sequence: number, sender: WaitingSender): void {
    if (!stalled) telemetry.log.warn('neither the stream nor the lake takes events: senders are refused')
    stalled = true
    senders.delete(sequence)
    sender.gaveUp()
  }

  /** Nothing arrives: who comes need not wait for that, but for one at a time, which finds out whether it is over. */
  const isHopeless = () => stalled && senders.size > 0

  async function instead(batch: Batch): Promise<Durability> {
    if (batch.canRetry) {
      throw new AppError('sinks_unavailable', 'Neither the stream nor the lake has taken the events in time')
    }
    saving += 1
    return atRisk.append(batch).finally(() => {
      saving -= 1
    })
  }

  function whereOf({ fallback, deadLettered }: Ended): Durability {
    return kind === 'lake' || fallback + deadLettered > 0 ? 'lake' : 'stream'
  }

  return {
    ...queue,
    async append(batch) {
      const { bytes } = queue.state()
      if (batch.canRetry) checkRoom(batch, bytes, maxBytes)
      if (isHopeless() || !hasRoom(batch, bytes, maxBytes)) return instead(batch)
      const sequence = queue.push(batch)
      return new Promise((resolve) => {
        senders.set(sequence, {
          sinceMs: clock.monotonicMs(),
          receivedMs: batch.receivedMs,
          arrived(ended) {
            countEnded(ledger, ended)
            resolve(whereOf(ended))
          },
          gaveUp: () => resolve(instead(batch)),
        })
        watching ??= watch()
      })
    },
    async deliver(frame) {
      const sequence = queue.push(frame)
      return new Promise((resolve) =>
        others.set(sequence, { arrived: resolve, gaveUp: () => resolve(undefined) }),
      )
    },
    arrived(sequence, ended) {
      if (stalled) telemetry.log.info('events are taken again')
      stalled = false
      queue.clear(sequence)
      const waiter = senders.get(sequence) ?? others.get(sequence)
      if (waiter) waiter.arrived(ended)
      else belated.inc(ended.delivered + ended.fallback + ended.deadLettered)
      senders.delete(sequence)
      others.delete(sequence)
    },
    state() {
      // Others have time: how old their events are says nothing of the stream.
      const [first] = senders.values()
      return { ...queue.state(), oldestMs: first?.receivedMs }
    },
    async answerWithin(ms) {
      answerMs = Math.min(answerMs, ms)
      while (saving > 0 || senders.size > 0) await sleep(watchMs)
    },
    async close() {
      queue.close()
      ending.abort()
      await watching
      for (const waiter of [...senders.values(), ...others.values()]) waiter.gaveUp()
      senders.clear()
    },
  }
}
