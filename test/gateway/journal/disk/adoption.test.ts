import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { createLedger } from '../../../../src/event/ledger/ledger.ts'
import {
  type AdoptionOptions,
  adoptFolders,
  noAdoption,
  type Orphan,
  together,
} from '../../../../src/gateway/journal/disk/adoption.ts'
import type { Batch } from '../../../../src/gateway/journal/journal.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { batchOf } from '../../../contracts/journal.ts'
import { faultyFiles } from '../../../fakes/files/faulty-files.ts'
import { openJournal } from '../../../fakes/files/open-journal.ts'
import { recordingJournal } from '../../../fakes/gateway.ts'

/** A folder in which workers 0 … have left these events. */
async function journals(t: Test, workers: readonly (readonly string[])[]): Promise<string> {
  const dir = t.testdir()
  for (const [worker, texts] of workers.entries()) {
    const journal = await openJournal(join(dir, `${worker}`))
    for (const text of texts) await journal.append(batchOf(text, { receivedMs: 1_000 + worker }))
    await journal.close()
  }
  return dir
}

function setup(dir: string, more: Partial<AdoptionOptions> = {}) {
  let said = ''
  const telemetry = createTelemetry('info', { write: (line) => (said += line) })
  const journal = recordingJournal()
  const ledger = createLedger(telemetry.metrics, () => 0)
  const opened: string[] = []
  const openOrphan = async (path: string): Promise<Orphan> => {
    opened.push(path.slice(dir.length + 1))
    return openJournal(path)
  }
  const options = { dir, workers: 1, openOrphan, journal, ledger, telemetry, pauseMs: 1, ...more }
  const texts = () => journal.batches.map(({ lines }) => String(lines).trim())
  return { adopt: () => adoptFolders(options), journal, ledger, opened, texts, said: () => said }
}

/** Until it holds; the test's own timeout ends it. */
async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1))
}

const segments = (dir: string) => readdirSync(dir).filter((name) => name.endsWith('.segment'))

test('what former workers left goes into our journal, in order, and their folders are empty then', async (t) => {
  const dir = await journals(t, [['mine'], ['mine too'], ['a', 'b'], [], ['c']])
  mkdirSync(join(dir, 'notes'))
  writeFileSync(join(dir, '7'), 'no folder')
  const { adopt, journal, ledger, opened, texts } = setup(dir, { workers: 2 })
  const adoption = await adopt()
  t.same(
    [adoption.leftovers().events, adoption.unopened()],
    [0, 2],
    'it is known at once where something may be',
  )
  await waitFor(() => texts().length === 3 && adoption.leftovers().events === 0)
  t.equal(adoption.unopened(), 0)
  await adoption.stop()
  t.same(texts(), ['a', 'b', 'c'])
  t.match(journal.batches[0], {
    count: 1,
    lines: Buffer.from('a\n'),
    receivedMs: 1_002,
    canRetry: true,
  } satisfies Partial<Batch>)
  t.same(opened, ['2', '4'], 'one that holds nothing is not opened')
  t.equal(ledger.totals().recovered, 3)
  t.same(adoption.leftovers(), { events: 0, bytes: 0, oldestMs: undefined })
  for (const worker of ['2', '4']) t.same(segments(join(dir, worker)), [], `${worker} holds nothing more`)
  for (const worker of ['0', '1']) t.equal(segments(join(dir, worker)).length, 1, `${worker} is another's`)
})

test('a folder in use is adopted when its process has ended, and nothing of it is counted before', async (t) => {
  const dir = await journals(t, [[], ['a']])
  const former = await openJournal(join(dir, '1'))
  const { adopt, ledger, texts, said } = setup(dir)
  const adoption = await adopt()
  await waitFor(() => /cannot be adopted now/.test(said()))
  t.match(said(), /is in use by process/)
  t.same([texts(), ledger.totals().recovered], [[], 0])
  t.same([adoption.leftovers().events, adoption.unopened()], [0, 1], 'nor is it told that there is nothing')
  await former.close()
  await waitFor(() => texts().length === 1)
  t.equal(adoption.unopened(), 0)
  await adoption.stop()
  t.same([texts(), ledger.totals().recovered], [['a'], 1])
})

test('a full journal is waited for; what is left at the end stays where it was, and is counted once', async (t) => {
  const dir = await journals(t, [[], ['a', 'b', 'c']])
  const first = setup(dir)
  const { journal, ledger, texts } = first
  journal.failWith = new AppError('journal_full', 'full')
  const adoption = await first.adopt()
  await waitFor(() => /wait for room/.test(first.said()))
  t.match(adoption.leftovers(), { events: 3, oldestMs: 1_001 })
  t.equal(ledger.totals().recovered, 3)
  await adoption.stop()
  t.same(texts(), [])
  t.equal(adoption.leftovers().events, 3, 'the books balance to the end')

  const second = setup(dir)
  const again = await second.adopt()
  await waitFor(() => second.texts().length === 3)
  await again.stop()
  t.same([second.texts(), second.ledger.totals().recovered], [['a', 'b', 'c'], 3])
})

