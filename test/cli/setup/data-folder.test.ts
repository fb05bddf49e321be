import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { runCommand } from '../../../src/cli/commands.ts'
import { assertLake, ownDataFolder } from '../../../src/cli/setup/data-folder.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'

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
    for (const command of ['serve', 'gateway', 'aggregation']) {
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
  for (const command of ['aggregate', 'reconcile']) {
    const terminal = fakeTerminal({ HEADGATE_DATA_DIR: join(dir, 'file') })
    t.equal(await runCommand([command], terminal), 2)
    t.match(
      terminal.said().err,
      /^headgate \w+: dataDir \(HEADGATE_DATA_DIR\) is .* is a file and not a folder/,
    )
  }
  await t.rejects(
    ownDataFolder('a\0b'),
    { code: 'ERR_INVALID_ARG_VALUE' },
    'what nobody can mend stays what it is',
  )
})

test('a command that looks at what was kept makes nothing in a wrong folder, and says which it looked at', async (t) => {
  const dir = t.testdir({ 'package.json': '{}', other: { lake: 'a file' } })
  const commands = [
    ['aggregate'],
    ['aggregate', '--dry-run'],
    ['aggregate', '--reprocess', 'all', '--yes'],
    ['reconcile'],
  ]
  for (const dataDir of [join(dir, 'data'), dir, join(dir, 'other')]) {
    for (const args of commands) {
      const terminal = fakeTerminal({ HEADGATE_DATA_DIR: dataDir })
      t.equal(await runCommand(args, terminal), 2, args.join(' '))
      t.same(terminal.said(), {
        out: '',
        err: `headgate ${args[0]}: there is no data in ${dataDir} (dataDir): no Headgate has run there. Name the configuration of the one that is meant (--config FILE) or its folder (HEADGATE_DATA_DIR); \`headgate serve\` starts one\n`,
      })
    }
  }
  t.same(readdirSync(dir).sort(), ['other', 'package.json'])
})

test('a lake elsewhere needs no folder here', async (t) => {
  const dataDir = join(t.testdir(), 'data')
  const { lake } = parseConfig({ lake: { kind: 's3', bucket: 'lake', region: 'eu-west-1' } }, {})
  t.equal(await assertLake({ dataDir, lake }), undefined)
  t.same(readdirSync(t.testdirName), [])
})

test('no command that only looks makes a folder', async (t) => {
  const dir = t.testdir({})
  for (const args of [
    ['status'],
    ['runs', 'list'],
    ['runs', 'show', 'x'],
    ['runs', 'cancel', 'x'],
    ['key', 'new'],
    ['key', 'show-dev'],
    ['health'],
    ['config', 'check'],
    ['config', 'print'],
    ['version'],
  ]) {
    const env = { HEADGATE_DATA_DIR: join(dir, 'data') }
    await runCommand(args, fakeTerminal({ ...env, HEADGATE_AGGREGATION_LISTEN_PORT: '1' }))
    t.same(readdirSync(dir), [], args.join(' '))
  }
})
