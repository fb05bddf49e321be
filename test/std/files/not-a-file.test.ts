import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { blockingFiles } from '../../../src/std/files/blocking-files.ts'
import { isPermanentReadError, nodeFiles, replaceFile } from '../../../src/std/files/files.ts'
import {
  isNotRegularFile,
  kindOf,
  makeWay,
  openAtOnce,
  readRegular,
  setAside,
} from '../../../src/std/files/not-a-file.ts'
import { faultyFiles } from '../../fakes/files/faulty-files.ts'
import { noFiles } from '../../fakes/files/not-files.ts'

const MAX_BYTES = 100

const WORDS: Readonly<Record<string, RegExp>> = {
  'a folder': /^\/.*\/x is a folder and no file: look at what it is, and move it away$/,
  'a folder with files': /\/x is a folder and no file/,
  'a pipe': /\/x is a pipe and no file/,
  'a link to nothing': /\/x is a link to nothing that can be read and no file/,
  'links in a circle': /\/x is a link to nothing that can be read and no file/,
  'a link to a device': /\/x is a device and no file/,
  'a socket': /\/x is a socket and no file/,
}

for (const [what, put] of Object.entries(noFiles)) {
  test(`${what} is said to be no file, at once, and gives way to one`, async (t) => {
    const dir = t.testdir()
    const path = join(dir, 'x')
    await put(path)
    const error = await nodeFiles.readFile(path, MAX_BYTES).catch((error: unknown) => error)
    t.match(error, { message: WORDS[what], path })
    t.ok(isNotRegularFile(error) && isPermanentReadError(error))
    for (const flags of ['r', 'w'] as const) {
      // Whether it can be opened is its own affair; that somebody else has to come first would be ours.
      await nodeFiles.open(path, flags).then(
        (file) => file.close(),
        () => undefined,
      )
    }
    await replaceFile(nodeFiles, path, Buffer.from('content'))
    t.equal(readFileSync(path, 'utf8'), 'content')
    t.notOk(readdirSync(dir).includes('x.part'))
    if (what === 'a folder with files')
      t.same(readdirSync(join(dir, 'x.aside')), ['notes.json'], 'nothing of it is lost')
  })
}

test('a file that cannot be looked at now is not taken for nothing', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'x')
  // As for a file that is too many: what stat(2) answers is neither that it is there, nor that it is not.
  symlinkSync('y'.repeat(300), path)
  const absent = Object.assign(new Error('no such file'), { code: 'ENOENT' })
  await t.rejects(
    readRegular(path, MAX_BYTES, () => Promise.reject(absent)),
    { code: 'ENAMETOOLONG' },
  )
  t.ok(lstatSync(path).isSymbolicLink(), 'and keeps its place')
})

test('a folder where a file is begun gives way as well', async (t) => {
  const dir = t.testdir({ 'x.part': { y: '' } })
  await replaceFile(nodeFiles, join(dir, 'x'), Buffer.from('content'))
  t.same(readdirSync(dir).sort(), ['x', 'x.part.aside'])
})

test('what is written follows no link, be it new, to be changed or to be added to', async (t) => {
  const dir = t.testdir({ folder: {}, theirs: 'of another', ours: t.fixture('symlink', 'folder') })
  const link = join(dir, 'ours', 'x')
  symlinkSync(join(dir, 'theirs'), link)
  for (const files of [nodeFiles, blockingFiles])
    for (const flags of ['w', 'r+'] as const) await t.rejects(files.open(link, flags), { code: 'ELOOP' })
  await t.rejects(nodeFiles.appendFile(link, 'ours'), { code: 'ELOOP' })
  t.equal(String(await nodeFiles.readFile(link, MAX_BYTES)), 'of another', 'what is read may be one')
  for (const name of ['x', 'x.part']) {
    rmSync(link, { force: true })
    symlinkSync(join(dir, 'theirs'), join(dir, 'ours', name))
    await replaceFile(nodeFiles, link, Buffer.from('ours'))
    t.ok(lstatSync(link).isFile(), `${name}: and gives way to a file`)
    t.equal(readFileSync(link, 'utf8'), 'ours', 'in a folder that a link leads to')
  }
  t.equal(readFileSync(join(dir, 'theirs'), 'utf8'), 'of another')
})

test('what was set aside before keeps its name', async (t) => {
  const dir = t.testdir({ 'x.aside': { first: '' }, 'x.aside-2': { second: '' }, x: { third: '' } })
  t.equal(await setAside(nodeFiles, join(dir, 'x'), join(dir, 'x.aside')), join(dir, 'x.aside-3'))
  t.same(readdirSync(join(dir, 'x.aside-3')), ['third'])
  t.same(readdirSync(join(dir, 'x.aside')), ['first'])
})

const things: typeof noFiles = { ...noFiles, 'a file': (path) => writeFileSync(path, 'second') }
const kindAt = (path: string) => (lstatSync(path).isFile() ? 'a file' : kindOf(lstatSync(path)))

for (const [what, put] of Object.entries(things)) {
  test(`${what} that is set aside writes over nothing of its name`, async (t) => {
    const dir = t.testdir()
    const [path, aside] = [join(dir, 'x'), join(dir, 'x.aside')]
    const before = ['a file', 'a pipe', 'a link to nothing', 'a socket', 'a folder with files']
    for (const [number, each] of before.entries())
      await things[each]?.(number === 0 ? aside : `${aside}-${number + 1}`)
    writeFileSync(aside, 'first')
    const kinds = () => readdirSync(dir).map((name) => kindAt(join(dir, name)))
    const taken = kinds()
    await put(path)
    const kind = kindAt(path)
    t.equal(await setAside(nodeFiles, path, aside), `${aside}-6`)
    t.equal(kindAt(`${aside}-6`), kind)
    t.equal(readFileSync(aside, 'utf8'), 'first')
    t.same(kinds(), [...taken, kind], 'and nothing else is there')
  })
}

