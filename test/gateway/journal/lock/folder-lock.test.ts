import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type FolderLock, lockFolder } from '../../../../src/gateway/journal/lock/folder-lock.ts'
import { answersLiveness } from '../../../../src/gateway/journal/lock/lock-socket.ts'
import { type FileOps, nodeFiles } from '../../../../src/std/files/files.ts'
import { processesIn } from '../../../../src/std/files/process-identity.ts'
import { faultyFiles } from '../../../fakes/files/faulty-files.ts'
import { noFiles } from '../../../fakes/files/not-files.ts'
import { bootId, procFolder } from '../../../fakes/files/proc.ts'
import { HUGE_BYTES, putZeros } from '../../../fakes/files/sparse-files.ts'

const files = nodeFiles
const holderOf = (dir: string) => JSON.parse(readFileSync(join(dir, 'lock'), 'utf8'))
/** Whether signs of life are there as well depends on how long the folder's path is. */
const locksIn = (dir: string) => readdirSync(dir).filter((name) => !name.endsWith('.sock'))
const lockText = (holder: object) => JSON.stringify({ pid: process.pid, startTicks: '1', bootId, ...holder })

t.test('one holder at a time', async (t) => {
  const dir = t.testdir()
  const lock = await lockFolder(dir, { files })
  const { pid, startTicks } = holderOf(dir)
  t.equal(pid, process.pid)
  t.match(startTicks, /^\d+$/)
  await t.rejects(lockFolder(dir, { files }), {
    code: 'journal_unavailable',
    message: `Journal folder ${dir} is in use by process ${process.pid}: end that, or choose another dataDir`,
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
    t.strictSame(locksIn(dir), ['lock'], `${rule}: nothing else is left`)
    await lock.release()
  }
})

t.test(
  'a lock that was taken over is ours, though what it took to get there cannot be tidied away',
  async (t) => {
    const dir = t.testdir({ lock: lockText({}) })
    const { files, fail } = faultyFiles()
    fail({ call: 'unlink', code: 'EIO', file: /^lock\.\d+-1$/ })
    const lock = await lockFolder(dir, { files })
    t.match(lock.predecessor, { pid: process.pid, startTicks: '1' })
    await lock.release()
    await (await lockFolder(dir, { files })).release()
  },
)

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
    t.strictSame(locksIn(dir), ['lock'])
  }
})

t.test('a taker that died halfway is succeeded itself', async (t) => {
  const text = lockText({})
  const dir = t.testdir({ lock: text, [`lock.${process.pid}-1`]: text, [`lock.${process.pid}-1.part`]: '' })
  await lockFolder(dir, { files })
  t.not(holderOf(dir).startTicks, '1')
  t.strictSame(locksIn(dir), ['lock'])
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
  t.strictSame(locksIn(dir), ['lock'])
})

t.test('a lock of our first versions is read as one of ours', async (t) => {
  for (const [rule, lock, alive] of [
    ['alive', { pid: process.pid, startTicks: '77', bootId: `${bootId}\n` }, true],
    ['dead', { pid: process.pid, startTicks: '78', bootId: `${bootId}\n` }, false],
    ['written without /proc', { pid: process.pid, startTicks: 'unknown', bootId: 'unknown' }, false],
  ] as const) {
    const here = t.testdir({
      proc: procFolder(t, 'pid:[1]', { [process.pid]: { startTicks: '77' } }),
      journal: { lock: JSON.stringify(lock) },
    })
    const taking = lockFolder(join(here, 'journal'), { files, processes: processesIn(join(here, 'proc')) })
    if (alive) await t.rejects(taking, { code: 'journal_unavailable' }, rule)
    else t.match((await taking).predecessor, { pid: process.pid }, rule)
  }
})

/** Short, unlike the folders of tests: a socket's path must be. */
function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'lock-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  return dir
}

t.test('containers that share a folder take turns', async (t) => {
  const dir = folder(t)
  const containers = t.testdir({
    a: procFolder(t, 'pid:[1]', { [process.pid]: { startTicks: '100' } }),
    b: procFolder(t, 'pid:[2]', { [process.pid]: { startTicks: '200' } }),
  })
  const lockFrom = (container: string) =>
    lockFolder(dir, { files, processes: processesIn(join(containers, container)) })
  const lock = await lockFrom('a')
  await t.rejects(lockFrom('b'), {
    code: 'journal_unavailable',
    message: `Journal folder ${dir} is in use by process ${process.pid} of another container: end that, or choose another dataDir`,
  })
  t.strictSame(readdirSync(dir), ['lock', `lock.${process.pid}-100.sock`], 'who was refused leaves nothing')
  await lock.release()
  const next = await lockFrom('b')
  t.equal(next.predecessor, undefined)
  await next.release()
  t.strictSame(readdirSync(dir), [])
})

