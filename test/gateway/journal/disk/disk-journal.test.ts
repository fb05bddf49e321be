import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { type DiskJournal, openDiskJournal } from '../../../../src/gateway/journal/disk/disk-journal.ts'
import { MAX_FRAME_BYTES } from '../../../../src/gateway/journal/disk/segment.ts'
import { createTelemetry, quietTelemetry } from '../../../../src/std/telemetry.ts'
import { batchOf, journalContract } from '../../../contracts/journal.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { faultyFiles } from '../../../fakes/files/faulty-files.ts'
import { noFiles } from '../../../fakes/files/not-files.ts'
import { openJournal } from '../../../fakes/files/open-journal.ts'

const never = new AbortController().signal
const MIB = 1024 * 1024

const open = (dir: string, maxBytes: number, hotTailBytes?: number) =>
  openJournal(dir, { maxBytes, ...(hotTailBytes === undefined ? {} : { hotTailBytes }) })

journalContract(t, 'disk', { durability: 'journal', open: (t, maxBytes) => open(t.testdir(), maxBytes) })
journalContract(t, 'disk, read from its segments', {
  durability: 'journal',
  open: (t, maxBytes) => open(t.testdir(), maxBytes, 0),
})

async function drain(journal: DiskJournal, release = true): Promise<string[]> {
  const texts: string[] = []
  const { events } = journal.state()
  while (texts.length < events) {
    const read = await journal.read(MIB, never)
    texts.push(...read.flatMap(({ lines }) => lines.toString().trim().split('\n')))
    if (release) await journal.release(Number(read.at(-1)?.sequence))
  }
  return texts
}

const numbered = (from: number, to: number, size = 100) =>
  Array.from({ length: to - from }, (_, n) => `${from + n} `.padEnd(size, 'x'))
const appendAll = (journal: DiskJournal, texts: readonly string[]) =>
  Promise.all(texts.map((text) => journal.append(batchOf(text))))
const segmentsIn = (dir: string) => readdirSync(dir).filter((name) => name.endsWith('.segment'))

t.test('what was not released is found again, in order, under its sequence', async (t) => {
  const dir = t.testdir()
  const first = await openJournal(dir)
  await appendAll(first, numbered(0, 30))
  const read = await first.read(500, never)
  await first.release(Number(read.at(-1)?.sequence))
  await first.close()

  const second = await openJournal(dir)
  t.match(second.recovered, {
    frames: 30 - read.length,
    events: 30 - read.length,
    quarantinedBytes: 0,
    tornBytes: 0,
  })
  t.match(second.state(), { frames: 30 - read.length, oldestMs: 1_000 })
  await second.append(batchOf('new'))
  t.strictSame(await drain(second), [...numbered(read.length, 30), 'new'])
  await second.close()

  const third = await openJournal(dir)
  t.strictSame(third.recovered, { frames: 0, events: 0, quarantinedBytes: 0, tornBytes: 0 })
  await third.append(batchOf('newest'))
  const [frame] = await third.read(MIB, never)
  t.equal(frame?.sequence, 32, 'sequences go on')
  await third.close()
})

t.test('the answer comes after the sync, and the segment was durable before', async (t) => {
  const dir = t.testdir()
  const { files, calls } = faultyFiles()
  const journal = await openJournal(dir, { files })
  await journal.append(batchOf('x'))
  const at = (call: string) => calls.lastIndexOf(call)
  const name = String(segmentsIn(dir)[0])
  calls.push('answered')
  t.strictSame(
    calls
      .filter((call) => call.endsWith(name) || call === `sync ${basename(dir)}` || call === 'answered')
      .slice(-7),
    [
      `open ${name}`,
      `write ${name}`,
      `datasync ${name}`,
      `sync ${name}`,
      `sync ${basename(dir)}`,
      `write ${name}`,
      `datasync ${name}`,
      'answered',
    ].slice(-7),
  )
  t.ok(at(`datasync ${name}`) < at('answered'))
  await journal.close()
})

