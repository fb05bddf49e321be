import { execFileSync } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { type Test, test } from 'tap'
import { runCommand } from '../../../src/cli/commands.ts'
import { createSubjectHasher } from '../../../src/gateway/credentials/tokens/subject-hash.ts'
import { putZeros } from '../../fakes/files/sparse-files.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'

const KEY = 'a key of a test, of enough characters'
const ISSUER = 'https://id.example.com'
const MINUTE = 60_000
/** A configuration that has the app. */
const SHOP = { HEADGATE_APPS: '[{"id":"shop"}]' }
const ada = `headgate-${createSubjectHasher(KEY).hash(ISSUER, 'ada')}`

interface Denial {
  readonly Condition: {
    readonly DateLessThan: Readonly<Record<string, string>>
    readonly StringEquals?: Readonly<Record<string, readonly string[]>>
  }
}
const statementsOf = (json: string) => (JSON.parse(json) as { Statement: Denial[] }).Statement
const deniedOf = (json: string) => statementsOf(json).map(({ Condition }) => Condition.StringEquals)
const timeOf = (json: string) =>
  Date.parse(String(statementsOf(json)[0]?.Condition.DateLessThan['aws:TokenIssueTime']))

async function revoke(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const terminal = fakeTerminal(env)
  const code = await runCommand(['revoke', ...args], terminal)
  return { code, ...terminal.said() }
}

test('the options say whose sessions are denied', async (t) => {
  for (const [args, denied] of [
    [['--app', 'shop'], { 'aws:PrincipalTag/headgate:app': ['shop'] }],
    [['--subject', 'ada', '--issuer', ISSUER, '--key-env', 'K'], { 'aws:SourceIdentity': [ada] }],
    [['--identity', ada], { 'aws:SourceIdentity': [ada] }],
    [['--all'], undefined],
  ] as const) {
    const before = Date.now()
    const { code, out, err } = await revoke([...args, '--json'], { K: KEY })
    t.equal(code, 0, args[0])
    t.same(deniedOf(out), [denied], args[0])
    t.ok(timeOf(out) >= before && timeOf(out) <= Date.now() + 1_000, 'those that began before now')
    const warning = /warning: no configuration with apps was given \(--config\): whether "shop" is one/
    t.match(err, args[0] === '--app' ? warning : /^$/, 'what nobody checked is said')
  }
  const before = new Date(Date.now() - 5 * MINUTE).toISOString()
  const { out } = await revoke(['--all', '--json', '--before', before])
  t.equal(timeOf(out), Math.ceil(Date.parse(before) / 1_000) * 1_000)
})

