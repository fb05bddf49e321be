import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { fsLake, sweepUnfinished } from '../../src/lake/fs.ts'
import { MISNAMED } from '../../src/lake/layout.ts'
import { skippedObjects } from '../../src/lake/passed-over.ts'
import { type FileOps, nodeFiles } from '../../src/std/files/files.ts'
import { createTelemetry } from '../../src/std/telemetry.ts'
import { lakeContract } from '../contracts/lake.ts'
import { faultyFiles } from '../fakes/files/faulty-files.ts'
import { noFiles } from '../fakes/files/not-files.ts'

const body = Buffer.from('rows')

lakeContract(t, 'fs', async (t) => fsLake(join(t.testdir(), 'lake')))

t.test('small objects are read in one go, by key', async (t) => {
  const root = join(t.testdir(), 'lake')
  t.equal(fsLake(root).getSmall, undefined, 'only where something reads them')
  const readSmallFiles = async (paths: readonly string[]) =>
    new Map(paths.filter((path) => existsSync(path)).map((path) => [path, readFileSync(path)]))
  const lake = fsLake(root, { readSmallFiles })
  await lake.put('index/a.json', body)
  t.same(await lake.getSmall?.(['index/a.json', 'index/b.json']), new Map([['index/a.json', body]]))
})

t.test('an object is synced before it gets its name, and its folder after', async (t) => {
  const root = t.testdir()
  const { files, calls } = faultyFiles()
  const lake = fsLake(root, { files })
  mkdirSync(join(root, 'raw'))
  for (const [ifAbsent, naming] of [
    [false, 'rename x'],
    [true, 'link x'],
  ] as const) {
    calls.splice(0)
    await lake.put('raw/x', body, { ifAbsent })
    if (!ifAbsent) await lake.remove(['raw/x'])
    const order = calls.map((call) => call.replace(/x\.\S+\.part/, 'part'))
    const steps = ['write part', 'sync part', naming, 'sync raw'].map((step) => order.indexOf(step))
    t.strictSame(
      steps,
      [...steps].sort((a, b) => a - b),
      naming,
    )
    t.notOk(steps.includes(-1), 'each step was taken')
  }
  t.strictSame(readdirSync(join(root, 'raw')), ['x'], 'nothing unfinished is left')
})

t.test('a copy that keeps the times of its original came to lie here when it was made', async (t) => {
  const root = t.testdir()
  const lake = fsLake(root)
  await lake.put('raw/x', body)
  const [before] = await lake.list('raw/')
  utimesSync(join(root, 'raw/x'), 1_000, 1_000)
  const [after] = await lake.list('raw/')
  t.equal(after?.modifiedMs, 1_000_000)
  t.ok(Number(after?.storedMs) >= Number(before?.storedMs))
})

t.test('only the owner may read the lake', async (t) => {
  const root = join(t.testdir({ local: 'rows' }), 'lake')
  const lake = fsLake(root)
  await lake.put('raw/x', body)
  await lake.putFile('raw/y', join(root, '../local'))
  t.equal(statSync(join(root, 'raw')).mode & 0o777, 0o700)
  t.equal(statSync(join(root, 'raw/x')).mode & 0o777, 0o600)
  t.equal(statSync(join(root, 'raw/y')).mode & 0o777, 0o600)
})

t.test('a file from another device is copied, synced, renamed and removed', async (t) => {
  const dir = t.testdir({ local: 'rows' })
  const { files, calls, fail } = faultyFiles()
  fail({ call: 'rename', code: 'EXDEV' })
  await fsLake(join(dir, 'lake'), { files }).putFile('raw/x', join(dir, 'local'))
  t.equal(readFileSync(join(dir, 'lake/raw/x'), 'utf8'), 'rows')
  t.strictSame(readdirSync(dir), ['lake'])
  const order = calls.map((call) => call.replace(/x\.\S+\.part/, 'part'))
  t.ok(order.indexOf('sync part') < order.indexOf('rename x'))
  t.ok(order.indexOf('rename x') < order.indexOf('unlink local'))
})

