import { EventEmitter } from 'node:events'
import { test } from 'tap'
import { runCommand } from '../../src/cli/commands.ts'
import { processTerminal } from '../../src/cli/terminal.ts'
import { fakeTerminal } from '../fakes/terminal.ts'

test('what was asked decides the exit code and where the answer goes', async (t) => {
  for (const [rule, args, code, out, err] of [
    ['nothing at all shows the overview, as an error', [], 2, /^Headgate: /, /^$/],
    ['help is no error', ['--help'], 0, /^ {2}serve /m, /^$/],
    ['-h too', ['-h'], 0, /^ {2}health /m, /^$/],
    ['help as a word', ['help'], 0, /^ {2}aggregate /m, /^$/],
    ['an unknown command is named', ['fly'], 2, /^$/, /there is no command "fly"[\s\S]*Usage:/],
    [
      'each command helps',
      ['serve', '--help'],
      0,
      /^Usage: headgate serve \[options\][\s\S]*--config FILE/,
      /^$/,
    ],
    ['short options are shown', ['aggregate', '-h'], 0, /-c, --config FILE[\s\S]* {4}--from TIME/, /^$/],
    ['words are shown', ['config', '--help'], 0, /^Usage: headgate config check\|print \[options\]/, /^$/],
    ['an unknown option is named', ['serve', '--colour'], 2, /^$/, /Unknown option '--colour'/],
    ['a word that is not taken', ['serve', 'now'], 2, /^$/, /does not take "now"/],
    ['a missing word', ['config'], 2, /^$/, /needs one of check, print/],
    ['two words', ['config', 'check', 'print'], 2, /^$/, /needs one of check, print/],
    ['a wrong word', ['config', 'burn'], 2, /^$/, /does not take "burn"/],
  ] as const) {
    const terminal = fakeTerminal()
    t.equal(await runCommand(args, terminal), code, rule)
    t.match(terminal.said().out, out, rule)
    t.match(terminal.said().err, err, rule)
  }
})

test('what fails says why: usage and configuration with 2, the rest with 1, the unexpected with its stack', async (t) => {
  for (const [rule, args, env, code, err] of [
    [
      'a fault in the configuration',
      ['config', 'check'],
      { HEADGATE_DATA_DIR: '' },
      2,
      /1 fault in the configuration/,
    ],
    ['a request that makes no sense', ['aggregate', '--from', 'tomorrow'], {}, 2, /from must be epoch ms/],
    [
      'a data folder that is a file',
      ['aggregate'],
      { HEADGATE_DATA_DIR: 'package.json' },
      1,
      /package\.json[\s\S]*\n {4}at /,
    ],
  ] as const) {
    const terminal = fakeTerminal(env)
    t.equal(await runCommand(args, terminal), code, rule)
    t.match(terminal.said().err, err, rule)
  }
})

test('a terminal is the process: its signals, its streams', async (t) => {
  const written: string[] = []
  const stream = (name: string) => ({ write: (text: string) => written.push(`${name} ${text}`), isTTY: true })
  const fake = Object.assign(new EventEmitter(), {
    env: { A: 'b' },
    stdout: stream('out'),
    stderr: stream('err'),
  })
  const terminal = processTerminal(fake as unknown as NodeJS.Process)
  terminal.out('1')
  terminal.err('2')
  t.same(written, ['out 1', 'err 2'])
  t.equal(terminal.interactive, true)
  t.equal(terminal.env['A'], 'b')
  let reloads = 0
  terminal.onReload(() => reloads++)
  fake.emit('SIGHUP')
  t.equal(reloads, 1)
  t.equal(terminal.stop.aborted, false)
  fake.emit('SIGTERM')
  t.equal(terminal.stop.aborted, true)
})
