import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
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
  for (const script of ['demo', 'bench', 'torture', 'test'])
    for (const option of ['--help', '-h']) {
      const [, ...head] = readFileSync(`scripts/${script}`, 'utf8').split('\nset -euo')[0]?.split('\n') ?? []
      const stdout = head.map((line) => `${line.replace(/^# ?/, '')}\n`).join('')
      t.same(ran(`scripts/${script}`, option), { status: 0, stdout, stderr: '' }, script)
    }
})

test('the Nodes that scripts take are the engines of the package', async (t) => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8'))
  t.equal(engines.node, '^20.20.2 || ^22.22.2 || ^24.14.1 || >=25.8.2')
  for (const [version, isTaken] of [
    ['20.20.2', true],
    ['20.20.1', false],
    ['20.19.9', false],
    ['20.21.0', true],
    ['21.99.0', false],
    ['22.22.2', true],
    ['24.2.9', false],
    ['25.8.1', false],
    ['25.8.2', true],
    ['26.0.0', true],
    ['18.20.8', false],
  ] as const) {
    const pretend = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } }); Object.defineProperty(process, 'version', { value: 'v${version}' })`
    const { status, stderr } = ran(
      process.execPath,
      '-e',
      `${pretend}; require('./scripts/lib/check-node.cjs')`,
    )
    t.same(
      [status, stderr],
      isTaken ? [0, ''] : [1, `Node ${engines.node} is needed, this is v${version}: https://nodejs.org\n`],
      version,
    )
  }
})