t.test('a copy from another device that fails leaves nothing behind', async (t) => {
  for (const [call, after] of [
    ['sync', 1],
    ['rename', 0],
  ] as const) {
    const dir = t.testdir({ local: 'rows' })
    const { files, fail } = faultyFiles()
    fail({ call: 'rename', code: 'EXDEV' }, { call, code: 'ENOSPC', after })
    await t.rejects(fsLake(join(dir, 'lake'), { files }).putFile('raw/x', join(dir, 'local')), {
      message: 'Lake putFile raw/x failed: the disk is full (ENOSPC): free some of it',
    })
    t.strictSame(readdirSync(join(dir, 'lake/raw')), [], call)
    t.equal(readFileSync(join(dir, 'local'), 'utf8'), 'rows')
  }
})

t.test('unfinished objects, and what is named like no key, are neither listed nor addressed', async (t) => {
  const root = t.testdir({
    raw: { 'x.ndjson.part': 'half', 'y.ndjson': 'whole', 'a copy.ndjson': 'foreign' },
  })
  const lake = fsLake(root)
  t.strictSame(
    (await lake.list('raw/')).map(({ key }) => key),
    ['raw/y.ndjson'],
  )
  await t.rejects(lake.get('raw/x.ndjson.part'), { code: 'lake_failed' })
  await t.rejects(lake.put('raw/z.part', body), { code: 'lake_failed' })
})

t.test('a failure names the operation, the key and the errno, and leaves nothing', async (t) => {
  for (const [call, operation] of [
    ['sync', 'put'],
    ['rename', 'put'],
    ['link', 'put'],
    ['readFile', 'get'],
    ['unlink', 'remove'],
    ['rename', 'putFile'],
  ] as const) {
    const dir = t.testdir({ local: 'rows' })
    const { files, fail, heal } = faultyFiles()
    const lake = fsLake(join(dir, 'lake'), { files })
    await lake.put('raw/there', body)
    fail({ call, code: 'EIO' })
    const work: () => Promise<unknown> = {
      put: () => lake.put('raw/x', body, { ifAbsent: call === 'link' }),
      putFile: () => lake.putFile('raw/x', join(dir, 'local')),
      get: () => lake.get('raw/x'),
      remove: () => lake.remove(['raw/x']),
    }[operation]
    const why = 'the disk, or what is behind it, has failed (EIO): look into the log of the kernel'
    await t.rejects(work(), { code: 'lake_failed', message: `Lake ${operation} raw/x failed: ${why}` }, call)
    heal()
    t.strictSame(
      (await lake.list('')).map(({ key }) => key),
      ['raw/there'],
    )
    t.strictSame(readdirSync(join(dir, 'lake/raw')), ['there'], `${call}: nothing unfinished`)
  }
})

t.test('a failed listing is an error, not an empty lake', async (t) => {
  const root = t.testdir({ file: '' })
  await t.rejects(fsLake(join(root, 'x'.repeat(300))).list(''), {
    code: 'lake_failed',
    message: /list failed: ENAMETOOLONG/,
  })
})

t.test('what dead writers left is swept, what may be under way is not', async (t) => {
  const root = t.testdir({
    raw: {
      ...{ 'old.ndjson.part': 'half', 'new.ndjson.part': 'half', 'old.ndjson': 'whole' },
      ...{ 'ahead.ndjson.part': 'half', 'far.ndjson.part': 'half' },
    },
  })
  const nowMs = Date.parse('2026-11-22T12:00:00Z')
  const clock = { nowMs: () => nowMs, monotonicMs: () => 0 }
  const seconds = nowMs / 1_000
  utimesSync(join(root, 'raw/old.ndjson.part'), seconds - 3_600, seconds - 3_600)
  utimesSync(join(root, 'raw/new.ndjson.part'), seconds - 3_599, seconds - 3_599)
  utimesSync(join(root, 'raw/old.ndjson'), 0, 0)
  // Of a host whose clock is ahead a little, and of a clock that was ahead: that one would stay until then.
  utimesSync(join(root, 'raw/ahead.ndjson.part'), seconds + 3_600, seconds + 3_600)
  utimesSync(join(root, 'raw/far.ndjson.part'), seconds + 3_601, seconds + 3_601)
  t.equal(await sweepUnfinished(root, clock), 2)
  const left = ['ahead.ndjson.part', 'new.ndjson.part', 'old.ndjson']
  t.strictSame(readdirSync(join(root, 'raw')).sort(), left)
  t.equal(await sweepUnfinished(join(root, 'absent'), clock), 0)
})

