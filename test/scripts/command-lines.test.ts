import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'

const ran = (program: string, ...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  return { status, stdout, stderr }
}

test('a script that is asked in vain says so in a line, before it sets anything up', async (t) => {
  for (const [script, args, why] of [
    ['demo', ['--bogus'], 'does not know --bogus'],
    ['demo', ['--once', 'now'], 'does not know now'],
    ['demo', ['--once=yes'], '--once takes no value'],
    ['bench', ['rollup', '--bogus', '1'], 'does not know --bogus'],
    ['bench', ['--row', '1'], 'does not know --row'],
    ['bench', ['fly'], 'does not know fly'],
    ['bench', ['--rows'], '--rows needs a value: --rows N'],
    ['bench', ['--rows', 'many'], '--rows takes a whole number, not many'],
    ['bench', ['--seconds=0'], '--seconds takes a whole number, not 0'],
    ['torture', ['--bogus'], 'does not know --bogus'],
    ['torture', ['--only', 'kills', '--cycles', '-1'], '--cycles takes a whole number, not -1'],
    ['torture', ['--mutants', 'all'], 'does not know all'],
    ['test', ['--bogus'], 'does not know --bogus'],
    ['simulate', ['--seeds', 'all'], '--seeds takes a whole number, not all'],
  ] as const)
    t.same(ran(`scripts/${script}`, ...args), {
      status: 2,
      stdout: '',
      stderr: `${script}: ${why}; see --help\n`,
    })
})

test('what the head of a script offers to measure, it takes', async (t) => {
  const offered = [...readFileSync('scripts/bench', 'utf8').matchAll(/^# {3}\.\/scripts\/bench \[?(\w+)/gm)]
  t.ok(offered.length > 1)
  for (const [, word = ''] of offered)
    t.equal(ran('scripts/bench', word, '--bogus').stderr, 'bench: does not know --bogus; see --help\n', word)
})

test('help is the head of the script, and needs nothing either', async (t) => {
  for (const script of ['demo', 'bench', 'torture', 'test', 'simulate'])
    for (const option of ['--help', '-h']) {
      const [, ...head] = readFileSync(`scripts/${script}`, 'utf8').split('\nset -euo')[0]?.split('\n') ?? []
      const stdout = head.map((line) => `${line.replace(/^# ?/, '')}\n`).join('')
      t.same(ran(`scripts/${script}`, option), { status: 0, stdout, stderr: '' }, script)
    }
})

test('commands at once fail together when one of them does, and each says what it has to say in one piece', async (t) => {
  const check = (...words: readonly string[]) => ran('node', 'scripts/lib/checks/check.mjs', ...words)
  const good = ['first=echo one; echo two >&2', 'second=sleep=1; echo $sleep'] as const
  const passed = check(...good)
  t.equal(passed.status, 0)
  t.same(passed.stdout.split(/^(?=first|second)/m).sort(), [
    'first: passed\none\ntwo\n',
    'second: passed\n1\n',
  ])
  const failed = check(...good, 'third=echo why; exit 3')
  t.equal(failed.status, 1)
  for (const said of ['first: passed\none\n', 'second: passed\n', 'third: FAILED\nwhy\n'])
    t.ok(failed.stdout.includes(said), said)
})

test('the scripts use the Node of .node-version, or a later one of its line', async (t) => {
  for (const [version, isTaken] of [
    ['24.21.0', true],
    ['24.21.1', true],
    ['24.22.0', true],
    ['24.20.9', false],
    ['20.20.2', false],
    ['22.99.0', false],
    ['26.0.0', false],
  ] as const) {
    const pretend = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`
    const { status, stderr } = ran(
      process.execPath,
      ...['-e', `${pretend}; require('./scripts/lib/checks/check-node.cjs')`, 'check-node', '24.21.0'],
    )
    t.same([status, stderr], [isTaken ? 0 : 1, ''], version)
  }
})

test('where there is an old Node, another one runs everything, and that is said', async (t) => {
  const wanted = readFileSync('.node-version', 'utf8').trim()
  const place = t.testdir({
    bin: { node: '#!/bin/sh\n[ "$1" = --version ] && echo v20.20.2 || exit 1\n' },
    scripts: { lib: { checks: {}, fetch: {} } },
    '.node-version': `${wanted}\n`,
    '.cache': { [`node-${wanted}`]: { node_modules: { '.bin': {} } } },
  })
  const bin = join(place, '.cache', `node-${wanted}`, 'node_modules', '.bin')
  for (const script of [
    'with-node',
    'lib/setup.sh',
    'lib/options.sh',
    'lib/fetch/fetch-node',
    'lib/checks/check-node.cjs',
  ])
    copyFileSync(join('scripts', script), join(place, 'scripts', script))
  symlinkSync(process.execPath, join(bin, 'node'))
  chmodSync(join(place, 'bin', 'node'), 0o755)
  const run = (...words: readonly string[]) =>
    ran('env', `PATH=${join(place, 'bin')}:/usr/bin:/bin`, join(place, 'scripts/with-node'), ...words)

  t.match(run('--help'), {
    status: 0,
    stdout: /^Runs a command on the Node .*\n {2}\.\/scripts\/with-node node /,
  })
  for (const [words, why] of [
    [[], 'needs a command'],
    [['--halp'], 'does not know --halp'],
  ] as const)
    t.match(run(...words), { status: 2, stderr: `with-node: ${why}; see --help\n` })

  // An npm that reaches no registry, then one that does.
  const npm = join(place, 'bin', 'npm')
  writeFileSync(npm, '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  t.match(run('node', '--version'), {
    status: 1,
    stdout: '',
    stderr: `Node ${wanted} is needed and cannot be fetched from npm here; this is v20.20.2. Install it: https://nodejs.org`,
  })
  writeFileSync(npm, `#!/bin/sh\ntouch '${join(bin, 'npm')}'; chmod +x '${join(bin, 'npm')}'\n`)
  t.same(run('sh', '-c', 'node --version; command -v npm; pwd'), {
    status: 0,
    stdout: `${process.version}\n${join(bin, 'npm')}\n${process.cwd()}\n`,
    stderr: `Fetching Node ${wanted} …\nUsing Node ${wanted} from .cache; installed is v20.20.2.\n`,
  })
  rmSync(npm)
  t.equal(run('node', '--version').stderr, `Using Node ${wanted} from .cache; installed is v20.20.2.\n`)
  rmSync(join(place, 'bin', 'node'))
  symlinkSync(process.execPath, join(place, 'bin', 'node'))
  t.same(run('node', '--version'), { status: 0, stdout: `${process.version}\n`, stderr: '' })
})

test('the types are those of the oldest Node that the product runs on', async (t) => {
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  t.match(devDependencies['@types/node'], /^22\.15\./)
  t.match(readFileSync('scripts/test', 'utf8'), 'for version in 22.15.0 ', 'and the built product runs on it')
})
