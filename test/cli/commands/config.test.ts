import { execFileSync } from 'node:child_process'
import { chmod, chown, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { test } from 'tap'
import { runCommand } from '../../../src/cli/commands.ts'
import { putZeros } from '../../fakes/files/sparse-files.ts'
import { startCommand } from '../../fakes/process/command.ts'
import { waitFor } from '../../fakes/process/serving.ts'
import { snippet } from '../../fakes/process/snippets.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'

const digest = 'ab'.repeat(32)

test('check and print read YAML and JSON, by option or by environment', async (t) => {
  const dir = t.testdir({
    'a.yaml': `apps: [{ id: shop, keys: [{ sha256: ${digest} }] }]\ngateway: { listen: { port: 9000 } }\n`,
    'b.json': '{"apps":[{"id":"a"},{"id":"b"}]}',
  })
  for (const [args, env, out] of [
    [['config', 'check', '-c', join(dir, 'a.yaml')], {}, 'The configuration is valid: 1 app.\n'],
    [['config', 'check'], { HEADGATE_CONFIG: join(dir, 'b.json') }, 'The configuration is valid: 2 apps.\n'],
    [
      ['config', 'check'],
      {},
      'The configuration is valid: 0 apps. There is no file (--config, HEADGATE_CONFIG): these are the defaults.\n',
    ],
  ] as const) {
    const terminal = fakeTerminal(env)
    t.equal(await runCommand(args, terminal), 0)
    t.equal(terminal.said().out, out)
  }
  const terminal = fakeTerminal({ HEADGATE_GATEWAY_LISTEN_PORT: '9001' })
  t.equal(await runCommand(['config', 'print', '--config', join(dir, 'a.yaml')], terminal), 0)
  const printed = terminal.said().out
  t.match(printed, /port: 9001/, 'what is in force')
  t.match(printed, /requestsPerSecond: 500/, 'defaults too')
  t.match(printed, /sha256: ababab…/, 'digests masked')
  t.notMatch(printed, digest)
})

test('a file is UTF-8: another encoding is told with its line, and a byte order mark is none of the text', async (t) => {
  const dir = t.testdir({
    'mark.json': '\u{feff}{"dataDir":"café"}',
    'mark.yaml': '\u{feff}dataDir: café',
    'latin.yaml': Buffer.from('logLevel: info\ndataDir: caf\u00e9\n', 'latin1'),
    'last.json': Buffer.from('{"dataDir":"caf\u00e9"}', 'latin1'),
    'wide.yaml': Buffer.from('\u{feff}dataDir: data\n', 'utf16le'),
    'big.yaml': Buffer.from('\u{feff}dataDir: data\n', 'utf16le').swap16(),
  })
  const check = async (name: string) => {
    const terminal = fakeTerminal()
    const code = await runCommand(['config', 'print', '-c', join(dir, name)], terminal)
    return { code, ...terminal.said() }
  }
  for (const name of ['mark.json', 'mark.yaml']) {
    const { code, out } = await check(name)
    t.equal(code, 0)
    t.match(out, /^dataDir: café$/m)
  }
  for (const [name, why] of [
    ['latin.yaml', 'line 2: a character is in another encoding, such as Latin-1; save the file as UTF-8'],
    ['last.json', 'line 1: a character is in another encoding, such as Latin-1; save the file as UTF-8'],
    ['wide.yaml', 'line 1: it is UTF-16; save the file as UTF-8'],
    ['big.yaml', 'line 1: it is UTF-16; save the file as UTF-8'],
  ] as const) {
    const { code, err } = await check(name)
    t.equal(code, 2)
    t.equal(err, `headgate config: ${join(dir, name)} is not valid UTF-8:\n  ${why}\n`)
  }
})

test('print shows what the platform has decided', async (t) => {
  const terminal = fakeTerminal({ ECS_CONTAINER_METADATA_URI_V4: 'http://169.254.170.2/v4/x' })
  t.equal(await runCommand(['config', 'print'], terminal), 0)
  t.match(terminal.said().out, /ephemeral: true/)
  t.match(terminal.said().out, /totalMs: 110000/)
})

test('a file that cannot be read, or not be parsed, is a fault with its place and reason, and is never quoted', async (t) => {
  const dir = t.testdir({
    'list.yaml': 'a: [PlantedText',
    'tab.yaml': 'a:\n\tb: 1\n',
    'twice.yaml': 'a: 1\na: 2\nb: [\n',
    'bomb.yaml': ['a: &a [x, x, x]', 'b: &b [*a, *a, *a, *a, *a]', 'c: &c [*b, *b, *b, *b, *b]']
      .concat('d: &d [*c, *c, *c, *c, *c]', 'e: [*d, *d, *d, *d, *d]')
      .join('\n'),
    'star.yaml': 'origins:\n  - *PlantedText\n',
    'documents.yaml': 'a: 1\n---\nb: 2\n',
    'comma.json': '{"a":1,\n}',
    'bare.json': '{\n  "a": PlantedText }',
    'single.json': "{'PlantedText': 1}",
    'comment.json': '// PlantedText\n{}',
    'open.json': '{"a": [1, 2',
    'text.json': '{"a": "PlantedText',
    'missing.json': '{"a" 1}',
    'more.json': '{"a": 1} {',
    'twice.json': '{\n  "a": 1, "b": [{"PlantedText": {"x": 1, "\\u0078": 2}}],\n  "a": 1, "A": 2\n}',
    'empty.json': ' ',
    'null.json': 'null',
    'empty.yaml': '',
    'comment.yaml': '# apps: []\n',
    'line.yaml': '---\n',
    'tags.yaml': 'a: !x !y 1\n',
    folder: {},
  })
  putZeros(join(dir, 'zeros.yaml'), 3 * 2 ** 30)
  // Nobody writes to it: who opened it as a file would wait for ever.
  execFileSync('mkfifo', [join(dir, 'pipe')])
  for (const [name, err] of [
    ['zeros.yaml', /Cannot read the configuration .*zeros\.yaml: it has more than 16777216 bytes/],
    [
      'none.yaml',
      /Cannot read the configuration .*none\.yaml: there is no such file; `headgate init` writes one/,
    ],
    ['folder', /Cannot read the configuration .*folder: it is a folder/],
    [`${'x'.repeat(300)}.yaml`, /its name is too long/],
    ['a\0b.yaml', /Cannot read the configuration .*null bytes/],
    ['tags.yaml', /tags\.yaml is not valid YAML:\n {2}line 1, column 7: this cannot be read/],
    ['list.yaml', /list\.yaml is not valid YAML:\n {2}line 1, column 16: /],
    ['tab.yaml', /line 2, column 1: a tab; YAML is indented by spaces\n/],
    ['twice.yaml', /line 2, column 1: this key is here twice\n {2}line 4, column 1: /],
    ['star.yaml', /needs quotes, and an alias \(\*name\) an anchor/],
    ['bomb.yaml', /bomb\.yaml is not valid YAML:\n {2}its aliases \(\*name\) repeat too much: write out/],
    ['documents.yaml', /more than one document/],
    [
      'comma.json',
      /comma\.json is not valid JSON:\n {2}line 2, column 1: a comma before the end of a list or group\n$/,
    ],
    ['bare.json', /line 2, column 8: keys and texts need double quotes\n$/],
    ['single.json', /line 1, column 2: texts and keys are in double quotes\n$/],
    ['comment.json', /line 1, column 1: JSON has no comments\n$/],
    ['open.json', /line 1, column 12: it ends before its last bracket/],
    ['text.json', /line 1, column 19: it ends before its last bracket/],
    [
      'missing.json',
      /line 1, column 6: something that cannot stand here, or a comma or colon is missing before it/,
    ],
    ['more.json', /line 1, column 10: something that cannot stand here/],
    [
      'twice.json',
      /twice\.json is not valid JSON:\n {2}line 2, column 42: this key is here twice\n {2}line 3, column 3: this key is here twice\n$/,
    ],
    ['empty.json', /it is empty/],
    [
      'null.json',
      /null\.json is not valid JSON:\n {2}there is no setting in it; for all defaults write \{\}\n$/,
    ],
    [
      'empty.yaml',
      /empty\.yaml is not valid YAML:\n {2}there is no setting in it; for all defaults write \{\}\n$/,
    ],
    ['comment.yaml', /there is no setting in it/],
    ['line.yaml', /there is no setting in it/],
    ['pipe', /Cannot read the configuration .*pipe: it is a pipe, a socket, a device or a link to nothing/],
    [relative(dir, '/dev/zero'), /it is a pipe, a socket, a device or a link to nothing/],
    [relative(dir, '/proc/self/mem'), /Cannot read the configuration .*\(EIO\)/],
  ] as const) {
    const terminal = fakeTerminal()
    t.equal(await runCommand(['config', 'check', '-c', join(dir, name)], terminal), 2, name)
    t.match(terminal.said().err, err, name)
    t.notMatch(terminal.said().err, /PlantedText|ENOENT|\n {4}at /, name)
  }
})

test('check and every start warn of what can hardly be meant, and go on', async (t) => {
  const dir = t.testdir({
    'a.yaml': `apps: [{ id: shop, keys: [{ sha256: ${digest} }] }]\ngateway: { trustProxy: [0.0.0.0/0] }\n`,
  })
  const terminal = fakeTerminal()
  t.equal(await runCommand(['config', 'check', '-c', join(dir, 'a.yaml')], terminal), 0)
  t.match(
    terminal.said().err,
    /^headgate: warning: aggregation\.tokens: .*\nheadgate: warning: gateway\.trustProxy\.0: /,
  )
  t.equal(terminal.said().out, 'The configuration is valid: 1 app.\n')
})

test('check warns of a secret that is not set here', async (t) => {
  const dir = t.testdir({ 'a.yaml': 'gateway: { idempotency: { secretEnv: OUR_SECRET } }\n' })
  for (const [word, env, err] of [
    [
      'check',
      {},
      /^headgate: warning: gateway\.idempotency\.secretEnv: the variable OUR_SECRET is not set here; .*\n$/,
    ],
    ['check', { OUR_SECRET: 'x'.repeat(32) }, /^$/],
    ['print', {}, /^$/],
  ] as const) {
    const terminal = fakeTerminal(env)
    t.equal(await runCommand(['config', word, '-c', join(dir, 'a.yaml')], terminal), 0)
    t.match(terminal.said().err, err)
  }
})

test('variables that a command line names are no faults', async (t) => {
  const env = { HEADGATE_OPS_TOKEN: 'x' }
  const terminal = fakeTerminal(env)
  t.equal(
    await runCommand(
      ['status', '--token-env', 'HEADGATE_OPS_TOKEN', '--url', 'http://127.0.0.1:1'],
      terminal,
    ),
    1,
  )
  t.match(terminal.said().err, /unreachable/)
})

test('a start without apps makes one for this machine and keeps it', async (t) => {
  const dir = t.testdir()
  const env = {
    HEADGATE_DATA_DIR: dir,
    HEADGATE_GATEWAY_LISTEN_PORT: '0',
    HEADGATE_AGGREGATION_LISTEN_PORT: '0',
  }
  const keys: string[] = []
  for (const start of ['first', 'second']) {
    const { terminal, ended, url } = startCommand(['serve'], env)
    const gateway = await url('gateway')
    await waitFor(async () => (await fetch(`${gateway}/readyz`)).ok)
    const [, appKey = keys[0] ?? ''] = /app key +(\S+)/.exec(terminal.said().err) ?? []
    keys.push(appKey)
    t.equal(/app key/.test(terminal.said().err), start === 'first', 'said once')
    t.notMatch(terminal.said().out, /app key|hg_pub|hg_adm/, 'and not in the log')
    const answer = await fetch(`${gateway}/v1/events`, {
      method: 'POST',
      headers: {
        'x-headgate-key': appKey,
        'content-type': 'application/json',
        origin: 'http://localhost:5173',
      },
      body: '{"name":"a","value":1}',
    })
    t.equal(answer.status, 202, `${start} start`)
    terminal.terminate()
    t.equal(await ended, 0)
  }
  t.equal((await stat(join(dir, 'dev.json'))).mode & 0o777, 0o600, 'kept for the owner alone')
  await writeFile(join(dir, 'dev.json'), 'garbage')
  const damaged = fakeTerminal(env)
  t.equal(await runCommand(['serve'], damaged), 2)
  t.match(damaged.said().err, /dev\.json is damaged/)
  await rm(join(dir, 'dev.json'))
  const exposed = fakeTerminal({ ...env, HEADGATE_AGGREGATION_LISTEN_HOST: '0.0.0.0' })
  t.equal(await runCommand(['serve'], exposed), 2)
  t.match(exposed.said().err, /listens on loopback only, not on 0\.0\.0\.0/)
})

test('a dev.json that others may have written is not believed', async (t) => {
  const secrets = JSON.stringify({ appKey: 'planted-key', adminToken: 'planted-token' })
  const dir = t.testdir({ 'dev.json': secrets, link: {}, folder: { 'dev.json': {} } })
  const refusal = async (dataDir: string) => {
    const terminal = fakeTerminal({
      HEADGATE_DATA_DIR: dataDir,
      HEADGATE_GATEWAY_LISTEN_PORT: '0',
      HEADGATE_AGGREGATION_LISTEN_PORT: '0',
    })
    t.equal(await runCommand(['serve'], terminal), 2, dataDir)
    return terminal.said().err
  }
  for (const mode of [0o644, 0o660, 0o666, 0o602]) {
    await chmod(join(dir, 'dev.json'), mode)
    t.match(
      await refusal(dir),
      /dev\.json is not believed: others may read or write it \(mode 6\d\d, not 600\)/,
    )
  }
  await chmod(join(dir, 'dev.json'), 0o600)
  await symlink(join(dir, 'dev.json'), join(dir, 'link', 'dev.json'))
  t.match(await refusal(join(dir, 'link')), /it is a link to somewhere else/)
  t.match(await refusal(join(dir, 'folder')), /it is no file/)
  await writeFile(join(dir, 'dev.json'), JSON.stringify({ appKey: 'x'.repeat(5_000) }))
  t.match(await refusal(dir), /it is too long/)
  await writeFile(join(dir, 'dev.json'), JSON.stringify({ appKey: 'x', adminToken: 5 }))
  t.match(await refusal(dir), /dev\.json is damaged/)
})

test('a dev.json of another user is not believed', {
  skip: process.geteuid?.() !== 0 && 'needs root',
}, async (t) => {
  const dir = t.testdir({ 'dev.json': '{"appKey":"a","adminToken":"b"}' })
  await chmod(join(dir, 'dev.json'), 0o600)
  await chown(join(dir, 'dev.json'), 65_534, 65_534)
  const terminal = fakeTerminal({ HEADGATE_DATA_DIR: dir })
  t.equal(await runCommand(['key', 'show-dev'], terminal), 2)
  t.match(terminal.said().err, /it belongs to another user \(uid 65534, not 0\)/)
})

test('configured tokens stay, even where the app is made up', async (t) => {
  const dir = t.testdir()
  const tokens = JSON.stringify([{ name: 'mine', sha256: digest, scopes: ['read'] }])
  const { terminal, ended, url } = startCommand(['aggregation'], {
    HEADGATE_DATA_DIR: dir,
    HEADGATE_AGGREGATION_TOKENS: tokens,
    HEADGATE_AGGREGATION_LISTEN_PORT: '0',
  })
  const aggregation = await url('aggregation')
  await waitFor(async () => (await fetch(`${aggregation}/readyz`)).ok)
  t.match(terminal.said().err, /^ {2}app key {6}hg_pub_/m)
  t.notMatch(terminal.said().err, /hg_adm_/, 'what opens nothing is not shown')
  const { adminToken: admin } = JSON.parse(await readFile(join(dir, 'dev.json'), 'utf8'))
  const answer = await fetch(`${aggregation}/query/apps`, { headers: { authorization: `Bearer ${admin}` } })
  t.equal(answer.status, 401, 'the made-up token opens nothing')
  terminal.terminate()
  t.equal(await ended, 0)
})

test('the configuration of docs/mobile.md starts as it is, with its secret in the environment', async (t) => {
  const dir = t.testdir({ 'headgate.yaml': snippet('docs/mobile.md', 'headgate.yaml') })
  const { ended, terminal, url } = startCommand(['gateway', '-c', join(dir, 'headgate.yaml')], {
    HEADGATE_SUBJECT_KEY: 'a secret of 32 characters or more.',
    HEADGATE_DATA_DIR: join(dir, 'data'),
    HEADGATE_GATEWAY_LISTEN_PORT: '0',
  })
  t.match(await url('gateway'), /^http:/)
  terminal.terminate()
  t.equal(await ended, 0)
})

test('a file that is here and that nobody names is told of, and not read', async (t) => {
  const dir = t.testdir({ 'headgate.yaml': 'dataDir: ./data\n' })
  const before = process.cwd()
  process.chdir(dir)
  t.teardown(() => process.chdir(before))
  const terminal = fakeTerminal()
  t.equal(await runCommand(['config', 'check'], terminal), 0)
  t.match(terminal.said().out, 'valid: 0 apps.')
  t.equal(
    terminal.said().err,
    'headgate: headgate.yaml is here, and is not read unless it is named: --config headgate.yaml\n',
  )
  const named = fakeTerminal()
  t.equal(await runCommand(['config', 'check', '-c', 'headgate.yaml'], named), 0)
  t.notMatch(named.said().err, 'is here')
  for (const words of [['new'], ['new', '--token']]) {
    const unneeded = fakeTerminal()
    t.equal(await runCommand(['key', ...words], unneeded), 0)
    t.equal(unneeded.said().err, '', 'where none is needed')
  }
})

test('an app that nobody can send to is warned of', async (t) => {
  const key = `{ sha256: ${digest} }`
  for (const [app, warning] of [
    ['{ id: shop, origins: [https://shop.example] }', /apps\.0: has no keys and is not `keyless`, so that/],
    ['{ id: shop }', /apps\.0: has no keys, so that all it is sent is refused/],
    [`{ id: shop, keys: [${key}] }`, undefined],
    ['{ id: shop, keyless: true, origins: [https://shop.example] }', undefined],
    ['{ id: shop, aliases: [lab], origins: [https://shop.example] }', undefined],
  ] as const) {
    const dir = t.testdir({ 'a.yaml': `apps: [${app}]\n` })
    const terminal = fakeTerminal()
    t.equal(await runCommand(['config', 'check', '-c', join(dir, 'a.yaml')], terminal), 0, app)
    if (warning) t.match(terminal.said().err, warning, app)
    else t.notMatch(terminal.said().err, 'apps.0', app)
  }
})