t.test('objects that go while the lake is listed are left out', async (t) => {
  const root = t.testdir()
  const lake = fsLake(root)
  for (let n = 0; n < 50; n += 1) writeFileSync(join(root, `k${n}`), '')
  const [listed] = await Promise.all([
    lake.list(''),
    lake.remove(Array.from({ length: 50 }, (_, n) => `k${n}`)),
  ])
  t.ok(listed.length <= 50)
  t.strictSame(await lake.list(''), [])
})

t.test(
  'what others put under a name that is never read is named once, and everything else is read',
  async (t) => {
    const hour = {
      'a.c000.snappy.parquet': 'a',
      'b.json': 'b',
      'c d.ndjson': 'c',
      _SUCCESS: '',
      'e.ndjson.x.part': '',
    }
    const root = t.testdir({ raw: { bi: { 'dt=2026-11-22': { 'hr=05': hour } } }, index: { 'x.txt': '' } })
    const told: string[] = []
    const lake = fsLake(root, { passOver: (key, why) => told.push(`${key}: ${why}`) })
    const place = 'raw/bi/dt=2026-11-22/hr=05'
    const listed = (await lake.list('')).map(({ key }) => key)
    t.same(listed, ['index/x.txt', `${place}/_SUCCESS`, `${place}/a.c000.snappy.parquet`, `${place}/b.json`])
    t.match(told.sort(), [
      /^raw\/bi\/dt=2026-11-22\/hr=05\/b\.json: it is not called <source>\/dt=/,
      /^raw\/bi\/dt=2026-11-22\/hr=05\/c d\.ndjson: it is not called <source>\/dt=/,
    ])
  },
)

t.test('what is no file that can be read is passed over, and named', async (t) => {
  const root = t.testdir({ raw: { 'b.ndjson': 'b', 'c.ndjson': {}, shut: { 'd.ndjson': 'd' } }, index: {} })
  const at = (name: string) => join(root, 'raw', name)
  execFileSync('mkfifo', [at('pipe.ndjson')])
  symlinkSync('/dev/zero', at('device.ndjson'))
  symlinkSync(at('shut'), at('folder.ndjson'))
  symlinkSync(at('nowhere'), at('dangling.ndjson'))
  symlinkSync(at('circle.ndjson'), at('circle.ndjson'))
  // Its own path has to be short; where it is moved to may be anywhere.
  const short = mkdtempSync(join(tmpdir(), 'lake-'))
  const socket = createServer().listen(join(short, 's'))
  await once(socket, 'listening')
  renameSync(join(short, 's'), at('socket.ndjson'))
  t.teardown(() => {
    socket.close()
    rmSync(short, { recursive: true })
  })

  const lines: string[] = []
  const { log } = createTelemetry('info', { write: (line) => lines.push(line) })
  const { passOver, takeMet } = skippedObjects({ log })
  let shut = /raw\/shut$/
  const lake = fsLake(root, {
    passOver,
    files: {
      ...nodeFiles,
      async readFolder(path) {
        if (shut.test(path)) throw Object.assign(new Error('no'), { code: 'EACCES' })
        return nodeFiles.readFolder(path)
      },
    },
  })
  const listed = async () => (await lake.list('raw/')).map(({ key }) => key)
  t.same(await listed(), ['raw/b.ndjson'])
  t.same(await listed(), ['raw/b.ndjson'])
  t.same(
    lines
      .map((line) => JSON.parse(line))
      .map(({ key, why }) => `${key}: ${why}`)
      .sort(),
    [
      `raw/b.ndjson: ${MISNAMED}`,
      'raw/c.ndjson: a folder',
      'raw/circle.ndjson: its links lead in a circle',
      'raw/dangling.ndjson: a link to nothing that can be read',
      'raw/device.ndjson: a device',
      'raw/folder.ndjson: a link to a folder',
      'raw/pipe.ndjson: a pipe',
      'raw/shut/: this user may not read it',
      'raw/socket.ndjson: a socket',
    ],
    'once',
  )
  t.equal(takeMet().length, 9)
  shut = /index$/
  await t.rejects(lake.list('index/'), { code: 'lake_failed' }, 'of what is ours nothing may be missing')
})

