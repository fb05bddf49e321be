import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readCheckpoint, writeCheckpoint } from '../../../src/gateway/deliver/checkpoint.ts'
import { nodeFiles } from '../../../src/std/files.ts'

t.test('the last checkpoint is the one that is read', async (t) => {
  const dir = t.testdir()
  t.equal(await readCheckpoint(nodeFiles, dir), 0, 'none yet')
  await writeCheckpoint(nodeFiles, dir, 5)
  await writeCheckpoint(nodeFiles, dir, 2 ** 40)
  t.equal(await readCheckpoint(nodeFiles, dir), 2 ** 40)
})

t.test('a checkpoint that makes no sense is none', async (t) => {
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
  }
})

t.test('one that was never finished is removed', async (t) => {
  const dir = t.testdir()
  await writeCheckpoint(nodeFiles, dir, 5)
  writeFileSync(join(dir, 'checkpoint.part'), '{"version":1,"sequence":6}')
  t.equal(await readCheckpoint(nodeFiles, dir), 5)
  t.notOk(existsSync(join(dir, 'checkpoint.part')))
})
