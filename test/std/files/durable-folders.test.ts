import { join } from 'node:path'
import t from 'tap'
import { durableFolders } from '../../../src/std/files/durable-folders.ts'
import { faultyFiles } from '../../fakes/files/faulty-files.ts'
import { PowerFiles } from '../../fakes/files/power-files.ts'

t.test(
  'the names of a folder and of all above it are synced once, and again when they were made',
  async (t) => {
    const { files, calls } = faultyFiles()
    const synced = () => calls.splice(0).filter((call) => call.startsWith('sync ')).length
    const dir = t.testdir({ a: {} })
    const above = join(dir, 'a').split('/').length - 1
    const keep = durableFolders(files)
    await keep(join(dir, 'a'))
    t.equal(synced(), above, 'up to the root')
    await keep(join(dir, 'a'))
    t.equal(synced(), 0)
    await keep(join(dir, 'a/b/c'))
    t.equal(synced(), 2)
    t.testdir({ a: {} })
    await keep(join(dir, 'a/b/c'))
    t.equal(synced(), 2, 'somebody has removed them')
  },
)

t.test('a folder above that is not ours to sync is passed over, one that fails is not', async (t) => {
  const { files, fail } = faultyFiles()
  const dir = t.testdir({ a: {} })
  for (const [code, isPassedOver] of [
    ['EACCES', true],
    ['EINVAL', true],
    ['EIO', false],
  ] as const) {
    fail({ call: 'open', code, after: 1 })
    const keeping = durableFolders(files)(join(dir, 'a'))
    await (isPassedOver ? t.resolves(keeping, code) : t.rejects(keeping, { code }))
  }
  fail({ call: 'open', code: 'EACCES' })
  await t.rejects(durableFolders(files)(join(dir, 'new')), { code: 'EACCES' }, 'of what was made now')
})

t.test('a power cut takes no folder that somebody else had made, and not synced', async (t) => {
  const disk = new PowerFiles()
  await disk.mount().mkdir('/data/journal', { recursive: true, mode: 0o700 })
  disk.kill([0])
  await durableFolders(disk.mount())('/data/journal')
  disk.cutPower([0])
  t.same(await disk.mount().readdir('/data'), ['journal'])
})