t.test('what is removed after its folder was read is not listed, whoever wrote it', async (t) => {
  const root = t.testdir({ raw: { 'a.ndjson': 'a' }, index: { 'a.json': '{}' } })
  const lake = fsLake(root, {
    passOver: (key) => t.fail(`${key} was passed over`),
    files: {
      ...nodeFiles,
      async readFolder(path) {
        const entries = await nodeFiles.readFolder(path)
        for (const entry of entries) if (entry.isFile()) rmSync(join(path, entry.name))
        return entries
      },
    },
  })
  t.same(await lake.list('raw/'), [])
  t.same(await lake.list('index/'), [])
})

t.test('a folder full of pipes fills no memory and no log', async (t) => {
  let lines = 0
  const { log } = createTelemetry('info', { write: () => (lines += 1) })
  const { passOver, takeMet } = skippedObjects({ log })
  for (let i = 0; i < 1_100; i += 1) passOver(`raw/${i}`, 'a pipe')
  t.equal(lines, 1_000)
  t.equal(takeMet().length, 1_000)
  passOver('raw/7', 'a pipe')
  t.same(
    takeMet(),
    [{ key: 'raw/7', why: 'a pipe' }],
    'what is met again is told again, by the next look alone',
  )
  t.same([takeMet(), lines], [[], 1_000])
})

t.test('a listing leaves the disk to others, however many objects there are', async (t) => {
  const root = t.testdir({})
  for (let hour = 10; hour < 20; hour++) {
    const folder = join(root, `raw/gateway/dt=2026-11-22/hr=${hour}`)
    mkdirSync(folder, { recursive: true })
    for (let i = 0; i < 50; i++) writeFileSync(join(folder, `${i}.ndjson`), '')
  }
  const atOnce = () => process.getActiveResourcesInfo().filter((what) => what === 'FSReqPromise').length
  let most = 0
  let isDone = false
  const listing = fsLake(root)
    .list('raw/')
    .finally(() => {
      isDone = true
    })
  while (!isDone) {
    most = Math.max(most, atOnce())
    await new Promise(setImmediate)
  }
  t.equal((await listing).length, 500)
  t.ok(most > 0 && most <= 3, `${most} calls at a time`)
})

t.test('so does a look at what changed, however many partitions there are', async (t) => {
  const root = t.testdir({})
  for (let hour = 10; hour < 20; hour++)
    mkdirSync(join(root, `index/dt=2026-11-22/hr=${hour}`), { recursive: true })
  let [underWay, most] = [0, 0]
  const files: FileOps = {
    ...nodeFiles,
    async stat(path) {
      underWay += 1
      most = Math.max(most, underWay)
      const found = await nodeFiles.stat(path)
      underWay -= 1
      return found
    },
  }
  t.equal((await fsLake(root, { files }).changes?.('index/'))?.size, 10)
  t.equal(most, 3)
})

