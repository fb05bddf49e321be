import t, { type Test } from 'tap'
import { createLedger } from '../../../../src/event/ledger/ledger.ts'
import type { Ended, Frame } from '../../../../src/gateway/journal/backlog.ts'
import type { Batch, Durability } from '../../../../src/gateway/journal/journal.ts'
import { memoryJournal as fullJournal } from '../../../../src/gateway/journal/memory/memory-journal.ts'
import {
  ANSWER_MS,
  type StreamJournalOptions,
  streamJournal,
} from '../../../../src/gateway/journal/stream/stream-journal.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { type AnyJournal, batchOf, journalContract } from '../../../contracts/journal.ts'
import { frameOf } from '../../../fakes/backlog.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { recordingJournal } from '../../../fakes/gateway.ts'

const never = new AbortController().signal
const ended = (events: Partial<Ended>): Ended => ({ delivered: 0, fallback: 0, deadLettered: 0, ...events })
const turn = () => new Promise((resolve) => setImmediate(resolve))
const beacon = (text: string) => batchOf(text, { canRetry: false })

function setup(t: Test, more: Partial<StreamJournalOptions> = {}) {
  let said = ''
  const telemetry = createTelemetry('info', { write: (line) => (said += line) })
  const clock = fakeClock()
  const ledger = createLedger(telemetry.metrics, () => 0)
  const disk = recordingJournal('journal')
  const options = { kind: 'kinesis', atRisk: disk, ledger, clock, telemetry, watchMs: 1, ...more } as const
  const journal = streamJournal(options)
  t.teardown(() => journal.close())
  const metric = async (name: string) =>
    (await telemetry.metrics.getSingleMetric(name)?.get())?.values[0]?.value
  /** Somebody waits until it is too late. */
  const stall = async () => {
    const late = journal.append(batchOf('late'))
    clock.advance(ANSWER_MS)
    await t.rejects(late, { code: 'sinks_unavailable' })
  }
  return { clock, disk, journal, ledger, metric, stall, said: () => said }
}

/** What the suite appends counts as taken, and has arrived when it is released: a pump says so before. */
async function asIfAnswered(t: Test, maxBytes: number): Promise<AnyJournal> {
  const { journal } = setup(t, { maxBytes, atRisk: fullJournal({ maxBytes: 0 }) })
  const read: Frame[] = []
  return {
    ...journal,
    async append(batch: Batch): Promise<Durability> {
      const answer = journal.append(batch)
      answer.catch(() => undefined)
      return Promise.race([answer, turn().then(() => 'stream' as const)])
    },
    async read(maxLineBytes, signal) {
      const frames = await journal.read(maxLineBytes, signal)
      read.push(...frames)
      return frames
    },
    async release(sequence) {
      for (const frame of read.filter((known) => known.sequence <= sequence))
        journal.arrived?.(frame.sequence, ended({ delivered: frame.count }))
      await journal.release(sequence)
    },
  }
}

journalContract(t, 'stream', { durability: 'stream', open: asIfAnswered })

t.test('an answer waits for its own events, and says where they are', async (t) => {
  for (const [kind, outcome, durability] of [
    ['kinesis', { delivered: 2 }, 'stream'],
    ['kinesis', { fallback: 2 }, 'lake'],
    ['kinesis', { delivered: 1, fallback: 1 }, 'lake'],
    ['kinesis', { delivered: 1, deadLettered: 1 }, 'lake'],
    ['lake', { delivered: 2 }, 'lake'],
  ] as const) {
    const { journal, ledger } = setup(t, { kind })
    const [first, second] = [
      journal.append(batchOf('a\nb', { count: 2 })),
      journal.append(batchOf('c\nd', { count: 2 })),
    ]
    journal.arrived?.(2, ended(outcome))
    t.equal(await Promise.race([first, second]), durability, 'one behind another need not wait for it')
    t.match(ledger.totals(), { delivered: 0, fallback: 0, deadLettered: 0, ...outcome })
    journal.arrived?.(1, ended({ fallback: 2 }))
    t.equal(await first, 'lake')
  }
})

t.test('nobody waits longer than nine seconds, and who cannot come again is kept on the disk', async (t) => {
  const { clock, disk, journal, metric, said } = setup(t)
  const waiting = [journal.append(batchOf('a')), journal.append(beacon('b'))]
  const settled = Promise.allSettled(waiting)
  clock.advance(ANSWER_MS - 1)
  t.equal(await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, 20))]), undefined)
  t.equal(journal.state().oldestMs, 1_000)
  clock.advance(1)
  t.match(await settled, [{ reason: { code: 'sinks_unavailable' } }, { value: 'journal' }])
  t.equal(journal.state().oldestMs, undefined, 'what nobody waits for is not late')
  t.same(
    disk.batches.map(({ lines }) => String(lines)),
    ['b\n'],
  )
  t.match(said(), /neither the stream nor the lake takes events/)

  t.equal(await metric('headgate_unanswered_events'), 2)
  journal.arrived?.(1, ended({ delivered: 1 }))
  journal.arrived?.(2, ended({ fallback: 1 }))
  t.equal(await metric('headgate_belated_events_total'), 2, 'both are stored in the end, and are in no books')
  t.match(said(), /events are taken again/)
})

