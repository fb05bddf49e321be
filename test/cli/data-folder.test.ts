import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { runCommand } from '../../src/cli/commands.ts'
import { ownDataFolder } from '../../src/cli/data-folder.ts'
import { fakeTerminal } from '../fakes/terminal.ts'

test('the data folder is made with its parents, for its owner alone, and nothing is left in it', async (t) => {
  const dir = t.testdir()
  const dataDir = join(dir, 'a', 'b', 'c')
  await ownDataFolder(dataDir)
  await ownDataFolder(dataDir)
  t.equal(statSync(dataDir).mode & 0o777, 0o700)
  t.same(readdirSync(dataDir), [])
})

test('a folder that cannot hold data is a fault in words, with its key, and ends at once', async (t) => {
  const dir = t.testdir({ file: 'x' })
  mkdirSync(join(dir, 'mine'))
  for (const [dataDir, why] of [
    [join(dir, 'file'), /is a file and not a folder \(E/],
    [join(dir, 'file', 'data'), /a part of its path, is a file and not a folder \(ENOTDIR\)/],
    ['/proc/headgate', /no folder can be made there \(ENOENT\)/],
    ['/proc/a/b/c', /no folder can be made there \(ENOENT\)/],
    ['/proc', /no folder can be made there \(ENOENT\)/],
    [join(dir, 'x'.repeat(300)), /its name is too long/],
  ] as const) {
    for (const command of ['serve', 'gateway', 'aggregation', 'aggregate']) {
      const terminal = fakeTerminal({
        HEADGATE_DATA_DIR: dataDir,
        HEADGATE_GATEWAY_LISTEN_PORT: '0',
        HEADGATE_AGGREGATION_LISTEN_PORT: '0',
      })
      t.equal(await runCommand([command], terminal), 2, `${command} ${dataDir}`)
      t.match(terminal.said().err, /^headgate \w+: dataDir \(HEADGATE_DATA_DIR\) is /)
      t.match(terminal.said().err, why)
      t.notMatch(terminal.said().err, /\n {4}at |dev\.json/)
    }
  }
  await t.rejects(
    ownDataFolder('a\0b'),
    { code: 'ERR_INVALID_ARG_VALUE' },
    'what nobody can mend stays what it is',
  )
})