t.test('a container that was killed is succeeded at once', async (t) => {
  const dir = folder(t)
  const listen = 'require("node:net").createServer().listen(process.argv[1], () => console.log("listens"))'
  const killed = spawn(process.execPath, ['-e', listen, join(dir, 'lock.1-4711.sock')])
  await once(killed.stdout, 'data')
  const holder = { pid: 1, startTicks: '4711', bootId, pidNamespace: 'pid:[1]' }
  writeFileSync(join(dir, 'lock'), JSON.stringify(holder))
  await t.rejects(lockFolder(dir, { files }), { code: 'journal_unavailable' }, 'not while it lives')
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  const lock = await lockFolder(dir, { files })
  t.strictSame(lock.predecessor, holder)
  t.notOk(readdirSync(dir).includes('lock.1-4711.sock'), 'its sign is removed')
  await lock.release()
  t.strictSame(readdirSync(dir), [])
})

t.test('who cannot show that it lives takes no lock, which the next one would take from it', async (t) => {
  const dir = folder(t)
  for (const [code, rejection] of [
    [
      'EMFILE',
      {
        code: 'journal_unavailable',
        message: /lives, cannot be opened: .* \(EMFILE\): raise LimitNOFILE \(ulimit -n\)$/,
      },
    ],
    [
      'EACCES',
      {
        code: 'journal_unavailable',
        message: /lives, cannot be opened: this user may not read or write there \(EACCES\): /,
      },
    ],
    ['ENOSPC', { code: 'ENOSPC' }],
  ] as const)
    await t.test(code, async (t) => {
      t.intercept(Server.prototype, 'listen', {
        value(this: Server) {
          process.nextTick(() => this.emit('error', Object.assign(new Error('listen'), { code })))
          return this
        },
      })
      await t.rejects(lockFolder(dir, { files }), rejection)
    })
  t.strictSame(readdirSync(dir), [])
  await (await lockFolder(dir, { files })).release()
})

t.test(
  'a socket of its name, left before the last boot, keeps nobody from showing that it lives',
  async (t) => {
    const dir = folder(t)
    const proc = t.testdir(procFolder(t, 'pid:[1]', { [process.pid]: { startTicks: '100' } }))
    const sign = `lock.${process.pid}-100.sock`
    const listen = 'require("node:net").createServer().listen(process.argv[1], () => console.log("listens"))'
    const killed = spawn(process.execPath, ['-e', listen, join(dir, sign)])
    await once(killed.stdout, 'data')
    await t.rejects(
      lockFolder(dir, { files, processes: processesIn(proc) }),
      { code: 'journal_unavailable' },
      'it lives',
    )
    killed.kill('SIGKILL')
    await once(killed, 'exit')
    writeFileSync(join(dir, 'lock'), lockText({ startTicks: '100', bootId: 'earlier' }))
    const lock = await lockFolder(dir, { files, processes: processesIn(proc) })
    t.match(lock.predecessor, { bootId: 'earlier' })
    t.strictSame(readdirSync(dir), ['lock', sign])
    t.equal(await answersLiveness(join(dir, sign)), true, 'it is ours now')
    await lock.release()
    t.strictSame(readdirSync(dir), [])
  },
)

t.test('a process out of sight that shows no life holds nothing', async (t) => {
  const dir = t.testdir({ lock: lockText({ pidNamespace: 'pid:[1]' }) })
  const lock = await lockFolder(dir, { files })
  t.match(lock.predecessor, { pidNamespace: 'pid:[1]' })
  await lock.release()
})

t.test('a disk that refuses the lock is no holder', async (t) => {
  const { files, fail } = faultyFiles()
  fail({ call: 'link', code: 'EROFS' })
  await t.rejects(lockFolder(t.testdir(), { files }), { code: 'EROFS' })
})

t.test('a lock that cannot be read is not free', async (t) => {
  const dir = t.testdir()
  const lock = await lockFolder(dir, { files })
  for (const code of ['EIO', 'EACCES', 'EMFILE']) {
    const second = faultyFiles()
    second.fail({ call: 'readFile', code, file: /^lock$/ })
    await t.rejects(lockFolder(dir, second), {
      code: 'journal_unavailable',
      message: `The lock ${join(dir, 'lock')} cannot be read: ${code}`,
    })
  }
  t.equal(holderOf(dir).pid, process.pid)
  await lock.release()
})

for (const [what, bytes] of Object.entries(HUGE_BYTES)) {
  t.test(`${what} in the place of a lock name no holder, and are taken over`, async (t) => {
    const dir = t.testdir()
    putZeros(join(dir, 'lock'), bytes)
    const lock = await lockFolder(dir, { files })
    t.equal(lock.predecessor, undefined)
    t.equal(holderOf(dir).pid, process.pid)
    await lock.release()
    t.strictSame(locksIn(dir), [])
  })
}

t.test('nor is one that cannot be read when it is looked at again', async (t) => {
  const dir = t.testdir({ lock: lockText({}) })
  const second = faultyFiles()
  second.fail({ call: 'readFile', code: 'EIO', file: /^lock$/, after: 1 })
  await t.rejects(lockFolder(dir, second), { code: 'journal_unavailable' })
  t.equal(holderOf(dir).startTicks, '1')
  t.strictSame(locksIn(dir), ['lock'])
})

