import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { parse } from 'yaml'
import { runCommand } from '../../../src/cli/commands.ts'
import { startCommand } from '../../fakes/process/command.ts'
import { sha256, waitFor } from '../../fakes/process/serving.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'

const said = async (args: readonly string[], env = {}) => {
  const terminal = fakeTerminal(env)
  return { code: await runCommand(args, terminal), ...terminal.said() }
}

test('the version is that of the package', async (t) => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'))
  for (const word of ['version', '--version', '-v']) {
    const { code, out } = await said([word])
    t.equal(code, 0)
    t.equal(out, `headgate ${version} (Node ${process.versions.node})\n`)
  }
})

test('key new makes another each time, with its digest and the lines that take it', async (t) => {
  for (const [args, name, take] of [
    [['key', 'new'], 'key', /apps:[\s\S]*sha256: (\w{64})$/m],
    [['key', 'new', '--token'], 'token', /aggregation:[\s\S]*sha256: (\w{64})$/m],
  ] as const) {
    const [one, other] = [await said(args), await said(args)]
    t.equal(one.code, 0)
    t.not(one.out, other.out)
    const [, secret = ''] = new RegExp(`^${name} +(hg_\\w+_[\\w-]{20,})$`, 'm').exec(one.out) ?? []
    t.match(one.out, `sha256  ${sha256(secret)}`)
    const yaml = one.out.slice(one.out.search(/^(apps|aggregation):/m))
    t.equal(take.exec(yaml)?.[1], sha256(secret))
    const dir = t.testdir({ 'a.yaml': yaml })
    t.equal((await said(['config', 'check', '-c', join(dir, 'a.yaml')])).code, 0)
    // Where there is a list already: the entry alone, as deep as it stands in what init writes.
    const [entry = ''] = /^ +- [\s\S]*?\n(?=\n)/m.exec(one.out) ?? []
    t.match(entry, sha256(secret))
    const path = join(dir, 'b.yaml')
    await said(['init', path])
    const file = await readFile(path, 'utf8')
    await writeFile(
      path,
      file.replace(name === 'key' ? /^ {4}keys:.*\n/m : /^ {2}tokens:.*\n/m, `$&${entry}`),
    )
    t.match(await said(['config', 'check', '-c', path]), { code: 0, err: '' }, name)
    t.equal(parse(await readFile(path, 'utf8')).apps[0].keys.length, name === 'key' ? 2 : 1)
  }
})

test('what init writes holds with any of its commented blocks taken in', async (t) => {
  const path = join(t.testdir(), 'headgate.yaml')
  await said(['init', path])
  const lines = (await readFile(path, 'utf8')).split('\n')
  const isSetting = (line = '') => /^ *# +(?:- \S+|[a-zA-Z]+:(?: \S+)?)$/.test(line)
  const begins = lines.flatMap((line, i) => (isSetting(line) && !isSetting(lines[i - 1]) ? [i] : []))
  t.equal(begins.length, 2, 'a proxy, and further origins')
  for (const from of begins) {
    const to = lines.findIndex((line, i) => i > from && !isSetting(line))
    const taken = lines.map((line, i) => (i >= from && i < to ? line.replace('# ', '') : line))
    await writeFile(path, taken.join('\n'))
    t.match(await said(['config', 'check', '-c', path]), { code: 0, err: '' }, String(lines[from]))
    t.not(JSON.stringify(parse(taken.join('\n'))), JSON.stringify(parse(lines.join('\n'))))
  }
})

test('key new proposes an app that the configuration has not yet', async (t) => {
  const dir = t.testdir({ 'faulty.yaml': 'apps: [{ id: shop-web }, { id: 7 }]' })
  const path = join(dir, 'headgate.yaml')
  await said(['init', path])
  for (const id of ['shop-web-2', 'shop-web-3']) {
    const { code, out, err } = await said(['key', 'new', '-c', path])
    t.same([code, err], [0, ''])
    const { apps } = parse(out.slice(out.indexOf('apps:')))
    t.match(apps, [{ id }])
    const file = parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...file, apps: [...file.apps, ...apps] }))
    t.match(await said(['config', 'check'], { HEADGATE_CONFIG: path }), { code: 0 })
  }
  t.match((await said(['key', 'new'], { HEADGATE_CONFIG: path })).out, /- id: shop-web-4\n/)
  t.match((await said(['key', 'new'])).out, /- id: shop-web\n/, 'where none is named')
  const faulty = await said(['key', 'new', '-c', join(dir, 'faulty.yaml')])
  t.match(faulty, {
    code: 0,
    out: /^key {5}hg_/,
    err: /warning: which apps there are is not known: .*apps\.1\.id/s,
  })
  for (const [wrong, err] of [
    ['', /--config needs a value: --config FILE; this one is empty/],
    [join(dir, 'nope.yaml'), /Cannot read the configuration .*nope\.yaml: there is no such file/],
    [dir, /Cannot read the configuration .*: it is a folder/],
  ] as const)
    t.match(await said(['key', 'new', '--config', wrong]), { code: 2, out: '', err })
  t.match(await said(['key', 'new'], { HEADGATE_CONFIG: join(dir, 'nope.yaml') }), { code: 2, out: '' })
})