t.test('delivered segments go, after the checkpoint that says so', async (t) => {
  const dir = t.testdir()
  const { files, calls } = faultyFiles()
  const journal = await openJournal(dir, { files })
  for (const text of numbered(0, 20, 400)) await journal.append(batchOf(text))
  const before = segmentsIn(dir)
  t.ok(before.length >= 10, `${before.length} segments`)
  calls.splice(0)
  await drain(journal)
  const left = segmentsIn(dir)
  t.ok(left.length <= 2, 'the one in use and the one prepared stay')
  const checkpoint = calls.indexOf('rename checkpoint')
  const folder = calls.indexOf(`sync ${basename(dir)}`, checkpoint)
  const removal = calls.indexOf(`unlink ${before[0]}`)
  t.ok(checkpoint >= 0 && checkpoint < folder && folder < removal, 'checkpoint, folder, removal')
  await journal.close()
})

t.test('a checkpoint is written once a second, and at the end', async (t) => {
  const clock = fakeClock()
  const { files, calls } = faultyFiles()
  const journal = await openJournal(t.testdir(), { files, clock, segmentBytes: MIB, maxBytes: 64 * MIB })
  const checkpoints = () => calls.filter((call) => call === 'rename checkpoint').length
  await appendAll(journal, ['a', 'b', 'c'])
  const frames = await journal.read(MIB, never)
  await journal.release(Number(frames[0]?.sequence))
  t.equal(checkpoints(), 0)
  clock.advance(1_000)
  await journal.release(Number(frames[1]?.sequence))
  t.equal(checkpoints(), 1)
  await journal.release(Number(frames[2]?.sequence))
  t.equal(checkpoints(), 1)
  await journal.close()
  t.equal(checkpoints(), 2)
})

t.test('a reader that falls behind is served from the segments, then from memory again', async (t) => {
  const dir = t.testdir()
  const { files, calls } = faultyFiles()
  const journal = await openJournal(dir, { files, segmentBytes: 2_048, hotTailBytes: 1_000 })
  const reads = () => calls.filter((call) => call.startsWith('read ')).length
  for (const text of numbered(0, 40)) await journal.append(batchOf(text))
  t.strictSame(await drain(journal), numbered(0, 40))
  t.ok(reads() > 0, 'the rest came from disk')
  const before = reads()
  await appendAll(journal, numbered(40, 45))
  t.strictSame(await drain(journal), numbered(40, 45))
  t.equal(reads(), before, 'caught up: from memory')
  await journal.close()
})

t.test('appends go on while a reader works through the segments', async (t) => {
  const journal = await openJournal(t.testdir(), { hotTailBytes: 0 })
  const texts: string[] = []
  const reading = (async () => {
    while (texts.length < 200) {
      const frames = await journal.read(700, never)
      texts.push(...frames.map(({ lines }) => lines.toString().trim()))
      await journal.release(Number(frames.at(-1)?.sequence))
    }
  })()
  for (let from = 0; from < 200; from += 10) await appendAll(journal, numbered(from, from + 10))
  await reading
  t.strictSame(texts, numbered(0, 200))
  t.match(journal.state(), { frames: 0, bytes: 0 })
  await journal.close()
})

t.test('a frame may be larger than a segment, and larger than one read', async (t) => {
  const journal = await openJournal(t.testdir(), { maxBytes: 64 * MIB, hotTailBytes: 0 })
  const large = 'x'.repeat(300 * 1024)
  await journal.append(batchOf(large))
  await journal.append(batchOf('small'))
  t.strictSame(
    (await journal.read(1, never)).map(({ lines }) => lines.length),
    [large.length + 1],
  )
  t.strictSame(
    (await journal.read(1, never)).map(({ lines }) => lines.length),
    [6],
  )
  await t.rejects(journal.append(batchOf('x'.repeat(MAX_FRAME_BYTES))), { code: 'body_too_large' })
  await journal.close()
})

t.test('one frame that nearly fills the journal gives its room back like any other', async (t) => {
  const journal = await openJournal(t.testdir(), { maxBytes: 64 * 1024 })
  for (const text of ['first', 'second', 'third']) {
    await journal.append(batchOf(text.padEnd(50 * 1024, 'x')))
    t.equal((await drain(journal)).length, 1, text)
  }
  await journal.close()
})