for (const [what, put] of Object.entries(noFiles)) {
  t.test(`${what} in the place of an object of ours is there, is none, and gives way to one`, async (t) => {
    const root = t.testdir({ local: 'moved', index: { 'whole.json': 'whole' }, dead: {} })
    const told: string[] = []
    const lake = fsLake(root, { passOver: (key) => told.push(key) })
    const keys = ['dead/put.ndjson', 'index/first.json', 'dead/moved.parquet']
    for (const key of keys) await put(join(root, key))
    t.same(
      (await lake.list(''))
        .filter(({ key }) => !key.startsWith('local'))
        .map(({ key, bytes }) => [key, bytes]),
      [...keys.map((key) => [key, 0]), ['index/whole.json', 5]].sort(),
      'whoever looks finds that something is there',
    )
    for (const key of keys) {
      const message = new RegExp(`^Lake get ${key} failed: /.* and no file: look at what it is`)
      await t.rejects(lake.get(key), { code: 'lake_failed', message })
      t.equal(await lake.open(key), undefined)
    }
    t.same(told, [], 'told by whoever looks for them')
    t.equal(await lake.put('dead/put.ndjson', body), 'stored')
    t.equal(await lake.put('index/first.json', body, { ifAbsent: true }), 'stored')
    t.equal(await lake.put('index/first.json', body, { ifAbsent: true }), 'exists')
    await lake.putFile('dead/moved.parquet', join(root, 'local'))
    t.same(await Promise.all(keys.map(async (key) => String(await lake.get(key)))), ['rows', 'rows', 'moved'])
    if (what !== 'a folder with files') return
    t.same(told, ['dead/put.ndjson', 'index/first.json', 'dead/moved.parquet'])
    for (const key of keys) t.same(readdirSync(join(root, 'aside', key)), ['notes.json'], 'nothing is lost')
  })
}

t.test('what races for a place that is no file is stored once', async (t) => {
  const root = t.testdir({ index: { 'x.json': { notes: '' } } })
  const lake = fsLake(root)
  const answers = await Promise.allSettled(
    ['a', 'b', 'c'].map((text) => lake.put('index/x.json', Buffer.from(text), { ifAbsent: true })),
  )
  const stored = answers.filter((each) => each.status === 'fulfilled' && each.value === 'stored')
  t.equal(stored.length, 1)
})

t.test('what two processes put in the place of what is no file is stored once, and stays', async (t) => {
  for (const call of ['mkdir', 'rename'] as const) {
    const root = t.testdir({ index: { 'x.json': { notes: '' } } })
    const path = join(root, 'index/x.json')
    const put = (lake: ReturnType<typeof fsLake>, text: string) =>
      lake.put('index/x.json', Buffer.from(text), { ifAbsent: true })
    let first: string | undefined
    const other = async () => {
      first = await put(fsLake(root), 'first')
    }
    // The second has seen the folder, and is about to move it.
    const files: FileOps = {
      ...nodeFiles,
      async mkdir(path, options) {
        if (call === 'mkdir' && path.includes('/aside/')) await other()
        return nodeFiles.mkdir(path, options)
      },
      async rename(from, to) {
        if (call === 'rename' && from === path) await other()
        return nodeFiles.rename(from, to)
      },
    }
    const told: string[] = []
    t.equal(await put(fsLake(root, { files, passOver: (key) => told.push(key) }), 'second'), 'exists', call)
    t.equal(first, 'stored')
    t.equal(readFileSync(path, 'utf8'), 'first')
    t.same(readdirSync(join(root, 'index')), ['x.json'])
    t.same(readdirSync(join(root, 'aside/index')), ['x.json'])
    t.same(readdirSync(join(root, 'aside/index/x.json')), ['notes'])
    t.same(told, [], 'that was for the first to tell')
  }
})

t.test('what goes while its place is asked for is no failure', async (t) => {
  for (const [what, put] of [
    ['a folder', (path: string) => void mkdirSync(path)],
    ['an object', (path: string) => writeFileSync(path, '')],
  ] as const) {
    const root = t.testdir({ index: {} })
    const path = join(root, 'index/x.json')
    put(path)
    const link: FileOps['link'] = (from, to) =>
      nodeFiles.link(from, to).finally(() => rmSync(path, { recursive: true, force: true }))
    let links = 0
    const once: FileOps['link'] = (from, to) => (links++ === 0 ? link(from, to) : nodeFiles.link(from, to))
    const lake = fsLake(root, { files: { ...nodeFiles, link: once } })
    t.equal(await lake.put('index/x.json', body, { ifAbsent: true }), 'stored', what)
    t.equal(readFileSync(path, 'utf8'), 'rows')
  }
})
