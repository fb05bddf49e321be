import {
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import type { DiskJournal } from '../../../../src/gateway/journal/disk/disk-journal.ts'
import { MAX_SEGMENT_BYTES } from '../../../../src/gateway/journal/disk/recovery.ts'
import type { OpenFlags } from '../../../../src/std/files/files.ts'
import { batchOf } from '../../../contracts/journal.ts'
import { faultyFiles } from '../../../fakes/files/faulty-files.ts'
import { openJournal } from '../../../fakes/files/open-journal.ts'

const never = new AbortController().signal
/** One frame: 28 bytes of header, 100 of line. */
const FRAME = 128
const HEADER = 20
const PER_SEGMENT = 5
const options = { segmentBytes: HEADER + PER_SEGMENT * FRAME, hotTailBytes: 0 }

const text = (n: number) => `${n} `.padEnd(99, 'x')
const texts = (...numbers: number[]) => numbers.map(text)
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

/** A folder with frames 0 to 14 in three full segments, and a fourth with 15 and 16. */
async function folder(t: Test): Promise<{ dir: string; paths: string[] }> {
  const dir = t.testdir()
  const journal = await openJournal(dir, options)
  for (const n of range(0, 17)) await journal.append(batchOf(text(n)))
  await journal.close()
  const names = readdirSync(dir).filter((name) => name.endsWith('.segment'))
  t.equal(names.length, 4)
  return { dir, paths: names.map((name) => join(dir, name)) }
}

async function drain(journal: DiskJournal): Promise<string[]> {
  const found: string[] = []
  while (journal.state().frames > 0) {
    const frames = await journal.read(1024 * 1024, never)
    found.push(...frames.map(({ lines }) => lines.toString().trim()))
    await journal.release(Number(frames.at(-1)?.sequence))
  }
  return found
}

function overwrite(path: string, at: number, bytes: Buffer): void {
  const content = readFileSync(path)
  bytes.copy(content, at)
  writeFileSync(path, content)
}

const junk = Buffer.from('\u0001junk')
const all = range(0, 17)
const without = (...lost: number[]) => all.filter((n) => !lost.includes(n))
const at = (n: number) => HEADER + n * FRAME

/** What happened to the folder, and what must be found: nothing that is whole may be lost. */
const damages: {
  rule: string
  damage: (paths: string[], dir: string) => void
  found: number[]
  quarantinedBytes?: number
  tornBytes?: number
}[] = [
  { rule: 'nothing', damage: () => {}, found: all },
  {
    rule: 'a torn tail in the last segment is cut off',
    damage: ([, , , last = '']) => truncateSync(last, at(1) + 60),
    found: without(16),
    tornBytes: 60,
  },
  {
    rule: 'a torn tail before the zeros of a prepared segment',
    damage: ([, , , last = '']) =>
      writeFileSync(last, Buffer.concat([readFileSync(last), junk, Buffer.alloc(999)])),
    found: all,
    tornBytes: junk.length,
  },
  {
    rule: 'a torn tail also when the next segment was prepared, or created and empty',
    damage([, , , last = ''], dir) {
      truncateSync(last, at(1) + 60)
      writeFileSync(join(dir, '0000000000000018.segment'), Buffer.alloc(2_000))
      writeFileSync(join(dir, '0000000000000019.segment'), '')
    },
    found: without(16),
    tornBytes: 60,
  },
  {
    rule: 'the end of a segment that is not the last is no torn tail',
    damage: ([first = '']) => truncateSync(first, at(4) + 60),
    found: without(4),
    quarantinedBytes: 60,
  },
  {
    rule: 'a bad frame is set aside, those around it are delivered',
    damage: ([, second = '']) => overwrite(second, at(2) + 50, junk),
    found: without(7),
    quarantinedBytes: FRAME,
  },
  {
    rule: 'a bad length does not hide what follows',
    damage: ([, second = '']) => overwrite(second, at(0), Buffer.from([0xff, 0xff, 0xff, 0x7f])),
    found: without(5),
    quarantinedBytes: FRAME,
  },
  {
    rule: 'a sector of zeros is damage, not the end',
    damage: ([first = '']) => overwrite(first, at(1), Buffer.alloc(2 * FRAME)),
    found: without(1, 2),
    quarantinedBytes: 2 * FRAME,
  },
  {
    rule: 'damage in the middle of the last segment is no torn tail',
    damage: ([, , , last = '']) => overwrite(last, at(0) + 50, junk),
    found: without(15),
    quarantinedBytes: FRAME,
  },
  {
    rule: 'a bad segment header costs no frame',
    damage: ([first = '']) => overwrite(first, 0, junk),
    found: all,
    quarantinedBytes: HEADER,
  },
  {
    rule: 'a segment of another version is moved away whole',
    damage: ([, second = '']) => overwrite(second, 4, Buffer.from([9])),
    found: without(5, 6, 7, 8, 9),
    quarantinedBytes: HEADER + PER_SEGMENT * FRAME,
  },
  {
    rule: 'a segment of anything else is set aside',
    damage: (_, dir) => writeFileSync(join(dir, '0000000000000003.segment'), 'no segment at all'),
    found: all,
    quarantinedBytes: 'no segment at all'.length,
  },
  {
    rule: 'a copy of a segment is set aside: no frame is delivered twice for it',
    damage: ([first = ''], dir) => copyFileSync(first, join(dir, '0000000000000003.segment')),
    found: all,
    quarantinedBytes: PER_SEGMENT * FRAME,
  },
  {
    rule: 'a lost segment is lost',
    damage: ([, , third = '']) => renameSync(third, `${third}.lost`),
    found: without(10, 11, 12, 13, 14),
  },
  {
    rule: 'a garbled checkpoint',
    damage: (_, dir) => writeFileSync(join(dir, 'checkpoint'), '\0\0'),
    found: all,
  },
  { rule: 'other files', damage: (_, dir) => writeFileSync(join(dir, 'notes.txt'), 'hello'), found: all },
]

for (const { rule, damage, found, quarantinedBytes = 0, tornBytes = 0 } of damages) {
  t.test(`recovery: ${rule}`, async (t) => {
    const { dir, paths } = await folder(t)
    damage(paths, dir)
    const journal = await openJournal(dir, options)
    t.strictSame(journal.recovered, {
      frames: found.length,
      events: found.length,
      quarantinedBytes,
      tornBytes,
    })
    await journal.append(batchOf('new'))
    t.strictSame(await drain(journal), [...texts(...found), 'new'])
    await journal.close()
    const kept = readdirSync(dir, { recursive: true }).filter((name) =>
      String(name).startsWith('quarantine/'),
    )
    const bytes = kept
      .map((name) => statSync(join(dir, String(name))).size)
      .reduce((sum, size) => sum + size, 0)
    t.equal(bytes, quarantinedBytes, 'every damaged byte is kept')

    const again = await openJournal(dir, options)
    t.strictSame(
      again.recovered,
      { frames: 0, events: 0, quarantinedBytes: 0, tornBytes: 0 },
      'and that was that',
    )
    await again.close()
  })
}

t.test(
  'a frame that claims a sequence of a later segment was never acknowledged, and gives way',
  async (t) => {
    const { dir, paths } = await folder(t)
    const [first = '', second = ''] = paths
    // 5 frames with sequences 1 to 5; behind them one with sequence 6, which is the first of the second segment.
    const ghost = readFileSync(second).subarray(HEADER, HEADER + FRAME)
    writeFileSync(first, Buffer.concat([readFileSync(first).subarray(0, at(5)), ghost]))
    const journal = await openJournal(dir, options)
    t.match(journal.recovered, { frames: 17, quarantinedBytes: FRAME, tornBytes: 0 })
    t.equal(readdirSync(join(dir, 'quarantine'))[0], `${basename(first)}.${at(5)}-${at(6)}`)
    t.strictSame(await drain(journal), texts(...all))
    await journal.close()
  },
)

t.test('delivery goes on after the checkpoint, without it from the oldest segment', async (t) => {
  const { dir } = await folder(t)
  const journal = await openJournal(dir, options)
  const frames = [...(await journal.read(1_000, never)), ...(await journal.read(1_000, never))]
  await journal.release(Number(frames[6]?.sequence))
  await journal.close()
  const second = await openJournal(dir, options)
  t.equal(second.recovered.frames, 10)
  await second.close()
  writeFileSync(join(dir, 'checkpoint'), '')
  const third = await openJournal(dir, options)
  t.strictSame(await drain(third), texts(...range(5, 17)), 'the first segment was gone already')
  await third.close()
})

t.test('a disk that fails during recovery costs no more than what it fails at', async (t) => {
  for (const [rule, faults, found, recovered] of [
    [
      'a segment that cannot be read is moved away',
      [{ call: 'readFile', code: 'EIO', segment: 1, times: 9 }],
      without(5, 6, 7, 8, 9),
      { quarantinedBytes: 0 },
    ],
    [
      'the last segment cannot be read',
      [{ call: 'readFile', code: 'EIO', segment: 3, times: 9 }],
      without(15, 16),
      { quarantinedBytes: 0 },
    ],
    [
      'no room for quarantine',
      [{ call: 'mkdir', code: 'ENOSPC', after: 1 }],
      without(7),
      { quarantinedBytes: FRAME },
    ],
    [
      'the torn tail cannot be cut',
      [{ call: 'truncate', code: 'EIO' }],
      without(7),
      { tornBytes: junk.length },
    ],
  ] as const) {
    const { dir, paths } = await folder(t)
    const { files, fail } = faultyFiles()
    if (rule.startsWith('no room')) overwrite(String(paths[1]), at(2) + 50, junk)
    if (rule.startsWith('the torn')) {
      overwrite(String(paths[1]), at(2) + 50, junk)
      writeFileSync(String(paths[3]), Buffer.concat([readFileSync(String(paths[3])), junk]))
    }
    fail(
      ...faults.map((fault) => {
        const file = 'segment' in fault ? new RegExp(basename(String(paths[fault.segment]))) : /./
        return { ...fault, file }
      }),
    )
    const journal = await openJournal(dir, { ...options, files })
    t.match(journal.recovered, { frames: found.length, ...recovered }, rule)
    t.strictSame(await drain(journal), texts(...found), rule)
    await journal.close()
  }
})

t.test('a segment of which nobody says that it is lost is no start, and stays where it is', async (t) => {
  const passing = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EACCES', 'ESTALE']
  const inNoList = ['EREMOTEIO', 'ENODEV', 'ENOKEY', 'ECONNRESET', 'ERR_OF_OURS']
  for (const code of [...passing, ...inNoList]) {
    for (const call of ['readFile', 'open'] as const) {
      const { dir, paths } = await folder(t)
      const { files, fail } = faultyFiles()
      fail({ call, code, file: new RegExp(basename(String(paths[1]))) })
      await t.rejects(openJournal(dir, { ...options, files }), {
        code: 'journal_unavailable',
        message: new RegExp(code),
      })
      const journal = await openJournal(dir, { ...options, files })
      t.strictSame(await drain(journal), texts(...all), `${code} of ${call}`)
      await journal.close()
    }
  }
})

for (const bytes of [MAX_SEGMENT_BYTES + 1, 2 ** 31]) {
  t.test(`a segment of ${bytes} bytes, too large to be read, is moved away`, async (t) => {
    const { dir, paths } = await folder(t)
    truncateSync(String(paths[1]), bytes)
    const journal = await openJournal(dir, options)
    t.strictSame(await drain(journal), texts(...without(5, 6, 7, 8, 9)))
    t.strictSame(readdirSync(join(dir, 'quarantine')), [basename(String(paths[1]))])
    await journal.close()
  })
}

t.test('a segment that can neither be read nor moved is no start; nothing of it is lost', async (t) => {
  const { dir, paths } = await folder(t)
  const { files, fail } = faultyFiles()
  const file = new RegExp(basename(String(paths[1])))
  fail({ call: 'readFile', code: 'EIO', file }, { call: 'rename', code: 'EIO', file })
  await t.rejects(openJournal(dir, { ...options, files }), { code: 'journal_unavailable' })
  const journal = await openJournal(dir, { ...options, files })
  t.strictSame(await drain(journal), texts(...all))
  await journal.close()
})

t.test('a journal of many segments needs no more handles to start than one of few', async (t) => {
  const { dir, paths } = await folder(t)
  const { files } = faultyFiles()
  let open = 0
  let most = 0
  const counting = {
    ...files,
    async open(path: string, flags: OpenFlags, mode?: number) {
      most = Math.max(most, ++open)
      const file = await files.open(path, flags, mode)
      return { ...file, close: () => file.close().finally(() => open--) }
    },
  }
  const journal = await openJournal(dir, { ...options, files: counting })
  t.equal(journal.recovered.frames, 17)
  t.ok(most < paths.length, `${most} at once`)
  await journal.close()
})
