import type { Test } from 'tap'
import type { FrameStore } from '../../src/gateway/journal/backlog.ts'
import type { Batch, Durability, Journal } from '../../src/gateway/journal/journal.ts'

export interface AnyJournal extends Journal, FrameStore {
  close(): Promise<void>
}

export interface JournalAdapter {
  readonly durability: Durability
  readonly open: (t: Test, maxBytes: number) => Promise<AnyJournal>
}

const KIB = 1_024
const never = new AbortController().signal

/** One line, unless `more` says how many there are. */
export function batchOf(text: string, more: Partial<Batch> = {}): Batch {
  return { lines: Buffer.from(`${text}\n`), count: 1, receivedMs: 1_000, canRetry: true, ...more }
}

/** The lines, in order: batches that are appended together may share frames. */
const texts = (frames: readonly { lines: Buffer }[]) =>
  frames.flatMap(({ lines }) => lines.toString().trim().split('\n'))

/** Appends until it is refused; answers how many were taken, and the refusal. */
async function fill(journal: Journal, batch: Batch): Promise<{ taken: number; refusal: unknown }> {
  for (let taken = 0; ; taken += 1) {
    try {
      await journal.append(batch)
    } catch (refusal) {
      return { taken, refusal }
    }
  }
}

/** What every journal promises to those who append, and to the one who drains it. */
export function journalContract(t: Test, name: string, { durability, open }: JournalAdapter): void {
  t.test(`${name}: says where the batch is, and hands it out as it was`, async (t) => {
    const journal = await open(t, 64 * KIB)
    const text = '{"a":"ä"}\n{"b":2}'
    const batch = batchOf(text, { count: 2, receivedMs: 1_234.5, canRetry: false })
    t.equal(await journal.append(batch), durability)
    const [frame] = await journal.read(KIB, never)
    const lines = Buffer.from(`${text}\n`)
    t.same(frame, { sequence: frame?.sequence, lines, count: 2, receivedMs: 1_234.5 })
    await journal.close()
  })

  t.test(`${name}: hands out each line once, in the order of the appends`, async (t) => {
    const journal = await open(t, 64 * KIB)
    const sent = Array.from({ length: 100 }, (_, n) => `event ${n}`)
    await Promise.all(sent.map((text) => journal.append(batchOf(text))))
    const frames = [...(await journal.read(300, never)), ...(await journal.read(64 * KIB, never))]
    t.strictSame(texts(frames), sent)
    const sequences = frames.map(({ sequence }) => sequence)
    t.ok(
      sequences.every((sequence, n) => n === 0 || sequence > Number(sequences[n - 1])),
      'sequences grow',
    )
    await journal.close()
  })

  t.test(`${name}: a read takes no more than it may, but always one`, async (t) => {
    const journal = await open(t, 64 * KIB)
    for (const text of ['123456789', '123456789', '123456789']) await journal.append(batchOf(text))
    t.equal((await journal.read(20, never)).length, 2, 'two of ten bytes each')
    t.equal((await journal.read(1, never)).length, 1)
    await journal.close()
  })

  t.test(`${name}: a read waits for a frame`, async (t) => {
    const journal = await open(t, 64 * KIB)
    const reading = journal.read(KIB, never)
    await journal.append(batchOf('late'))
    t.strictSame(texts(await reading), ['late'])
    await journal.close()
  })

  t.test(`${name}: readers that wait together share the frames`, async (t) => {
    const journal = await open(t, 64 * KIB)
    const stop = new AbortController()
    const reading = [journal.read(KIB, stop.signal), journal.read(KIB, stop.signal)]
    await journal.append(batchOf('once'))
    await Promise.race(reading)
    stop.abort()
    t.strictSame(texts((await Promise.all(reading)).flat()), ['once'])
    await journal.close()
  })

  t.test(`${name}: a read ends empty when it is aborted or the journal closed`, async (t) => {
    const journal = await open(t, 64 * KIB)
    const stop = new AbortController()
    const reading = journal.read(KIB, stop.signal)
    stop.abort()
    t.strictSame(await reading, [])
    t.strictSame(await journal.read(KIB, stop.signal), [], 'aborted before')
    const closing = journal.read(KIB, never)
    await journal.close()
    t.strictSame(await closing, [])
  })

  t.test(`${name}: knows what waits, until it is released`, async (t) => {
    const journal = await open(t, 64 * KIB)
    t.match(journal.state(), { frames: 0, events: 0, bytes: 0, oldestMs: undefined })
    await journal.append(batchOf('a', { count: 3, receivedMs: 10 }))
    await journal.append(batchOf('b', { count: 4, receivedMs: 20 }))
    t.match(journal.state(), { frames: 2, events: 7, oldestMs: 10 })
    await journal.release(1_000)
    t.match(journal.state(), { frames: 2 }, 'what was not handed out cannot be released')
    const [a, b] = await journal.read(KIB, never)
    t.match(journal.state(), { frames: 2, events: 7, oldestMs: 10 }, 'reading releases nothing')
    await journal.release(Number(a?.sequence))
    t.match(journal.state(), { frames: 1, events: 4, oldestMs: 20 })
    await journal.release(Number(a?.sequence))
    t.match(journal.state(), { frames: 1 }, 'released twice is released once')
    await journal.release(Number(b?.sequence))
    t.match(journal.state(), { frames: 0, events: 0, bytes: 0, oldestMs: undefined })
    await journal.close()
  })

  t.test(
    `${name}: refuses senders that can retry at 80 %, all at 95 %, and none once there is room`,
    async (t) => {
      const journal = await open(t, 64 * KIB)
      const text = 'x'.repeat(KIB - 1)
      const patient = await fill(journal, batchOf(text))
      t.match(patient.refusal, { code: 'journal_full', retryAfterMs: undefined })
      const hasty = await fill(journal, batchOf(text, { canRetry: false }))
      t.match(hasty.refusal, { code: 'journal_full' })
      t.ok(
        patient.taken >= 48 && patient.taken <= 51,
        `retrying senders fill four fifths: ${patient.taken} KiB`,
      )
      const total = patient.taken + hasty.taken
      t.ok(total >= 57 && total <= 60, `the others nearly all: ${total} KiB`)

      const frames = []
      while (frames.length < total) frames.push(...(await journal.read(8 * KIB, never)))
      await journal.release(Number(frames.at(-1)?.sequence))
      t.equal(await journal.append(batchOf(text)), durability)
      await journal.close()
    },
  )

  t.test(`${name}: refuses everything once it is closed`, async (t) => {
    const journal = await open(t, 64 * KIB)
    await journal.close()
    await t.rejects(journal.append(batchOf('late')), { code: 'shutting_down' })
  })
}