t.test('a full disk refuses what it cannot hold, and nothing else', async (t) => {
  const clock = fakeClock()
  const { files, fail, heal } = faultyFiles()
  const dir = t.testdir()
  const journal = await openJournal(dir, { files, clock })
  await journal.append(batchOf('before'))
  fail({ call: 'write', code: 'ENOSPC', times: 1_000 })
  await t.rejects(journal.append(batchOf('lost')), {
    code: 'journal_full',
    message: 'Journal write failed: ENOSPC',
  })
  await t.rejects(journal.append(batchOf('lost')), { code: 'journal_full' })
  t.match(journal.state(), { frames: 1 })
  heal()
  await t.rejects(journal.append(batchOf('lost')), { code: 'journal_full' }, 'the disk is not asked at once')
  clock.advance(1_000)
  await journal.append(batchOf('after'))
  t.strictSame(await drain(journal), ['before', 'after'])
  await journal.close()
  const again = await openJournal(dir)
  t.strictSame(again.recovered, { frames: 0, events: 0, quarantinedBytes: 0, tornBytes: 0 })
  await again.close()
})

t.test('after a failed sync the segment is left alone; its group is not acknowledged', async (t) => {
  for (const fault of [
    { call: 'datasync', code: 'EIO' },
    { call: 'write', code: 'EIO', torn: 50 },
    { call: 'write', code: 'EIO', torn: 500 },
  ] as const) {
    const dir = t.testdir()
    const { files, calls, fail } = faultyFiles()
    const telemetry = quietTelemetry()
    const journal = await openJournal(dir, { files, telemetry, segmentBytes: 4_096 })
    await journal.append(batchOf('before'))
    const [name] = segmentsIn(dir)
    fail({ ...fault, file: new RegExp(String(name)) })
    calls.splice(0)
    const lost = numbered(0, 3)
    const refused = await Promise.allSettled(lost.map((text) => journal.append(batchOf(text))))
    t.ok(refused.every((r) => r.status === 'rejected' && r.reason.code === 'journal_unavailable'))
    await journal.append(batchOf('after'))
    t.equal(calls.filter((call) => call === `datasync ${name}`).length, 0, 'never synced again')
    t.strictSame(await drain(journal, false), ['before', 'after'])
    t.match(await telemetry.metrics.metrics(), /headgate_journal_errors_total\{code="EIO"\} 1/)
    await journal.close()

    const again = await openJournal(dir)
    t.strictSame(await drain(again), ['before', 'after'], 'its bytes were cut off')
    t.match(again.recovered, { quarantinedBytes: 0, tornBytes: 0 })
    await again.close()
  }
})

t.test(
  'what a failed sync wrote may come back at the next start, never in place of what was acknowledged',
  async (t) => {
    const dir = t.testdir()
    const { files, fail } = faultyFiles()
    const journal = await openJournal(dir, { files, segmentBytes: 4_096 })
    await journal.append(batchOf('before'))
    fail({ call: 'datasync', code: 'EIO' }, { call: 'truncate', code: 'EIO', times: 1 })
    await t.rejects(journal.append(batchOf('refused')), { code: 'journal_unavailable' })
    await journal.append(batchOf('after'))
    await journal.close()
    const again = await openJournal(dir)
    t.strictSame(await drain(again), ['before', 'refused', 'after'])
    await again.close()
  },
)

t.test('a segment that failed before its first frame is passed over', async (t) => {
  const { files, fail } = faultyFiles()
  const journal = await openJournal(t.testdir(), { files, segmentBytes: 400, hotTailBytes: 0 })
  const [first, second, third] = numbered(0, 3, 300).map((text) => batchOf(text))
  await journal.append(first!)
  fail({ call: 'write', code: 'EIO', file: /0002\.segment/, after: 1 })
  await t.rejects(journal.append(second!), { code: 'journal_unavailable' })
  await journal.append(third!)
  const texts = await drain(journal, false)
  t.strictSame(
    texts.map((text) => text[0]),
    ['0', '2'],
  )
  await journal.close()
})

t.test('left to itself, a journal is at least 32 segments and keeps its tail in memory', async (t) => {
  const dir = t.testdir()
  const { files, calls } = faultyFiles()
  const options = { dir, files, maxBytes: MIB, telemetry: quietTelemetry(), clock: fakeClock() }
  const journal = await openDiskJournal(options)
  await appendAll(journal, numbered(0, 5))
  t.equal(statSync(join(dir, String(segmentsIn(dir)[0]))).size, MIB / 32)
  t.strictSame(await drain(journal), numbered(0, 5))
  t.equal(calls.filter((call) => call.startsWith('read ')).length, 0)
  await journal.close()
})