test('tokens that are made one after the other can stand side by side, as a rotation wants it', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'headgate.yaml')
  await said(['init', path])
  const file = parse(await readFile(path, 'utf8'))
  for (const _ of [1, 2]) {
    const { out } = await said(['key', 'new', '--token'])
    file.aggregation.tokens.push(...parse(out.slice(out.indexOf('aggregation:'))).aggregation.tokens)
  }
  await writeFile(path, JSON.stringify(file))
  t.match(await said(['config', 'check', '-c', path]), { code: 0, err: '' })
})

test('key show-dev shows what a first start made, and says where there is none', async (t) => {
  const dir = t.testdir()
  const env = { HEADGATE_DATA_DIR: dir, HEADGATE_GATEWAY_LISTEN_PORT: '0' }
  const none = await said(['key', 'show-dev'], env)
  t.equal(none.code, 1)
  t.match(none.err, /there is no dev\.json in /)
  const { terminal, ended } = startCommand(['gateway'], env)
  await waitFor(() => /admin token/.test(terminal.said().err))
  const secrets = /^ {2}app key .*\n {2}admin token .*\n/m.exec(terminal.said().err)?.[0]
  t.same(await said(['key', 'show-dev'], env), { code: 0, out: secrets, err: '' })
  terminal.terminate()
  t.equal(await ended, 0)
})

test('init writes a configuration that is valid without a warning, once', async (t) => {
  const dir = t.testdir({ file: 'x' })
  const path = join(dir, 'headgate.yaml')
  const { code, out } = await said(['init', path])
  t.equal(code, 0)
  const [, key = '', token = ''] = /app key +(\S+)\n +admin token +(\S+)/.exec(out) ?? []
  const file = parse(await readFile(path, 'utf8'))
  t.equal(file.apps[0].keys[0].sha256, sha256(key))
  t.equal(file.aggregation.tokens[0].sha256, sha256(token))
  t.same(
    file.aggregation.tokens[0].scopes,
    ['read', 'run', 'events', 'write', 'erase'],
    'all that the first hour asks',
  )
  t.same(await said(['config', 'check', '-c', path]), {
    code: 0,
    out: 'The configuration is valid: 1 app.\n',
    err: '',
  })
  for (const [wrong, why] of [
    [path, /it is there already, and is not overwritten; `headgate init other\.yaml` names another, /],
    [join(dir, 'none', 'a.yaml'), /its folder does not exist; make it first/],
    [join(dir, 'file', 'a.yaml'), /is a file, not a folder/],
  ] as const) {
    const refused = await said(['init', wrong])
    t.equal(refused.code, 2)
    t.match(refused.err, why)
    t.notMatch(refused.err, /\n {4}at /)
  }
  t.equal((await said(['init', 'a\0b'])).code, 1, 'what nobody can mend stays what it is')
  t.equal((await said(['init', 'a', 'b'])).code, 2)
  t.equal(parse(await readFile(path, 'utf8')).apps[0].keys[0].sha256, sha256(key))
})

test('a file whose key and token nobody was shown is not left', async (t) => {
  const dir = t.testdir()
  for (const [code, why] of [
    ['ENOSPC', 'the disk is full (ENOSPC)'],
    ['EPIPE', 'whoever was to read it has ended (EPIPE)'],
  ] as const) {
    const lost = Object.assign(new Error('write'), { code })
    const terminal = { ...fakeTerminal(), unwritten: async () => lost }
    const path = join(dir, 'headgate.yaml')
    t.equal(await runCommand(['init', path], terminal), 1)
    t.equal(
      terminal.said().err,
      `headgate init: standard output cannot be written, so that nobody would know the key and the token: ${why}; ${path} was removed again\n`,
    )
    t.same(await readdir(dir), [])
  }
  const taken = { ...fakeTerminal(), unwritten: async () => undefined }
  t.equal(await runCommand(['init', join(dir, 'headgate.yaml')], taken), 0)
  t.same(await readdir(dir), ['headgate.yaml'])
})
