import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { blockingFiles } from '../../../src/std/files/blocking-files.ts'
import { nodeFiles, readFully } from '../../../src/std/files/files.ts'

test('what is written is read, as other files are', async (t) => {
  const path = join(t.testdir(), 'file')
  const file = await blockingFiles.open(path, 'w', 0o640)
  t.equal(statSync(path).mode & 0o777, 0o640)
  t.same(await file.write(Buffer.from('contents'), 0, 8, 0), { bytesWritten: 8 })
  await file.truncate(7)
  await file.datasync()
  await file.sync()
  await file.chmod(0o600)
  await file.close()
  t.equal(statSync(path).mode & 0o777, 0o600)
  for (const files of [blockingFiles, nodeFiles]) {
    const again = await files.open(path, 'r')
    t.equal(String(await readFully(again, 3, 100)), 'tent')
    await again.close()
    t.same(await files.readdir(t.testdirName), ['file'])
  }
})

test('what goes wrong is a rejection, with the code of the system', async (t) => {
  const dir = t.testdir({ folder: {} })
  await t.rejects(blockingFiles.open(join(dir, 'none'), 'r'), { code: 'ENOENT' })
  await t.rejects(blockingFiles.readdir(join(dir, 'none')), { code: 'ENOENT' })
  await t.rejects(blockingFiles.open(join(dir, 'folder'), 'w'), { code: 'EISDIR' })
  const file = await blockingFiles.open(join(dir, 'file'), 'w')
  await t.rejects(file.read(Buffer.alloc(1), 0, 1, 0), { code: 'EBADF' }, 'it is open for writing')
  await file.close()
  await t.rejects(file.close(), { code: 'EBADF' })
})

test('nobody waits for the other end of a pipe', async (t) => {
  const path = join(t.testdir(), 'pipe')
  execFileSync('mkfifo', [path])
  const pipe = await blockingFiles.open(path, 'r')
  await t.rejects(pipe.read(Buffer.alloc(1), 0, 1, 0), { code: 'ESPIPE' })
  await pipe.close()
})