t.test('a segment that cannot be prepared ahead is created when it is needed', async (t) => {
  const { files, fail } = faultyFiles()
  fail({ call: 'sync', code: 'EIO', file: /\.segment$/ })
  const telemetry = quietTelemetry()
  const journal = await openJournal(t.testdir(), { files, telemetry })
  t.equal(await journal.append(batchOf('x')), 'journal')
  t.match(await telemetry.metrics.metrics(), /headgate_journal_errors_total\{code="EIO"\} 1/)
  await journal.close()
})

t.test('a full disk that takes no checkpoint still lets delivered segments go', async (t) => {
  const dir = t.testdir()
  const { files, fail, heal } = faultyFiles()
  const journal = await openJournal(dir, { files })
  for (const text of numbered(0, 10, 400)) await journal.append(batchOf(text))
  fail({ call: 'open', code: 'ENOSPC', file: /^checkpoint/, times: 100 })
  fail({ call: 'unlink', code: 'EIO', file: /\.segment$/ })
  const frames = await journal.read(MIB, never)
  await journal.release(Number(frames.at(-1)?.sequence))
  t.ok(segmentsIn(dir).length <= 3)
  heal()
  await journal.append(batchOf('after'))
  await journal.close()
  const again = await openJournal(dir)
  t.strictSame((await drain(again)).at(-1), 'after')
  await again.close()
})

t.test('a disk that cannot be read is an error, and nothing is lost', async (t) => {
  for (const call of ['open', 'read'] as const) {
    const { files, fail } = faultyFiles()
    const journal = await openJournal(t.testdir(), { files, hotTailBytes: 0 })
    await appendAll(journal, numbered(0, 5))
    fail({ call, code: 'EIO', file: /\.segment$/ })
    await t.rejects(journal.read(MIB, never), {
      code: 'journal_unavailable',
      message: 'Journal read failed: EIO',
    })
    t.strictSame(await drain(journal), numbered(0, 5))
    await journal.close()
  }
})

t.test('bytes that go bad under a running journal cost their frames, no more', async (t) => {
  const dir = t.testdir()
  const telemetry = quietTelemetry()
  const journal = await openJournal(dir, { telemetry, segmentBytes: 2_048, hotTailBytes: 0 })
  for (const text of numbered(0, 30)) await journal.append(batchOf(text))
  for (const [segment, at] of [
    [0, 20 + 129 + 60],
    [1, 1_000],
  ] as const) {
    const path = join(dir, String(segmentsIn(dir)[segment]))
    const bytes = readFileSync(path)
    bytes[at] = 0
    writeFileSync(path, bytes)
  }
  const texts: string[] = []
  const stop = new AbortController()
  while (journal.state().frames > 0) {
    const frames = await journal.read(MIB, stop.signal)
    texts.push(...frames.map(({ lines }) => lines.toString().trim()))
    await journal.release(Number(frames.at(-1)?.sequence))
  }
  t.equal(texts.length, 28)
  t.notOk(texts.includes(String(numbered(0, 30)[1])))
  t.match(journal.state(), { frames: 0, events: 0, bytes: 0 })
  t.match(await telemetry.metrics.metrics(), /headgate_journal_quarantined_bytes_total 258/)
  t.equal(readdirSync(join(dir, 'quarantine')).length, 2)
  await journal.close()
})

t.test('the folder belongs to one process, the files to one user', async (t) => {
  const dir = join(t.testdir(), 'data/journal')
  const journal = await openJournal(dir)
  await journal.append(batchOf('x'))
  await t.rejects(openJournal(dir), { code: 'journal_unavailable', message: /in use by process/ })
  t.equal(statSync(dir).mode & 0o777, 0o700)
  t.equal(statSync(join(dir, String(segmentsIn(dir)[0]))).mode & 0o777, 0o600)
  await journal.close()
  t.notOk(readdirSync(dir).includes('lock'))
})

t.test('a folder is taken over from a process that ended without closing it, and that is said', async (t) => {
  const holder = { pid: process.pid, startTicks: '1', bootId: 'earlier', pidNamespace: 'pid:[1]' }
  const dir = t.testdir({ lock: JSON.stringify(holder) })
  const lines: string[] = []
  const telemetry = createTelemetry('warn', { write: (line) => lines.push(line) })
  await (await openJournal(dir, { telemetry })).close()
  t.match(
    lines.map((line) => JSON.parse(line)),
    [{ folder: dir, predecessor: holder, msg: 'the journal was taken over: its process shows no life' }],
  )
})

