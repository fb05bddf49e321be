import t from 'tap'
import * as groups from '../../../../src/gateway/journal/disk/group-commit.ts'
import { decodeFrame, SEGMENT_HEADER_BYTES } from '../../../../src/gateway/journal/disk/segment.ts'
import { systemClock } from '../../../../src/std/clock.ts'
import { batchOf } from '../../../contracts/journal.ts'
import { fakeClock } from '../../../fakes/clock.ts'

/** Commits that end when they are told to. */
function heldCommits() {
  const begun: { frames: number; sequences: number[]; bytes: number; end(error?: Error): void }[] = []
  let onBegin = () => {}
  return {
    begun,
    next: () =>
      new Promise<void>((resolve) => {
        onBegin = resolve
      }),
    commit: ({ frames, bytes }: groups.CommitGroup) =>
      new Promise<void>((resolve, reject) => {
        const sequences = frames.map(({ sequence }) => sequence)
        const end = (error?: Error) => (error ? reject(error) : resolve())
        begun.push({ frames: frames.length, sequences, bytes: bytes.length, end })
        onBegin()
      }),
  }
}

t.test('appends of one turn share a group; those that come while it is written share the next', async (t) => {
  const { begun, next, commit } = heldCommits()
  const commits = new groups.GroupCommit({ clock: systemClock, nextSequence: 5, frameBytes: 0, commit })
  let begins = next()
  const first = ['a', 'b', 'c'].map((text) => commits.append(batchOf(text)))
  await begins
  const second = ['d', 'e'].map((text) => commits.append(batchOf(text)))
  t.strictSame(
    begun.map(({ sequences }) => sequences),
    [[5, 6, 7]],
    'one at a time',
  )
  begins = next()
  begun[0]?.end()
  t.strictSame(await Promise.all(first), ['journal', 'journal', 'journal'])
  await begins
  begun[1]?.end()
  await Promise.all(second)
  await commits.drained()
  t.strictSame(
    begun.map(({ sequences }) => sequences),
    [
      [5, 6, 7],
      [8, 9],
    ],
  )
  t.equal(commits.waitingBytes, 0)
})

t.test('a batch that cannot be encoded is refused with its group, and holds up no other', async (t) => {
  const commit = async () => {}
  const commits = new groups.GroupCommit({ clock: systemClock, nextSequence: 1, commit })
  const odd = { ...batchOf('a'), count: 2 ** 32 }
  await t.rejects(commits.append(odd), { code: 'journal_unavailable' })
  t.equal(await commits.append(batchOf('b')), 'journal')
  t.equal(commits.waitingBytes, 0)
})

t.test('a group is full at 512 batches or 256 KiB; a larger batch travels alone', async (t) => {
  const KIB = 'x'.repeat(1_024)
  for (const [rule, texts, sizes] of [
    ['batches', Array.from({ length: 1_025 }, () => 'a'), [512, 512, 1]],
    ['bytes', Array.from({ length: 300 }, () => KIB), [248, 52]],
    ['large ones', [KIB.repeat(300), 'a', KIB.repeat(300)], [1, 1, 1]],
  ] as const) {
    const sizesSeen: number[] = []
    const commit = async ({ frames, bytes }: groups.CommitGroup) => {
      sizesSeen.push(frames.length)
      t.same(decodeFrame(bytes, SEGMENT_HEADER_BYTES), frames[0], 'encoded')
    }
    const commits = new groups.GroupCommit({ clock: systemClock, nextSequence: 1, frameBytes: 0, commit })
    await Promise.all(texts.map((text) => commits.append(batchOf(text))))
    t.strictSame(sizesSeen, sizes, rule)
  }
})

t.test('the more batches share a sync, the longer the next waits for more', async (t) => {
  for (const [batches, ms] of [
    [1, 1.25],
    [4, 2],
    [8, 3],
    [groups.GROUP_BATCHES, groups.GROUP_MS],
  ] as const)
    t.equal(groups.pauseAfter(batches), ms, `${batches} batches`)
})

t.test('under load a group gathers for its milliseconds, unless it fills up', async (t) => {
  const clock = fakeClock()
  const began: number[] = []
  const commit = async ({ frames }: groups.CommitGroup) => {
    began.push(frames.length)
  }
  const commits = new groups.GroupCommit({ clock, nextSequence: 1, frameBytes: 0, commit })
  await commits.append(batchOf('first'))
  await commits.drained()
  // The clock stands still: to the journal no time has passed since the first group. Nor has any here, for its timer.
  const gathering = commits.append(batchOf('second'))
  const more = Array.from({ length: groups.GROUP_BATCHES }, () => commits.append(batchOf('more')))
  await Promise.all([gathering, ...more])
  t.strictSame(began, [1, groups.GROUP_BATCHES, 1])

  // The last of them was alone, so that the next need not wait for as long as most do.
  clock.advance(groups.pauseAfter(1))
  const later = commits.append(batchOf('later'))
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  t.strictSame(began, [1, groups.GROUP_BATCHES, 1, 1], 'within a round of the loop')
  await later
})

t.test('a group that fails is refused whole, its sequences are not used again', async (t) => {
  const errors = [
    Object.assign(new Error('no room'), { code: 'ENOSPC' }),
    Object.assign(new Error('no share left'), { code: 'EDQUOT' }),
    Object.assign(new Error('dead'), { code: 'EIO' }),
  ]
  const firsts: number[] = []
  const commit = async ({ firstSequence }: groups.CommitGroup) => {
    firsts.push(firstSequence)
    const error = errors.shift()
    if (error) throw error
  }
  const commits = new groups.GroupCommit({ clock: systemClock, nextSequence: 1, frameBytes: 0, commit })
  const refused = await Promise.allSettled([commits.append(batchOf('a')), commits.append(batchOf('b'))])
  t.match(refused, [{ reason: { code: 'journal_full' } }, { reason: { code: 'journal_full' } }])
  await t.rejects(commits.append(batchOf('u')), { code: 'journal_full' })
  await t.rejects(commits.append(batchOf('c')), {
    code: 'journal_unavailable',
    message: 'Journal write failed: EIO',
  })
  t.equal(await commits.append(batchOf('d')), 'journal')
  t.strictSame(firsts, [1, 3, 4, 5])
  t.equal(commits.waitingBytes, 0)
})

t.test('batches that share a group share frames of 16 KiB, in order', async (t) => {
  const texts = Array.from({ length: 40 }, (_, n) => `${n}`.padEnd(1_023, 'x'))
  const seen: { lines: string; count: number; receivedMs: number; sequence: number }[] = []
  const commit = async ({ frames }: groups.CommitGroup) => {
    seen.push(...frames.map((frame) => ({ ...frame, lines: frame.lines.toString() })))
  }
  const commits = new groups.GroupCommit({ clock: systemClock, nextSequence: 3, commit })
  await Promise.all(
    texts.map((text, n) => commits.append(batchOf(text, { count: 2, receivedMs: 1_000 - n }))),
  )
  t.equal(seen.map(({ lines }) => lines).join(''), texts.map((text) => `${text}\n`).join(''))
  t.same(
    seen.map(({ sequence, lines, count, receivedMs }) => [sequence, lines.length, count, receivedMs]),
    [
      [3, 16 * 1_024, 32, 985],
      [4, 16 * 1_024, 32, 969],
      [5, 8 * 1_024, 16, 961],
    ],
    'the oldest arrival counts',
  )
  t.equal(commits.waitingBytes, 0)
})