t.test('what was released while it was looked at is free', async (t) => {
  const dir = t.testdir({ lock: lockText({}) })
  const second = faultyFiles()
  second.fail({ call: 'readFile', code: 'ENOENT', file: /^lock$/, times: 2 })
  const lock = await lockFolder(dir, second)
  t.not(holderOf(dir).startTicks, '1', 'it is ours now')
  await lock.release()
})

t.test('what was released before it was looked at is free', async (t) => {
  const dir = t.testdir()
  const second = faultyFiles()
  second.fail({ call: 'link', code: 'EEXIST' })
  const lock = await lockFolder(dir, second)
  t.equal(holderOf(dir).pid, process.pid)
  await lock.release()
  t.strictSame(locksIn(dir), [])
})

for (const [what, put] of Object.entries(noFiles)) {
  t.test(`${what} in the place of the lock is nobody's`, async (t) => {
    const dir = t.testdir()
    await put(join(dir, 'lock'))
    const told: unknown[] = []
    const metrics = { movedAside: (to: string, why: unknown) => told.push([to, why]) }
    const lock = await lockFolder(dir, { files, metrics })
    t.equal(holderOf(dir).pid, process.pid)
    t.match(told, [[join(dir, 'quarantine', 'lock'), { message: /lock is .* and no file/ }]])
    await t.rejects(lockFolder(dir, { files }), { code: 'journal_unavailable' }, 'ours now')
    await lock.release()
  })
}

t.test('without anybody to tell, what is no file makes way as well', async (t) => {
  const dir = t.testdir({ lock: { notes: '' } })
  await (await lockFolder(dir, { files })).release()
  t.strictSame(readdirSync(join(dir, 'quarantine', 'lock')), ['notes'])
})

/** The files of the second taker; `happens` once, before or after its n-th such call of the lock. */
function during(
  call: 'readFile' | 'rename',
  when: 'before' | 'after',
  nth: number,
  happens: () => Promise<void>,
) {
  const own = filesOf(2)
  let calls = 0
  const around = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
    if (!path.endsWith('/lock') || ++calls !== nth) return work()
    if (when === 'before') await happens()
    return work().finally(() => (when === 'after' ? happens() : undefined))
  }
  return call === 'readFile'
    ? {
        ...own,
        readFile: (path: string, maxBytes: number) => around(path, () => own.readFile(path, maxBytes)),
      }
    : { ...own, rename: (from: string, to: string) => around(from, () => own.rename(from, to)) }
}

for (const [when, files] of [
  ['it was seen', (happens: () => Promise<void>) => during('readFile', 'after', 1, happens)],
  ['it is looked at again', (happens: () => Promise<void>) => during('readFile', 'before', 2, happens)],
  ['it was looked at again', (happens: () => Promise<void>) => during('readFile', 'after', 2, happens)],
  ['it is moved', (happens: () => Promise<void>) => during('rename', 'before', 1, happens)],
] as const) {
  t.test(
    `two that clear the place of the lock: one has it, though the other comes when ${when}`,
    async (t) => {
      const dir = t.testdir({ lock: { notes: '' } })
      const first = () => lockFolder(dir, { files: filesOf(1) })
      let locks: PromiseSettledResult<FolderLock>[] = []
      const second = lockFolder(dir, {
        files: files(async () => {
          locks = await Promise.allSettled([first()])
        }),
      })
      locks = (await Promise.allSettled([second])).concat(locks)
      t.strictSame(locks.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
      for (const each of locks)
        if (each.status === 'rejected') t.match(each.reason, { code: 'journal_unavailable' })
      t.equal(holderOf(dir).pid, process.pid)
      t.strictSame(readdirSync(join(dir, 'quarantine')), ['lock'], 'no lock was moved there')
      t.strictSame(readdirSync(join(dir, 'quarantine', 'lock')), ['notes'])
      t.strictSame(locksIn(dir), ['lock', 'quarantine'])
    },
  )
}

t.test('a place that was left is for whoever is first there, and nothing is renamed to it', async (t) => {
  const dir = t.testdir({ lock: lockText({}) })
  const own = filesOf(2)
  let first: Promise<unknown> | undefined
  const second: FileOps = {
    ...own,
    async readFile(path, maxBytes) {
      if (first === undefined) rmSync(path, { force: true })
      return own.readFile(path, maxBytes)
    },
    async rename(from, to) {
      first = lockFolder(dir, { files: filesOf(1) })
      await first
      return own.rename(from, to)
    },
  }
  const lock = await lockFolder(dir, { files: second })
  t.equal(first, undefined)
  await lock.release()
})

t.test('what went while its successor made ready is free', async (t) => {
  for (const [what, folder] of [
    ['the lock of a dead holder', { lock: lockText({}) }],
    ['a folder', { lock: { notes: '' } }],
  ] as const) {
    const dir = t.testdir(folder)
    const gone = async () => rmSync(join(dir, 'lock'), { recursive: true })
    const lock = await lockFolder(dir, { files: during('readFile', 'before', 2, gone) })
    t.equal(lock.predecessor, undefined, what)
    t.not(holderOf(dir).startTicks, '1')
    t.strictSame(locksIn(dir), ['lock'])
    await lock.release()
  }
})