t.test('a folder that cannot be used is an error that names it', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')
  for (const path of [file, join(file, 'journal')])
    await t.rejects(openJournal(path), {
      code: 'journal_unavailable',
      message: `Journal folder ${path} failed: a file lies in the place of a folder, or on its path (ENOTDIR): move it away`,
    })
  const dir = t.testdir()
  const { files, fail } = faultyFiles()
  fail({ call: 'readdir', code: 'EIO' })
  await t.rejects(openJournal(dir, { files }), { code: 'journal_unavailable', message: /EIO/ })
  t.strictSame(readdirSync(dir), [], 'and is not left locked')
})

t.test('a disk without a free byte is no reason not to start', async (t) => {
  const dir = t.testdir()
  const before = await openJournal(dir)
  await before.append(batchOf('x'))
  await before.close()
  t.equal(statSync(join(dir, 'ballast')).size, 64 * 1024, 'room was set aside')

  const { files, fail, calls } = faultyFiles()
  const noRoom = { call: 'write', code: 'ENOSPC', file: /^lock\./ } as const
  fail(noRoom)
  const journal = await openJournal(dir, { files })
  t.match(journal.recovered, { frames: 1, events: 1 })
  t.ok(calls.indexOf('unlink ballast') < calls.indexOf('link lock'), 'it is given up for the lock')
  t.equal(statSync(join(dir, 'ballast')).size, 64 * 1024, 'and set aside again')
  await journal.close()

  fail({ ...noRoom, times: 2 })
  await t.rejects(openJournal(dir, { files }), { code: 'journal_unavailable', message: /ENOSPC/ })
  fail({ ...noRoom, file: /^ballast/ })
  const without = await openJournal(dir, { files })
  t.notOk(readdirSync(dir).includes('ballast'), 'nor is a disk that has no room for it')
  t.match(without.recovered, { frames: 1, events: 1 })
  await without.close()
})

t.test('an idle journal leaves nothing big behind', async (t) => {
  const dir = t.testdir()
  mkdirSync(join(dir, 'other'))
  const journal = await openJournal(dir, { maxBytes: 64 * MIB, segmentBytes: MIB })
  await journal.append(batchOf('x'))
  await journal.close()
  t.equal(statSync(join(dir, String(segmentsIn(dir)[0]))).size, 20 + 28 + 2, 'the zeros are cut off')
  t.equal(segmentsIn(dir).length, 1, 'the segment prepared ahead is gone')
})

t.test('measures what it holds and how it groups', async (t) => {
  const telemetry = quietTelemetry()
  const journal = await openJournal(t.testdir(), { telemetry })
  await appendAll(journal, ['a', 'b', 'c'])
  const metrics = await telemetry.metrics.metrics()
  t.match(metrics, new RegExp(`headgate_journal_bytes ${20 + 3 * 30}\\n`))
  t.match(metrics, /headgate_journal_group_frames_sum 3\n/)
  t.match(metrics, /headgate_journal_sync_seconds_count 1\n/)
  await journal.close()
})

for (const [what, put] of Object.entries(noFiles)) {
  t.test(
    `${what} in the place of any file of ours keeps nobody from starting, or from what is kept`,
    async (t) => {
      const dir = t.testdir()
      const before = await openJournal(dir)
      await appendAll(before, ['one', 'two'])
      await before.close()
      const places = ['checkpoint', 'checkpoint.part', 'lock', 'ballast', '0000000000009000.segment']
      for (const name of places) {
        rmSync(join(dir, name), { recursive: true, force: true })
        await put(join(dir, name))
      }
      const lines: string[] = []
      const telemetry = createTelemetry('error', { write: (line) => lines.push(line) })
      const journal = await openJournal(dir, { telemetry })
      t.match(journal.recovered, { events: 2 })
      const said = lines
        .map((line) => JSON.parse(line))
        .filter(({ msg }) => /in the place of a file/.test(msg))
      t.same(
        said.map(({ file }) => file),
        ['lock', 'checkpoint', '0000000000009000.segment'].map((name) => join(dir, 'quarantine', name)),
      )
      for (const { err } of said) t.match(err.message, / and no file: look at what it is/)
      await appendAll(journal, ['three'])
      t.same(await drain(journal), ['one', 'two', 'three'])
      await journal.close()
      const next = await openJournal(dir)
      t.match(next.recovered, { events: 0 }, 'what was delivered is remembered')
      await next.close()
    },
  )
}
