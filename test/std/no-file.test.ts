import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { isUnreadable, nodeFiles, replaceFile } from '../../src/std/files.ts'
import { isNoFile, setAside } from '../../src/std/no-file.ts'
import { noFiles } from '../fakes/no-files.ts'

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
    const error = await nodeFiles.readFile(path).catch((error: unknown) => error)
    t.match(error, { message: WORDS[what], path })
    t.ok(isNoFile(error) && isUnreadable(error))
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

test('a folder where a file is begun gives way as well', async (t) => {
  const dir = t.testdir({ 'x.part': { y: '' } })
  await replaceFile(nodeFiles, join(dir, 'x'), Buffer.from('content'))
  t.same(readdirSync(dir).sort(), ['x', 'x.part.aside'])
})

test('what was set aside before keeps its name', async (t) => {
  const dir = t.testdir({ 'x.aside': { first: '' }, 'x.aside-2': { second: '' }, x: { third: '' } })
  t.equal(await setAside(nodeFiles, join(dir, 'x'), join(dir, 'x.aside')), join(dir, 'x.aside-3'))
  t.same(readdirSync(join(dir, 'x.aside-3')), ['third'])
  t.same(readdirSync(join(dir, 'x.aside')), ['first'])
})

test('a name that nothing can have is given up', async (t) => {
  const dir = t.testdir({ x: 'file', y: {} })
  let names = 0
  const taken = async () => {
    names += 1
    throw Object.assign(new Error('taken'), { code: 'ENOTEMPTY' })
  }
  await t.rejects(setAside({ rename: taken }, join(dir, 'x'), join(dir, 'y')), { code: 'ENOTEMPTY' })
  t.equal(names, 100)
  await t.rejects(setAside(nodeFiles, join(dir, 'gone'), join(dir, 'z')), { code: 'ENOENT' })
})

test('a file that cannot be read for another reason is not told to be none', async (t) => {
  const dir = t.testdir({ file: 'content' })
  await t.rejects(nodeFiles.readFile(join(dir, 'absent')), { code: 'ENOENT' })
  await t.rejects(nodeFiles.readFile(join(dir, 'file', 'x')), { code: 'ENOTDIR' })
  t.equal((await nodeFiles.readFile(join(dir, 'file'))).toString(), 'content')
  writeFileSync(join(dir, 'empty'), '')
  t.equal((await nodeFiles.readFile(join(dir, 'empty'))).length, 0)
  t.equal(statSync(join(dir, 'empty')).size, 0)
})
