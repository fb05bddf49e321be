import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { runCommand } from '../../src/cli/commands.ts'
import { startCommand } from '../fakes/command.ts'
import { fakeTerminal } from '../fakes/terminal.ts'

const digest = 'ab'.repeat(32)

test('check and print read YAML and JSON, by option or by environment', async (t) => {
  const dir = t.testdir({
    'a.yaml': `apps: [{ id: shop, keys: [{ sha256: ${digest} }] }]\ngateway: { listen: { port: 9000 } }\n`,
    'b.json': '{"apps":[{"id":"a"},{"id":"b"}]}',
  })
  for (const [args, env, out] of [
    [['config', 'check', '-c', join(dir, 'a.yaml')], {}, 'The configuration is valid: 1 apps.\n'],
    [['config', 'check'], { HEADGATE_CONFIG: join(dir, 'b.json') }, 'The configuration is valid: 2 apps.\n'],
    [['config', 'check'], {}, 'The configuration is valid: 0 apps.\n'],
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

test('print shows what the platform has decided', async (t) => {
  const terminal = fakeTerminal({ ECS_CONTAINER_METADATA_URI_V4: 'http://169.254.170.2/v4/x' })
  t.equal(await runCommand(['config', 'print'], terminal), 0)
  t.match(terminal.said().out, /ephemeral: true/)
  t.match(terminal.said().out, /totalMs: 110000/)
})

test('a file that cannot be read, or not be parsed, is a fault of the configuration', async (t) => {
  const dir = t.testdir({ 'bad.yaml': 'a: [1', 'bad.json': '{"a":1,}', 'alias.yaml': 'a: *hg_adm_secret' })
  for (const [name, err] of [
    ['none.yaml', /Cannot read .*none\.yaml: ENOENT/],
    ['bad.yaml', /bad\.yaml is not valid YAML at line 1, column 6\n$/],
    ['bad.json', /bad\.json is not valid JSON at position 7\n$/],
    ['alias.yaml', /alias\.yaml is not valid YAML\n$/],
  ] as const) {
    const terminal = fakeTerminal()
    t.equal(await runCommand(['config', 'check', '-c', join(dir, name)], terminal), 2)
    t.match(terminal.said().err, err)
  }
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
    const [, appKey = keys[0] ?? ''] = /app key +(\S+)/.exec(terminal.said().out) ?? []
    keys.push(appKey)
    t.equal(/app key/.test(terminal.said().out), start === 'first', 'said once')
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
  const exposed = fakeTerminal({ ...env, HEADGATE_AGGREGATION_LISTEN_HOST: '0.0.0.0' })
  t.equal(await runCommand(['serve'], exposed), 2)
  t.match(exposed.said().err, /listens on loopback only, not on 0\.0\.0\.0/)
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
  const [, admin = ''] = /admin token +(\S+)/.exec(terminal.said().out) ?? []
  const answer = await fetch(`${aggregation}/query/apps`, { headers: { authorization: `Bearer ${admin}` } })
  t.equal(answer.status, 401, 'the made-up token opens nothing')
  terminal.terminate()
  t.equal(await ended, 0)
})