t.test('while nothing arrives, one sender at a time finds out whether that is over', async (t) => {
  const { clock, disk, journal, ledger, stall } = setup(t)
  await stall()
  const probe = journal.append(beacon('probe'))
  await t.rejects(journal.append(batchOf('b')), { code: 'sinks_unavailable' })
  t.equal(await journal.append(beacon('c')), 'journal')
  clock.advance(ANSWER_MS)
  t.equal(await probe, 'journal')
  t.equal(disk.batches.length, 2)

  const next = journal.append(batchOf('next'))
  journal.arrived?.(3, ended({ delivered: 1 }))
  t.equal(await next, 'stream')
  const others = [journal.append(batchOf('d')), journal.append(batchOf('e'))]
  journal.arrived?.(4, ended({ delivered: 1 }))
  journal.arrived?.(5, ended({ delivered: 1 }))
  t.same(await Promise.all(others), ['stream', 'stream'])
  t.equal(ledger.totals().delivered, 3)
})

t.test('beacons find room on the disk when there is none in memory', async (t) => {
  const { disk, journal } = setup(t, { maxBytes: 1_000 })
  const text = 'x'.repeat(99)
  const waiting = Array.from({ length: 9 }, () => journal.append(beacon(text)))
  await t.rejects(journal.append(batchOf(text)), { code: 'journal_full' })
  t.equal(await journal.append(beacon(text)), 'journal')
  t.equal(disk.batches.length, 1)
  t.equal((await journal.read(10_000, never)).length, 9)
  for (const sequence of [9, 8, 7, 6, 5]) journal.arrived?.(sequence, ended({ delivered: 1 }))
  t.match(journal.state(), { frames: 9, events: 4, bytes: 400 }, 'room comes back whatever is ahead')
  journal.arrived?.(77, ended({}))
  t.match(journal.state(), { frames: 9, events: 4, bytes: 400 })
  waiting.push(journal.append(batchOf(text)))
  for (const sequence of [1, 2, 3, 4, 10]) journal.arrived?.(sequence, ended({ delivered: 1 }))
  t.same(new Set(await Promise.all(waiting)), new Set(['stream']))
  await journal.release(9)
  t.match(journal.state(), { frames: 1, events: 0, bytes: 0 })
})

t.test('a disk that fails as well leaves nothing but the truth', async (t) => {
  const { disk, journal, stall } = setup(t)
  await stall()
  const probe = journal.append(batchOf('probe'))
  disk.failWith = new AppError('journal_unavailable', 'no disk')
  await t.rejects(journal.append(beacon('b')), { code: 'journal_unavailable' })
  journal.arrived?.(2, ended({ delivered: 1 }))
  t.equal(await probe, 'stream')
})

t.test('what was acknowledged before has time, and is counted by who brings it', async (t) => {
  const { clock, journal, ledger } = setup(t)
  const [first, second] = [journal.deliver(frameOf(70, ['a'])), journal.deliver(frameOf(71, ['b']))]
  t.match(await journal.read(1_000, never), [
    { sequence: 1, count: 1 },
    { sequence: 2, count: 1 },
  ])
  clock.advance(10 * ANSWER_MS)
  journal.arrived?.(2, ended({ delivered: 1 }))
  t.same(await second, ended({ delivered: 1 }))
  t.equal(journal.state().oldestMs, undefined, 'the age of what others had to wait for puts nobody behind')
  await journal.close()
  t.equal(await first, undefined)
  t.match(ledger.totals(), { delivered: 0 })
})

t.test('at the end nobody waits longer than there is time, and all are answered', async (t) => {
  const { clock, disk, journal } = setup(t)
  const waiting = [journal.append(batchOf('a')), journal.append(beacon('b'))]
  const settled = Promise.allSettled(waiting)
  let open = () => {}
  disk.gate = new Promise((resolve) => {
    open = resolve
  })
  let done = false
  const answered = journal.answerWithin(500).then(() => {
    done = true
  })
  clock.advance(500)
  await t.rejects(Promise.all(waiting), { code: 'sinks_unavailable' })
  await new Promise((resolve) => setTimeout(resolve, 10))
  t.equal(done, false, 'one is on its way to the disk')
  open()
  await answered
  t.match(await settled, [{ status: 'rejected' }, { value: 'journal' }])

  const last = Promise.allSettled([journal.append(batchOf('c'))])
  await journal.close()
  t.match(await last, [{ reason: { code: 'sinks_unavailable' } }])
  await t.rejects(journal.append(batchOf('d')), { code: 'shutting_down' })
})