test('what finds none of a hundred names free, or no name that it may have, keeps its own', async (t) => {
  for (const [code, times] of [
    ['EEXIST', 100],
    ['EPERM', 1],
  ] as const) {
    const dir = t.testdir({ x: 'content' })
    const { files, fail } = faultyFiles()
    fail({ call: 'link', code, times })
    const name = await setAside(files, join(dir, 'x'), join(dir, 'y'))
    t.match(name, /\/y\.[0-9a-f-]{36}$/, code)
    t.equal(readFileSync(name, 'utf8'), 'content')
    t.same(readdirSync(dir).length, 1)
  }
  await t.rejects(setAside(nodeFiles, join(t.testdir(), 'gone'), join(t.testdir(), 'z')), { code: 'ENOENT' })
})

test('a file that another process has put in the place of what is none stays there', async (t) => {
  const dir = t.testdir({ x: 'of another' })
  t.equal(await makeWay(nodeFiles, join(dir, 'x'), join(dir, 'x.aside')), undefined)
  t.same(readdirSync(dir), ['x'])
  t.equal(readFileSync(join(dir, 'x'), 'utf8'), 'of another')
  t.equal(await makeWay(nodeFiles, join(dir, 'gone'), join(dir, 'gone.aside')), undefined, 'it was cleared')
})

test('and is kept aside where the next one has its place by then', async (t) => {
  const dir = t.testdir({ x: 'second' })
  const rename: typeof nodeFiles.rename = async (from, to) => {
    await nodeFiles.rename(from, to)
    writeFileSync(join(dir, 'x'), 'third')
  }
  const aside = join(dir, 'x.aside')
  t.equal(await makeWay({ ...nodeFiles, rename }, join(dir, 'x'), aside), aside)
  t.equal(readFileSync(join(dir, 'x'), 'utf8'), 'third')
  t.equal(readFileSync(aside, 'utf8'), 'second')
})

test('what may not be moved is in the way', async (t) => {
  const dir = t.testdir({ x: {} })
  const { files, fail } = faultyFiles()
  fail({ call: 'rename', code: 'EACCES' })
  await t.rejects(makeWay(files, join(dir, 'x'), join(dir, 'x.aside')), { code: 'EACCES' })
  t.same(readdirSync(dir), ['x'])
})

/** The same as `open`, and `then` happens right after it has failed. */
const openThen =
  (happens: (path: string) => void): typeof openAtOnce =>
  async (path, flags) => {
    try {
      return await openAtOnce(path, flags)
    } catch (error) {
      happens(path)
      throw error
    }
  }

test('a file that comes when nothing was found is not told to be none', async (t) => {
  for (const [where, name] of [
    ['in its place', 'x'],
    ['where a link leads', 'x.nowhere'],
  ] as const) {
    const dir = t.testdir()
    if (name !== 'x') await noFiles['a link to nothing']?.(join(dir, 'x'))
    const open = openThen(() => writeFileSync(join(dir, name), 'of another'))
    const error = await readRegular(join(dir, 'x'), MAX_BYTES, open).catch((error: unknown) => error)
    t.match(error, { code: 'ENOENT' }, where)
    t.ok(existsSync(join(dir, 'x')))
    t.notOk(isNotRegularFile(error))
  }
})

test('a file that comes when something else was found is read', async (t) => {
  const dir = t.testdir()
  await things['a socket']?.(join(dir, 'x'))
  const open = openThen((path) => {
    rmSync(path)
    writeFileSync(path, 'of another')
  })
  t.equal(String(await readRegular(join(dir, 'x'), MAX_BYTES, open)), 'of another')
})

test('a file that the disk opens like none is still a file', async (t) => {
  const dir = t.testdir({ x: 'content' })
  let opened = 0
  const open: typeof openAtOnce = async () => {
    opened += 1
    throw Object.assign(new Error('no'), { code: 'ENXIO' })
  }
  const error = await readRegular(join(dir, 'x'), MAX_BYTES, open).catch((error: unknown) => error)
  t.match(error, {
    code: 'EIO',
    path: join(dir, 'x'),
    message: /x is a file and cannot be opened \(ENXIO\)$/,
  })
  t.ok(isPermanentReadError(error) && !isNotRegularFile(error))
  t.equal(opened, 2)
})

test('a file that cannot be read for another reason is not told to be none', async (t) => {
  const dir = t.testdir({ file: 'content' })
  await t.rejects(nodeFiles.readFile(join(dir, 'absent'), MAX_BYTES), { code: 'ENOENT' })
  await t.rejects(nodeFiles.readFile(join(dir, 'file', 'x'), MAX_BYTES), { code: 'ENOTDIR' })
  t.equal((await nodeFiles.readFile(join(dir, 'file'), MAX_BYTES)).toString(), 'content')
  writeFileSync(join(dir, 'empty'), '')
  t.equal((await nodeFiles.readFile(join(dir, 'empty'), MAX_BYTES)).length, 0)
  t.equal(statSync(join(dir, 'empty')).size, 0)
})
