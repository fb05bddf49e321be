import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { lockFolder } from '../../../src/gateway/deliver/folder-lock.ts'
import { type FileOps, nodeFiles } from '../../../src/std/files.ts'
import { faultyFiles } from '../../fakes/faulty-files.ts'

const files = nodeFiles
const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')
const holderOf = (dir: string) => JSON.parse(readFileSync(join(dir, 'lock'), 'utf8'))
const lockText = (holder: object) => JSON.stringify({ pid: process.pid, startTicks: '1', bootId, ...holder })

/** A /proc of our own making. */
function fakeProc(t: Test, stat: string | undefined): string {
  const proc = t.testdir({ sys: { kernel: { random: { boot_id: 'boot' } } } })
  mkdirSync(join(proc, String(process.pid)))
  if (stat !== undefined) writeFileSync(join(proc, String(process.pid), 'stat'), stat)
  return proc
}
const statOf = (state: string, ticks: string) =>
  `7 (a) name) ${state} ${Array.from({ length: 18 }, () => 0).join(' ')} ${ticks} 99 99`

t.test('one holder at a time', async (t) => {
  const dir = t.testdir()
  const lock = await lockFolder(dir, { files })
  const { pid, startTicks } = holderOf(dir)
  t.equal(pid, process.pid)
  t.match(startTicks, /^\d+$/)
  await t.rejects(lockFolder(dir, { files }), {
    code: 'journal_unavailable',
    message: `Journal folder ${dir} is in use by process ${process.pid}`,
  })
  await lock.release()
  t.strictSame(readdirSync(dir), [], 'nothing is left')
  await (await lockFolder(dir, { files })).release()
})

t.test('the lock of a dead holder is taken over', async (t) => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  for (const [rule, text] of [
    ['a process that is gone', lockText({ pid: child.pid })],
    ['another process with its id', lockText({})],
    ['one from before the last boot', lockText({ bootId: 'earlier' })],
    ['nobody can tell who', ''],
    ['a lock that makes no sense', 'null'],
  ] as const) {
    const dir = t.testdir({ lock: text })
    const lock = await lockFolder(dir, { files })
    t.equal(holderOf(dir).pid, process.pid, rule)
    t.strictSame(readdirSync(dir), ['lock'], `${rule}: nothing else is left`)
    await lock.release()
  }
})

/** Lets several takers in one process be as separate as processes are: each has a draft of its own. */
function filesOf(taker: number): FileOps {
  const own = (path: string) => (/lock\.\d+-\d+\.part$/.test(path) ? `${path}.${taker}` : path)
  return {
    ...files,
    open: (path, flags, mode) => files.open(own(path), flags, mode),
    link: (from, to) => files.link(own(from), to),
    rename: (from, to) => files.rename(own(from), to),
    unlink: (path) => files.unlink(own(path)),
  }
}

t.test('of many that find a dead holder one takes over', async (t) => {
  for (let round = 0; round < 10; round += 1) {
    const dir = t.testdir({ lock: lockText({}) })
    const takers = await Promise.allSettled(
      Array.from({ length: 8 }, (_, taker) => lockFolder(dir, { files: filesOf(taker) })),
    )
    const refused = takers.filter((taker) => taker.status === 'rejected').map(({ reason }) => reason.code)
    t.strictSame(
      refused,
      Array.from({ length: 7 }, () => 'journal_unavailable'),
      `round ${round}`,
    )
    t.strictSame(readdirSync(dir), ['lock'])
  }
})

t.test('a taker that died halfway is succeeded itself', async (t) => {
  const text = lockText({})
  const dir = t.testdir({ lock: text, [`lock.${process.pid}-1`]: text, [`lock.${process.pid}-1.part`]: '' })
  await lockFolder(dir, { files })
  t.not(holderOf(dir).startTicks, '1')
  t.strictSame(readdirSync(dir), ['lock'])
})

t.test('who was quicker to take over stays', async (t) => {
  const dir = t.testdir({ lock: lockText({}) })
  const late = faultyFiles()
  const link: typeof files.link = async (from, to) => {
    // Between our look at the dead holder and our move another has moved.
    if (to.endsWith('-1')) writeFileSync(join(dir, 'lock'), lockText({ startTicks: '2' }))
    return late.files.link(from, to)
  }
  await t.rejects(lockFolder(dir, { files: { ...late.files, link } }), { code: 'journal_unavailable' })
  t.equal(holderOf(dir).startTicks, '2')
  t.strictSame(readdirSync(dir), ['lock'])
})

t.test('a process is known by its id and its start', async (t) => {
  const held = (startTicks: string) => JSON.stringify({ pid: process.pid, startTicks, bootId: 'boot' })
  for (const [rule, stat, lock, alive] of [
    ['the same start is the same process', statOf('S', '77'), held('77'), true],
    ['another start is another', statOf('S', '78'), held('77'), false],
    ['a zombie has ended', statOf('Z', '77'), held('77'), false],
    ['without /proc the id alone must do', undefined, held('unknown'), true],
  ] as const) {
    const proc = fakeProc(t, stat)
    const dir = join(proc, 'journal')
    mkdirSync(dir)
    writeFileSync(join(dir, 'lock'), lock)
    const taking = lockFolder(dir, { files, proc })
    if (alive) await t.rejects(taking, { code: 'journal_unavailable' }, rule)
    else t.ok(await taking, rule)
  }
})

t.test('without /proc a process that is gone is still gone', async (t) => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  const dir = t.testdir({
    lock: JSON.stringify({ pid: child.pid, startTicks: 'unknown', bootId: 'unknown' }),
  })
  t.match(await lockFolder(dir, { files, proc: join(dir, 'no-proc') }), { release: Function })
})

t.test('a disk that refuses the lock is no holder', async (t) => {
  const { files, fail } = faultyFiles()
  fail({ call: 'link', code: 'EROFS' })
  await t.rejects(lockFolder(t.testdir(), { files }), { code: 'EROFS' })
})