/** An orphan of these frames that fails as it is told to. */
function orphanOf(texts: readonly string[], readings: readonly (number | Error)[]): Orphan {
  let next = 0
  const waiting = texts.map((text, at) => {
    return { sequence: at + 1, lines: Buffer.from(`${text}\n`), count: 1, receivedMs: 5 }
  })
  return {
    recovered: { events: texts.length },
    async read() {
      const reading = readings[next++] ?? 0
      if (reading instanceof Error) throw reading
      if (reading === 0) waiting.length = 0
      return waiting.slice(0, reading)
    },
    async release(sequence) {
      while ((waiting[0]?.sequence ?? Number.POSITIVE_INFINITY) <= sequence) waiting.shift()
    },
    state: () => ({ frames: waiting.length, events: waiting.length, bytes: 0, oldestMs: 5 }),
    close: async () => {},
  }
}

test('what the journal does not refuse for now is no want of room, and said as what it is', async (t) => {
  const dir = await journals(t, [[], ['a']])
  const { adopt, journal, texts, said } = setup(dir)
  for (const failure of [new AppError('body_too_large', 'too much'), new TypeError('ours')]) {
    journal.failWith = failure
    const before = said().length
    const adoption = await adopt()
    await waitFor(() => /cannot be adopted now/.test(said().slice(before)))
    journal.failWith = undefined
    await adoption.stop()
    t.match(said().slice(before), failure.message)
    t.notMatch(said().slice(before), /wait for room/)
  }
  const last = await adopt()
  await waitFor(() => texts().length === 1)
  await last.stop()
  t.same(texts(), ['a'])
})

test('a disk that fails in the middle is asked again, and no event is counted twice', async (t) => {
  const dir = await journals(t, [[], ['x']])
  const orphans = [orphanOf(['a', 'b', 'c'], [1, new Error('disk')]), orphanOf(['b', 'c'], [2])]
  const { adopt, ledger, texts } = setup(dir, { openOrphan: async () => orphans.shift() as Orphan })
  const adoption = await adopt()
  await waitFor(() => texts().length === 3)
  await waitFor(() => adoption.leftovers().events === 0)
  t.equal(ledger.totals().recovered, 3)
  await adoption.stop()
})

test('what was counted and cannot be read is not waited for', async (t) => {
  const dir = await journals(t, [[], ['x']])
  const { adopt, ledger, texts } = setup(dir, { openOrphan: async () => orphanOf(['a', 'b'], [1, 0]) })
  const adoption = await adopt()
  await waitFor(() => texts().length === 1 && adoption.leftovers().events === 0)
  await adoption.stop()
  t.equal(ledger.totals().recovered, 2, 'so that the loss shows in the books')
})

test('a folder that cannot be listed is said to be so, is not empty until it is, and is looked at again', async (t) => {
  const { files, fail } = faultyFiles()
  const dir = await journals(t, [[], ['a']])
  fail({ call: 'readdir', code: 'EACCES', times: 2 })
  const { adopt, said, texts } = setup(dir, { files })
  const adoption = await adopt()
  t.match(said(), /EACCES.*cannot be looked for/)
  t.equal(adoption.unopened(), 1, 'nobody is told that nothing is there')
  await waitFor(() => texts().length === 1)
  t.equal(adoption.unopened(), 0)
  await adoption.stop()
  t.equal(said().match(/cannot be looked for/g)?.length, 2)
})

test('a folder that can never be listed does not keep an end waiting', async (t) => {
  const { files, fail } = faultyFiles()
  fail({ call: 'readdir', code: 'EIO', times: 100 })
  const adoption = await setup(t.testdir(), { files, pauseMs: 3_600_000 }).adopt()
  await adoption.stop()
  t.equal(adoption.unopened(), 1)
})

test('where there is nothing to adopt there is nothing to do', async (t) => {
  const { adopt, opened } = setup(join(t.testdir(), 'absent'))
  const adoption = await adopt()
  t.equal(adoption.unopened(), 0)
  await adoption.stop()
  t.same(opened, [])
  await noAdoption.stop()
  t.equal(noAdoption.unopened(), 0)
  t.same(noAdoption.leftovers(), { events: 0, bytes: 0, oldestMs: undefined })
})

test('what waits in two places waits since the older of both', async (t) => {
  const none = { events: 0, bytes: 0, oldestMs: undefined }
  const [a, b] = [
    { events: 1, bytes: 10, oldestMs: 7 },
    { events: 2, bytes: 20, oldestMs: 5 },
  ]
  t.same(together(a, b), { events: 3, bytes: 30, oldestMs: 5 })
  t.same(together(a, none), a)
  t.same(together(none, none), none)
})
