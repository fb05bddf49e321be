import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import * as std from '../../../src/std/files/files.ts'
import { faultyFiles } from '../../fakes/files/faulty-files.ts'

const body = Buffer.from('content')

t.test('a replaced file is synced before it is renamed, and its folder after', async (t) => {
  const dir = t.testdir()
  const { files, calls } = faultyFiles()
  await std.replaceFile(files, join(dir, 'file'), body)
  t.strictSame(
    calls.filter((call) => !call.startsWith('open') && !call.startsWith('close')),
    ['write file.part', 'sync file.part', 'rename file', `sync ${dir.split('/').at(-1)}`],
  )
  t.equal(readFileSync(join(dir, 'file'), 'utf8'), 'content')
  t.equal(statSync(join(dir, 'file')).mode & 0o777, 0o600)
})

t.test('a replacement that fails leaves the old content and nothing else', async (t) => {
  const dir = t.testdir({ file: 'old' })
  const { files, fail } = faultyFiles()
  for (const call of ['sync', 'rename'] as const) {
    fail({ call, code: 'EIO' })
    await t.rejects(std.replaceFile(files, join(dir, 'file'), body), { code: 'EIO' })
    t.strictSame(readdirSync(dir), ['file'], call)
  }
  t.equal(readFileSync(join(dir, 'file'), 'utf8'), 'old')
})

t.test('folders are synced from the deepest new one up to the one that was there', async (t) => {
  const dir = t.testdir()
  const { files, calls } = faultyFiles()
  await std.makeFolder(files, join(dir, 'a/b/c'))
  const synced = calls.filter((call) => call.startsWith('sync'))
  t.strictSame(synced, ['sync b', 'sync a', `sync ${dir.split('/').at(-1)}`])
  t.equal(statSync(join(dir, 'a/b/c')).mode & 0o777, 0o700)

  await std.makeFolder(files, join(dir, 'a/b/c'))
  t.equal(calls.filter((call) => call.startsWith('sync')).length, 3, 'an existing one needs no sync')
})

t.test('a write goes on where a short one stopped', async (t) => {
  const path = join(t.testdir(), 'file')
  const { files, calls, writeAtMost } = faultyFiles()
  writeAtMost(3)
  await std.writeDurably(files, path, body)
  t.equal(calls.filter((call) => call === 'write file').length, 3)
  t.equal(readFileSync(path, 'utf8'), 'content')
})

t.test('a read ends where the file does', async (t) => {
  const path = join(t.testdir({ file: 'content' }), 'file')
  const file = await std.nodeFiles.open(path, 'r')
  t.equal((await std.readFully(file, 3, 100)).toString(), 'tent')
  t.equal((await std.readFully(file, 0, 3)).toString(), 'con')
  await file.close()
})

t.test('a folder is closed also when it cannot be synced', async (t) => {
  const dir = t.testdir()
  writeFileSync(join(dir, 'x'), '')
  const { files, calls, fail } = faultyFiles()
  fail({ call: 'sync', code: 'EIO' })
  await t.rejects(std.syncFolder(files, dir), { code: 'EIO' })
  t.equal(calls.filter((call) => call.startsWith('close')).length, 1)
})

t.test('what follows a failure may fail as well, and a mistake of ours may not', async (t) => {
  const { AppError } = await import('../../../src/std/errors.ts')
  await t.resolves(std.bestEffort(Promise.reject(new AppError('internal', 'said by us'))))
  await t.resolves(
    std.bestEffort(
      Promise.reject(Object.assign(new Error('gone'), { code: 'ENOENT', errno: -2, syscall: 'open' })),
    ),
  )
  await t.rejects(std.bestEffort(Promise.reject(new TypeError('a mistake'))), { name: 'TypeError' })
})

t.test('why a folder cannot be made is told as the system says it', async (t) => {
  const dir = t.testdir({ shut: {}, file: '' })
  for (const name of ['file/a/b', 'file/a', 'file']) {
    const path = join(dir, name)
    await t.rejects(
      std.makeFolder(std.nodeFiles, path),
      { code: 'ENOTDIR', path },
      'one mistake, however deep',
    )
  }
  await t.rejects(std.makeFolder(std.nodeFiles, ''), { code: 'ENOENT' })
  const mount = `mount -t tmpfs -o ro none ${dir}/shut`
  const program = `
    import { makeFolder, nodeFiles } from '${new URL('../../../src/std/files/files.ts', import.meta.url)}'
    await makeFolder(nodeFiles, '${dir}/shut/a/b').catch(({ code }) => console.log(code))`
  const script = `${mount} && ${process.execPath} --input-type=module-typescript -e "${program}"`
  const { status, stdout } = spawnSync('unshare', ['-rm', 'sh', '-c', script], { encoding: 'utf8' })
  if (status !== 0) return void t.comment('not looked at: this machine lets nobody mount anything')
  t.equal(stdout.trim(), 'EROFS')
})