test('options that make no sense are refused, each by its name', async (t) => {
  const dir = t.testdir({
    'c.json': '{"apps":[{"id":"shop"}]}',
    'allow.json': '{"Statement":[{"Effect":"Allow"}]}',
  })
  putZeros(join(dir, 'zeros.json'), 3 * 2 ** 30)
  const config = ['--config', join(dir, 'c.json')]
  for (const [args, err] of [
    [[], /Exactly one of --app, --subject, --identity and --all/],
    [['--app', 'shop', '--all'], /Exactly one of/],
    [['--app', '*'], /--app must be the id of an app/],
    [[...config, '--app', 'shoop'], /--app: the configuration has no app "shoop"; did you mean "shop"\?\n/],
    [[...config, '--app', 'blog'], /--app: the configuration has no app "blog"\.\n/],
    [['--subject', 'ada', '--issuer', ISSUER], /--subject needs --key-env, or gateway\.credentials/],
    [['--subject', 'ada', '--key-env', 'KEY'], /--subject needs --issuer/],
    [['--subject', 'ada', '--issuer', ISSUER, '--key-env', 'NONE'], /There is no variable NONE/],
    [['--subject', 'ada', '--issuer', ISSUER, '--key-env', 'SHORT'], /at least 32 characters/],
    [['--identity', 'ada'], /--identity must be headgate- and 22 characters/],
    [['--all', '--before', 'yesterday'], /--before must be epoch milliseconds \(.*, or ISO 8601/],
    [['--all', '--before', `${Date.now() - 61 * MINUTE}`], /--before is more than an hour ago/],
    [['--all', '--before', `${Date.now() + 61 * MINUTE}`], /--before is more than an hour ahead/],
    [['--all', '--role', 'arn:aws:iam::1:role/x'], /--role must be the name of a role/],
    [
      ['--all', '--merge', join(dir, 'none.json')],
      /--merge: cannot read .*none\.json: there is no such file\n$/,
    ],
    [['--all', '--merge', dir], /--merge: cannot read .*: it is a folder\n$/],
    [
      ['--all', '--merge', join(dir, 'zeros.json')],
      /--merge: cannot read .*zeros\.json: it has more than 1048576 bytes\n$/,
    ],
    [['--all', '--merge', join(dir, 'allow.json')], /headgate-revoked must be a policy/],
    [['--all', '--merge', 'x', '--apply'], /leave --merge out/],
  ] as const) {
    const refused = await revoke(args, { SHORT: 'short', KEY })
    t.equal(refused.code, 2, args.join(' '))
    t.match(refused.err, err)
    t.equal(refused.out, '')
  }
  t.equal((await revoke([...config, '--app', 'shop'])).code, 0)
})

const credentials = (issuer: string, role: string) => ({
  roleArn: `arn:aws:iam::111122223333:role/apps/${role}`,
  externalId: 'headgate/test',
  issuers: [{ issuer, audience: 'headgate', jwksUri: `${issuer}/jwks` }],
})

test('what the configuration says need not be said again, unless it says more than one thing', async (t) => {
  const gateway = { credentials: { region: 'eu-west-1', subjectKeyEnv: 'KEY' } }
  const shop = { id: 'shop', credentials: credentials(ISSUER, 'vended-shop') }
  const bank = { id: 'bank', credentials: credentials('https://id.example.org', 'vended-bank') }
  const dir = t.testdir({
    'one.json': JSON.stringify({ gateway, apps: [shop, { id: 'site' }] }),
    'two.json': JSON.stringify({ gateway, apps: [shop, bank] }),
  })
  const told = (file: string, ...args: string[]) => revoke(['-c', join(dir, file), ...args], { KEY })
  const one = await told('one.json', '--subject', 'ada')
  t.match(one.out, ada)
  t.match(one.out, '--role-name vended-shop ')
  t.match((await told('two.json', '--app', 'bank')).out, '--role-name vended-bank ')
  for (const [args, err] of [
    [['--subject', 'ada'], /--issuer must be one of https:\/\/id\.example\.com, https:\/\/id\.example\.org/],
    [['--all'], /--role must be one of vended-shop, vended-bank/],
  ] as const) {
    const refused = await told('two.json', ...args)
    t.equal(refused.code, 2)
    t.match(refused.err, err)
  }
  const named = await told('two.json', '--subject', 'ada', '--issuer', ISSUER, '--role', 'vended-bank')
  t.match(named.out, ada)
  t.match(named.out, '--role-name vended-bank ')
})

/** An `aws` that notes its arguments, a line each, and answers by files beside it. */
async function fakeAws(
  t: Test,
  answers: { readonly get?: string; readonly refusal?: string; readonly put?: string },
) {
  const dir = t.testdir({
    ...(answers.get && { get: answers.get }),
    ...(answers.put && { put: answers.put }),
  })
  await writeFile(
    join(dir, 'aws'),
    `#!/bin/sh
for arg; do printf '%s\\n' "$arg"; done >> '${dir}/calls'
case $2 in
get-role-policy) if [ -f '${dir}/get' ]; then cat '${dir}/get'; else echo '${answers.refusal}' >&2; exit 254; fi ;;
put-role-policy) if [ -f '${dir}/put' ]; then cat '${dir}/put' >&2; exit 254; fi ;;
esac
`,
  )
  await chmod(join(dir, 'aws'), 0o755)
  return {
    env: { PATH: `${dir}${delimiter}${process.env['PATH']}` },
    calls: async () => (await readFile(join(dir, 'calls'), 'utf8')).trimEnd().split('\n'),
  }
}

const NOT_THERE =
  'An error occurred (NoSuchEntity) when calling the GetRolePolicy operation: The role policy with name headgate-revoked cannot be found.'
const names = ['--role-name', 'headgate-vended', '--policy-name', 'headgate-revoked']
const asked = ['iam', 'get-role-policy', ...names, '--query', 'PolicyDocument', '--output', 'json']

test('what is printed is a policy, and commands that a shell can run', async (t) => {
  const { env, calls } = await fakeAws(t, {})
  const { code, out } = await revoke(['--app', 'shop'], {})
  t.equal(code, 0)
  const commands = out.split('\n').filter((line) => line.startsWith('  aws '))
  t.equal(commands.length, 3)
  t.match(commands[0], `aws ${asked.join(' ')} > headgate-revoked.json`)
  t.match(commands[2], `aws iam delete-role-policy ${names.join(' ')}`)
  execFileSync('sh', ['-c', String(commands[1])], { env })
  const [service, verb, ...rest] = await calls()
  t.same([service, verb, ...rest.slice(0, 5)], ['iam', 'put-role-policy', ...names, '--policy-document'])
  t.same(JSON.parse(String(rest[5])), JSON.parse(out.slice(0, out.indexOf('\n\n'))), 'the same policy')
})

test('what the role holds already is merged, whatever is in it', async (t) => {
  const { env, calls } = await fakeAws(t, {})
  const held = join(t.testdirName, 'held.json')
  const foreign = {
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    Condition: { StringEquals: { 'aws:PrincipalTag/x': "it's $HOME" } },
  }
  const first = await revoke(['--app', 'shop', '--json'])
  await writeFile(
    held,
    JSON.stringify({ Version: '2012-10-17', Statement: [...statementsOf(first.out), foreign] }),
  )
  const { code, out } = await revoke(['--app', 'bank', '--merge', held])
  t.equal(code, 0)
  const commands = out.split('\n').filter((line) => line.startsWith('  aws '))
  t.equal(commands.length, 2, 'what is there is known')
  execFileSync('sh', ['-c', String(commands[0])], { env })
  const put = String((await calls()).at(-1))
  t.match(put, '"it\'s $HOME"')
  t.match(put, '"shop"')
  t.match(put, '"bank"')
})

test('apply asks the AWS command line what is there, and puts it with the revocation in it', async (t) => {
  const first = await revoke(['--identity', ada, '--json'])
  for (const [rule, answers, denied] of [
    ['nothing yet', { refusal: NOT_THERE }, [{ 'aws:PrincipalTag/headgate:app': ['shop'] }]],
    [
      'a subject',
      { get: first.out },
      [{ 'aws:SourceIdentity': [ada] }, { 'aws:PrincipalTag/headgate:app': ['shop'] }],
    ],
  ] as const) {
    for (const more of [[], ['--json']]) {
      const { env, calls } = await fakeAws(t, answers)
      const { code, out, err } = await revoke(['--app', 'shop', '--apply', ...more], { ...env, ...SHOP })
      t.same([code, err], [0, ''], rule)
      const called = await calls()
      t.same(called.slice(0, asked.length), asked)
      t.same(called.slice(asked.length, -1), ['iam', 'put-role-policy', ...names, '--policy-document'])
      t.same(deniedOf(String(called.at(-1))), denied)
      if (more.length > 0) t.same(deniedOf(out), denied)
      else t.match(out, /^headgate-revoked of headgate-vended is now\n\n\{[\s\S]*delete-role-policy/)
    }
  }
})

test('what the AWS command line refuses is said, with its words', async (t) => {
  const refusal = 'An error occurred (AccessDenied) when calling the GetRolePolicy operation: no'
  const put = 'An error occurred (NoSuchEntity) when calling the PutRolePolicy operation: no such role'
  for (const [rule, answers, err] of [
    ['it may not ask', { refusal }, refusal],
    ['there is no such role', { refusal: NOT_THERE, put }, put],
  ] as const) {
    const { env } = await fakeAws(t, answers)
    const refused = await revoke(['--all', '--apply'], env)
    t.same(refused, { code: 1, out: '', err: `headgate revoke: the AWS command line failed: ${err}\n` }, rule)
  }
  const missing = await revoke(['--all', '--apply'], { PATH: join(t.testdirName, 'none') })
  t.equal(missing.code, 1)
  t.match(missing.err, /the AWS command line failed: spawn aws ENOENT/)
})

test('the commands of the runbook are understood', async (t) => {
  const page = await readFile('docs/runbooks/revoke.md', 'utf8')
  const lines = [...page.matchAll(/^(?:\w+=\S* )?headgate revoke (.*?)(?: +#.*)?$/gm)].map(
    ([, args = '']) => args,
  )
  t.equal(lines.length, 5)
  for (const line of lines) {
    const shell = execFileSync('sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' })
    const args = shell
      .trimEnd()
      .split('\n')
      .filter((arg) => arg !== '--apply')
    // The page's time is of the past.
    const { err } = await revoke(args, { SUBJECT_KEY: KEY, ...SHOP })
    t.match(err, /^$|^headgate revoke: --before is more than an hour ago/, line)
  }
})
