import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  MAX_CHECKPOINT_BYTES,
  readCheckpoint,
  writeCheckpoint,
} from '../../../../src/gateway/journal/disk/checkpoint.ts'
import { nodeFiles } from '../../../../src/std/files/files.ts'
import { faultyFiles } from '../../../fakes/files/faulty-files.ts'
import { noFiles } from '../../../fakes/files/not-files.ts'
import { HUGE_BYTES, putZeros } from '../../../fakes/files/sparse-files.ts'

t.test('the last checkpoint is the one that is read', async (t) => {
  const dir = t.testdir()
  t.equal(await readCheckpoint(nodeFiles, dir), 0, 'none yet')
  await writeCheckpoint(nodeFiles, dir, 5)
  await writeCheckpoint(nodeFiles, dir, 2 ** 40)
  t.equal(await readCheckpoint(nodeFiles, dir), 2 ** 40)
})

t.test('a checkpoint that makes no sense is none, and goes', async (t) => {
  for (const text of [
    '',
    '{',
    'null',
    '{"version":2,"sequence":5}',
    '{"version":1,"sequence":-5}',
    '{"version":1}',
    '{"version":1,"sequence":1e300}',
  ]) {
    const dir = t.testdir({ checkpoint: text })
    t.equal(await readCheckpoint(nodeFiles, dir), 0, text)
    t.notOk(existsSync(join(dir, 'checkpoint')), 'and is removed')
  }
})

t.test('one that was never finished is removed', async (t) => {
  const dir = t.testdir()
  await writeCheckpoint(nodeFiles, dir, 5)
  writeFileSync(join(dir, 'checkpoint.part'), '{"version":1,"sequence":6}')
  t.equal(await readCheckpoint(nodeFiles, dir), 5)
  t.notOk(existsSync(join(dir, 'checkpoint.part')))
})

t.test('one that cannot be read goes as well, and where it stays there is no answer', async (t) => {
  const dir = t.testdir()
  const { files, fail } = faultyFiles()
  await writeCheckpoint(files, dir, 5)
  fail({ call: 'readFile', code: 'EIO' }, { call: 'unlink', code: 'EROFS', file: /^checkpoint$/ })
  await t.rejects(readCheckpoint(files, dir), { code: 'EROFS' })
  t.equal(await readCheckpoint(files, dir), 5, 'it could be read again')
  fail({ call: 'readFile', code: 'EIO' })
  t.equal(await readCheckpoint(files, dir), 0)
  t.equal(await readCheckpoint(files, dir), 0, 'it does not come back')
})

t.test('one of which nobody says that it is lost stays, and there is no answer', async (t) => {
  const dir = t.testdir()
  const { files, fail } = faultyFiles()
  await writeCheckpoint(files, dir, 5)
  for (const code of [
    'EMFILE',
    'ENFILE',
    'ENOMEM',
    'EACCES',
    'EPERM',
    'EBUSY',
    'ESTALE',
    'ENODEV',
    'ENOKEY',
  ]) {
    fail({ call: 'readFile', code })
    await t.rejects(readCheckpoint(files, dir), { code })
    t.equal(await readCheckpoint(files, dir), 5)
  }
})

for (const [what, put] of Object.entries(noFiles)) {
  t.test(`${what} in its place is set aside, and told of`, async (t) => {
    const dir = t.testdir()
    await put(join(dir, 'checkpoint'))
    const told: unknown[] = []
    t.equal(await readCheckpoint(nodeFiles, dir, { movedAside: (to, why) => told.push([to, why]) }), 0)
    t.match(told, [[join(dir, 'quarantine', 'checkpoint'), { message: /checkpoint is .* and no file/ }]])
    await writeCheckpoint(nodeFiles, dir, 7)
    t.equal(await readCheckpoint(nodeFiles, dir), 7)
  })
}

for (const [what, bytes] of Object.entries({ ...HUGE_BYTES, 'one byte more': MAX_CHECKPOINT_BYTES + 1 })) {
  t.test(`too large, ${what}: it is set aside, and told of`, async (t) => {
    const dir = t.testdir()
    putZeros(join(dir, 'checkpoint'), bytes)
    const told: unknown[] = []
    t.equal(await readCheckpoint(nodeFiles, dir, { movedAside: (to, why) => told.push([to, why]) }), 0)
    t.match(told, [[join(dir, 'quarantine', 'checkpoint'), { message: /checkpoint is too large/ }]])
    await writeCheckpoint(nodeFiles, dir, 7)
    t.equal(await readCheckpoint(nodeFiles, dir), 7)
  })
}

t.test('without anybody to tell it is set aside as well', async (t) => {
  const dir = t.testdir({ checkpoint: { notes: '' } })
  t.equal(await readCheckpoint(nodeFiles, dir), 0)
  t.strictSame(readdirSync(dir), ['quarantine'])
  t.strictSame(readdirSync(join(dir, 'quarantine', 'checkpoint')), ['notes'])
})
