import { test } from 'tap'
import { runCommand } from '../../../src/cli/commands.ts'
import { calledAs } from '../../../src/cli/terminal/called-as.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'

const PATH = '/usr/bin:/usr/local/bin'

test('the program is called again as it was called, from the folder where it was', async (t) => {
  for (const [rule, script, its, program] of [
    ['installed, and on the path', '/usr/local/bin/headgate', {}, 'headgate'],
    [
      'by npx, from a clone or a package',
      '/home/a/x/dist/main.js',
      { npm_lifecycle_event: 'npx' },
      'npx headgate',
    ],
    ['a clone', '/home/a/headgate/dist/main.js', {}, 'node dist/main.js'],
    ['a clone elsewhere', '/opt/headgate/dist/main.js', {}, 'node /opt/headgate/dist/main.js'],
    [
      'a folder that a shell would take apart',
      '/opt/my gate/dist/main.js',
      {},
      "node '/opt/my gate/dist/main.js'",
    ],
    [
      'a package of the folder',
      '/home/a/headgate/node_modules/.bin/headgate',
      {},
      'node_modules/.bin/headgate',
    ],
    ['a link of the folder', '/home/a/headgate/headgate', {}, './headgate'],
  ] as const) {
    t.equal(calledAs({ script, env: { PATH, ...its }, cwd: '/home/a/headgate' }), program, rule)
  }
  const service = { script: '/opt/headgate/dist/main.js', env: {}, cwd: '/' }
  t.equal(calledAs(service), 'node /opt/headgate/dist/main.js', 'a service runs in no folder that matters')
})

test('what is printed can be pasted: help, hints, and what to do next', async (t) => {
  const dir = t.testdir({ 'plain.yaml': 'apps: [{ id: shop, keys: [{ sha256: hg_pub_plain }] }]' })
  const said = async (...args: readonly string[]) => {
    const terminal = { ...fakeTerminal({ HEADGATE_DATA_DIR: dir }), program: 'node dist/main.js' }
    await runCommand(args, terminal)
    const { out, err } = terminal.said()
    return out + err
  }
  const file = `${dir}/a b.yaml`
  for (const [args, wanted] of [
    [['help'], /^Usage: headgate <command> \[options\]$/m],
    [['help'], /^node dist\/main\.js <command> --help tells more\.$/m],
    [['key', '--help'], /^Usage: headgate key /],
    [['-c', 'a.yaml', 'status'], /options follow the command: node dist\/main\.js status -c a\.yaml\n/],
    [['config', 'check', '-c', `${dir}/plain.yaml`], /`node dist\/main\.js key new`/],
    [['init', file], / config check -c '.*a b\.yaml', then node dist\/main\.js serve -c '.*a b\.yaml'\n/],
  ] as const)
    t.match(await said(...args), wanted, args.join(' '))
  t.notMatch(await said('help'), /`headgate /)
})
