import type { Cluster as NodeCluster } from 'node:cluster'
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'tap'
import { runCommand } from '../../src/cli/commands.ts'
import { processTerminal } from '../../src/cli/terminal/terminal.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { fakeTerminal } from '../fakes/process/terminal.ts'

test('what was asked decides the exit code and where the answer goes', async (t) => {
  for (const [rule, args, code, out, err] of [
    ['nothing at all shows the overview, as an error', [], 2, /^Headgate: /, /^$/],
    ['help is no error', ['--help'], 0, /^ {2}serve /m, /^$/],
    ['-h too', ['-h'], 0, /^ {2}health /m, /^$/],
    ['help as a word', ['help'], 0, /^ {2}aggregate /m, /^$/],
    ['nor is -h of a word', ['-h', 'runs'], 0, /^Usage: headgate runs /, /^$/],
    ['help for a command', ['help', 'status'], 0, /^Usage: headgate status /, /^$/],
    ['in the other order', ['init', 'help'], 0, /^Usage: headgate init /, /^$/],
    ['help for itself', ['help', 'help'], 0, /^Exit codes: 0 done, 1 failed, 2 /m, /^$/],
    ['help for more than one thing', ['help', 'key', 'new'], 0, /^Headgate: /, /^$/],
    [
      'help for nothing there is',
      ['help', 'nix'],
      2,
      /^$/,
      /^headgate: there is no command "nix"; there are /,
    ],
    ['the version by either letter', ['-V'], 0, /^headgate \d/, /^$/],
    [
      'an unknown command is named, with those that there are',
      ['fly'],
      2,
      /^$/,
      /^headgate: there is no command "fly"; there are serve, gateway, .*, version\n`headgate help` tells what each does\.\n$/,
    ],
    [
      'an option that is none of a command',
      ['--verison'],
      2,
      /^$/,
      /no option --verison; did you mean "--version"\?\n/,
    ],
    [
      'each command helps',
      ['serve', '--help'],
      0,
      /^Usage: headgate serve \[options\][\s\S]*--config FILE/,
      /^$/,
    ],
    ['short options are shown', ['aggregate', '-h'], 0, /-c, --config FILE[\s\S]* {4}--from TIME/, /^$/],
    ['words are shown', ['config', '--help'], 0, /^Usage: headgate config check\|print \[options\]/, /^$/],
    [
      'options follow the command',
      ['-c', 'FILE', 'config', 'check'],
      2,
      /^$/,
      /^headgate: options follow the command: headgate config check -c FILE\n`headgate help` tells /,
    ],
    [
      'with a value that is the name of a command',
      ['--config', 'config', '--json', 'status'],
      2,
      /^$/,
      /command: headgate status --config config --json\n/,
    ],
    [
      'which need be none',
      ["--config=it's me.yaml"],
      2,
      /^$/,
      /command: headgate serve '--config=it'\\''s me.yaml'\n/,
    ],
    ['and what was meant', ['srve'], 2, /^$/, /there is no command "srve"; did you mean "serve"\?/],
    [
      'an unknown option is named',
      ['serve', '--colour'],
      2,
      /^$/,
      /^headgate serve: there is no option --colour; there are --config, --workers, --json, --help\n`headgate serve --help` tells more\.\n$/,
    ],
    [
      'with what was meant',
      ['serve', '--cnofig', 'x'],
      2,
      /^$/,
      /no option --cnofig; did you mean "--config"\?/,
    ],
    [
      'in whatever letters',
      ['serve', '--größe', 'x'],
      2,
      /^$/,
      /^headgate serve: there is no option --größe; there are/,
    ],
    ['a short one as well', ['serve', '-x'], 2, /^$/, /there is no option -x;/],
    ['a value that is missing', ['serve', '--config'], 2, /^$/, /--config needs a value: --config FILE/],
    [
      'a value that is empty',
      ['serve', '--workers', ''],
      2,
      /^$/,
      /^headgate serve: --workers needs a value: --workers N; this one is empty, as that of a variable that is not set\n/,
    ],
    [
      'of a short option too',
      ['config', 'check', '-c', ''],
      2,
      /^$/,
      /--config needs a value: --config FILE; this/,
    ],
    ['an empty operand', ['init', ''], 2, /^$/, /^headgate init: does not take an empty word \(""\), /],
    ['an empty word', ['runs', 'show', ''], 2, /^$/, /^headgate runs: does not take an empty word/],
    [
      'a value that is none',
      ['aggregate', '--from', '--to', 'x'],
      2,
      /^$/,
      /--from needs a value: --from TIME/,
    ],
    ['a value that is too much', ['status', '--json=yes'], 2, /^$/, /--json takes no value/],
    ['help takes none either', ['status', '--help=yes'], 2, /^$/, /--help takes no value/],
    [
      'several operands are shown',
      ['import', '--help'],
      0,
      /^Usage: headgate import FILE… \[options\]/,
      /^$/,
    ],
    ['an operand is shown', ['init', '--help'], 0, /^Usage: headgate init \[FILE\] \[options\]/, /^$/],
    ['the only option', ['version', '--json'], 2, /^$/, /no option --json; there is --help\n/],
    [
      'a key of the configuration is named, with its variable',
      ['serve', '--data-dir=/tmp'],
      2,
      /^$/,
      /no option --data-dir: it is set in the configuration, or by a variable before the command\n {2}dataDir: HEADGATE_DATA_DIR=\/var\/lib\/headgate\n`/,
    ],
    [
      'each that it may be',
      ['gateway', '--port', '9000'],
      2,
      /^$/,
      /\n {2}gateway\.listen\.port: HEADGATE_GATEWAY_LISTEN_PORT=80\n {2}gateway\.operations.*\n {2}aggregation\.listen\.port: .*\n`/,
    ],
    [
      'in the words of the file',
      ['serve', '--gateway.trustProxy', 'x'],
      2,
      /^$/,
      /trustProxy: \S+='\["10\.0\.0\.0\/8"\]'\n/,
    ],
    ['a group', ['serve', '--limits'], 2, /^$/, /\n {2}gateway\.limits: HEADGATE_GATEWAY_LIMITS_…\n/],
    [
      'where no configuration is read it is none',
      ['init', '--port'],
      2,
      /^$/,
      /no option --port; there is --help/,
    ],
    [
      'where it does nothing for the command it is none either',
      ['key', 'new', '--app', 'x'],
      2,
      /^$/,
      /no option --app; there are --config, --token, --help\n/,
    ],
    [
      'and where it does, it is',
      ['key', 'show-dev', '--data-dir'],
      2,
      /^$/,
      /\n {2}dataDir: HEADGATE_DATA_DIR=/,
    ],
    [
      'a token goes another way',
      ['status', '--token', 'x'],
      2,
      /^$/,
      /no option --token, .*: put the token into HEADGATE_TOKEN, or name the variable that holds it by --token-env NAME\n/,
    ],
    ['a word that is not taken', ['serve', 'now'], 2, /^$/, /does not take "now"\n/],
    [
      'a file without its option',
      ['serve', 'my.yaml'],
      2,
      /^$/,
      /"my\.yaml"; did you mean --config my\.yaml\?\n/,
    ],
    [
      'behind a word too',
      ['config', 'check', './a b'],
      2,
      /^$/,
      /check does not take "\.\/a b"; did you mean --config '\.\/a b'\?/,
    ],
    [
      'an address without its option',
      ['status', 'http://127.0.0.1:1'],
      2,
      /^$/,
      /does not take "http:\/\/127\.0\.0\.1:1"; did you mean --url http:\/\/127\.0\.0\.1:1\?\n/,
    ],
    [
      'an address where none is asked for',
      ['serve', 'http://127.0.0.1:1'],
      2,
      /^$/,
      /does not take "http:\/\/127\.0\.0\.1:1"\n/,
    ],
    ['where there is none', ['version', 'my.yaml'], 2, /^$/, /does not take "my\.yaml"\n/],
    ['a missing word', ['config'], 2, /^$/, /needs one of check, print/],
    ['two words', ['config', 'check', 'print'], 2, /^$/, /config: check does not take "print"\n/],
    ['a wrong word', ['config', 'burn'], 2, /^$/, /does not take "burn"; it is one of check, print\n/],
    [
      'words with an operand are shown',
      ['runs', '-h'],
      0,
      /^Usage: headgate runs list\|show ID\|cancel ID /,
      /^$/,
    ],
    ['an operand that is missing', ['runs', 'show'], 2, /^$/, /^headgate runs: needs "show ID"\n/],
    ['two operands', ['runs', 'cancel', 'a', 'b'], 2, /^$/, /needs "cancel ID"/],
    ['an operand that is not taken', ['runs', 'list', 'a'], 2, /^$/, /runs: list does not take "a"\n/],
    [
      'a word that is nearly right',
      ['config', 'chek'],
      2,
      /^$/,
      /does not take "chek"; did you mean "check"\?/,
    ],
  ] as const) {
    const terminal = fakeTerminal()
    t.equal(await runCommand(args, terminal), code, rule)
    t.match(terminal.said().out, out, rule)
    t.match(terminal.said().err, err, rule)
  }
})

test('each option that takes a value says what holds without it', async (t) => {
  const overview = fakeTerminal()
  await runCommand(['help'], overview)
  const names = [...overview.said().out.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name = '']) => name)
  t.ok(names.length > 10, `${names}`)
  t.match(overview.said().out, /HEADGATE_DATA_DIR is dataDir \(\.\/data by default\)/)
  for (const name of names) {
    const terminal = fakeTerminal()
    t.equal(await runCommand([name, '--help'], terminal), 0)
    const lines = terminal.said().out.split('\n')
    const options = lines.filter((line) => /^ {2}(?:-\w, | {4})--[\w-]+ [A-Z]/.test(line))
    for (const line of options) t.match(line, /\. By default \S.*\.$/, `${name}: ${line}`)
    t.equal(options.length, lines.filter((line) => / --[\w-]+ [A-Z]+ /.test(line)).length, name)
  }
})

test('what goes into a pipe is text: no bars, and nothing that steers a terminal', async (t) => {
  const dir = t.testdir({ lake: {} })
  const file = join(dir, 'headgate.yaml')
  for (const [args, code] of [
    [['help'], 0],
    [['version'], 0],
    [['init', file], 0],
    [['key', 'new'], 0],
    [['key', 'new', '--token'], 0],
    [['key', 'show-dev'], 1],
    [['config', 'check', '-c', file], 0],
    [['config', 'print', '-c', file], 0],
    [['aggregate', '--dry-run'], 0],
    [['reconcile'], 0],
    [['runs', 'list'], 1],
    [['status'], 1],
    [['health'], 1],
    [['revoke', '--all'], 0],
  ] as const) {
    const terminal = fakeTerminal({
      ...{ HEADGATE_DATA_DIR: dir, HEADGATE_GATEWAY_LISTEN_PORT: '1', HEADGATE_AGGREGATION_LISTEN_PORT: '2' },
    })
    t.equal(await runCommand(args, terminal), code, args.join(' '))
    t.notMatch(Object.values(terminal.said()).join(''), /[█░]|(?!\n)\p{Cc}/u, args.join(' '))
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
    [
      'a file without a name',
      ['config', 'check', '--config='],
      {},
      2,
      /^headgate config: --config needs a value: --config FILE; this one is empty/,
    ],
    [
      'a request that makes no sense',
      ['aggregate', '--from', 'tomorrow'],
      {},
      2,
      /from must be epoch milliseconds/,
    ],
    [
      'a data folder that is a file',
      ['aggregate'],
      { HEADGATE_DATA_DIR: 'package.json' },
      2,
      /^headgate aggregate: dataDir \(HEADGATE_DATA_DIR\) is package\.json, where nothing can be kept: .*\n$/,
    ],
  ] as const) {
    const terminal = fakeTerminal(env)
    t.equal(await runCommand(args, terminal), code, rule)
    t.match(terminal.said().err, err, rule)
  }
})

test('an answer that cannot be written is a failure, told once', async (t) => {
  const failure = (code: string) => Object.assign(new Error('write failed'), { code })
  const full = 'standard output cannot be written: the disk is full (ENOSPC)'
  for (const [args, lost, code, err] of [
    [['version'], undefined, 0, ''],
    [['version'], failure('ENOSPC'), 1, `headgate version: ${full}\n`],
    [
      ['key', 'new'],
      failure('EDQUOT'),
      1,
      /^headgate key: .* the quota of this user is used up \(EDQUOT\)\n$/,
    ],
    [['config', 'print'], failure('EIO'), 1, /^headgate config: .* \(EIO\)\n$/],
    [['config', 'check'], failure('EOTHER'), 1, /^headgate config: .* write failed \(EOTHER\)\n$/],
    [['config', '--help'], failure('ENOSPC'), 1, `headgate config: ${full}\n`],
    [['serve', '--help'], failure('ENOSPC'), 1, `headgate serve: ${full}\n`],
    [['help'], failure('EFBIG'), 1, /^headgate help: .*the file would be too large \(EFBIG\)\n$/],
    [[], failure('ENOSPC'), 2, `headgate help: ${full}\n`],
    // `headgate key new | head -1`
    [['key', 'new'], failure('EPIPE'), 0, ''],
  ] as const) {
    const terminal = { ...fakeTerminal(), unwritten: async () => lost }
    t.equal(await runCommand(args, terminal), code, args.join(' '))
    t.match(terminal.said().err, err)
    t.equal(terminal.said().err.split('\n').length, err === '' ? 1 : 2)
  }
})

/** A process and the cluster that it is in, as far as a terminal looks at them. */
function fakeProcess(env: Readonly<Record<string, string>> = {}) {
  const written: string[] = []
  const stream = (name: string) =>
    Object.assign(new EventEmitter(), {
      write: (text: string) => written.push(`${name} ${text}`),
      isTTY: true,
    })
  const sent: unknown[] = []
  const fake = Object.assign(new EventEmitter(), {
    env,
    stdin: Readable.from(['given']),
    stdout: stream('out'),
    stderr: stream('err'),
    send: (message: unknown, _handle: undefined, _options: undefined, done: () => void) => {
      sent.push(message)
      done()
    },
  })
  const cluster = { isWorker: false, fork: (_env: object): unknown => undefined }
  const terminal = () => processTerminal(fake as unknown as NodeJS.Process, cluster as unknown as NodeCluster)
  return { fake, cluster, terminal, written, sent }
}

test('a terminal is the process: its signals, its streams', async (t) => {
  const { fake, terminal: open, written } = fakeProcess({ A: 'b' })
  const terminal = open()
  terminal.out('1')
  terminal.err('2')
  t.same(written, ['out 1', 'err 2'])
  const given: unknown[] = []
  for await (const piece of terminal.input()) given.push(piece)
  t.same(given, ['given'])
  t.equal(terminal.interactive, true)
  t.equal(terminal.env['A'], 'b')
  t.equal(terminal.primary, undefined)
  let reloads = 0
  terminal.onReload(() => reloads++)
  fake.emit('SIGHUP')
  t.equal(reloads, 1)
  t.equal(terminal.stop.aborted, false)
  fake.emit('SIGTERM')
  t.equal(terminal.stop.aborted, true)
})

test('a terminal knows whether all that was said was taken', async (t) => {
  const { fake, terminal: open } = fakeProcess()
  const asked: ((error?: Error | null) => void)[] = []
  Object.assign(fake.stdout, {
    write: (_text: string, done: (error?: Error | null) => void) => asked.push(done),
  })
  const terminal = open()
  t.equal(await terminal.unwritten?.(), undefined, 'nothing was said')
  terminal.out('1')
  terminal.out('2')
  const before = terminal.unwritten?.()
  for (const done of asked.splice(0)) done(null)
  t.equal(await before, undefined)
  const [full, later] = [new Error('full'), new Error('later')]
  for (const text of ['3', '4', '5']) terminal.out(text)
  const after = terminal.unwritten?.()
  for (const [i, error] of [full, later, undefined].entries()) asked[i]?.(error)
  t.equal(await after, full, 'the first failure is the reason')
  t.equal(await terminal.unwritten?.(), full, 'and stays it')
})

test('a worker listens to its primary as to signals, and answers it', async (t) => {
  const { fake, cluster, terminal: open, sent } = fakeProcess({ HEADGATE_WORKER: '3' })
  cluster.isWorker = true
  const terminal = open()
  t.equal(terminal.primary?.index, 3)
  terminal.primary?.send({ kind: 'ready', port: 1 })
  t.same(sent, [{ kind: 'ready', port: 1 }])
  let reloads = 0
  terminal.onReload(() => reloads++)
  fake.emit('message', { kind: 'report', id: 1 })
  t.same([reloads, terminal.stop.aborted], [0, false])
  const [first, next] = [parseConfig({}, {}), parseConfig({ logLevel: 'warn' }, {})]
  const asked = terminal.primary?.configuration()
  fake.emit('message', { kind: 'start', config: first })
  t.equal(await asked, first)
  t.equal(reloads, 0, 'what it starts with is no reload')
  fake.emit('message', { kind: 'reload', config: next })
  t.equal(reloads, 1)
  t.equal(await terminal.primary?.configuration(), next)
  fake.emit('message', { kind: 'stop' })
  t.equal(terminal.stop.aborted, true)
})

test('a worker is a process of the cluster: told things, heard, killed, and its end noticed', async (t) => {
  const { cluster, terminal } = fakeProcess()
  const [told, killed, envs]: [unknown[], unknown[], unknown[]] = [[], [], []]
  const forked = () => {
    const process = Object.assign(new EventEmitter(), {
      kill: (signal: string) => killed.push(signal),
      send: () => undefined,
    })
    const worker = Object.assign(new EventEmitter(), {
      process,
      send(message: unknown, done: () => void) {
        told.push(message)
        done()
      },
    })
    return worker
  }
  const [worker, broken] = [forked(), forked()]
  const next = [worker, broken]
  cluster.fork = (env) => {
    envs.push(env)
    return next.shift()
  }
  const process = terminal().fork(2)
  t.same(envs, [{ HEADGATE_WORKER: '2' }])
  process.send({ kind: 'stop' })
  t.same(told, [{ kind: 'stop' }])
  const heard: unknown[] = []
  process.onMessage((message) => heard.push(message))
  worker.emit('message', { kind: 'ready', port: 1 })
  t.same(heard, [{ kind: 'ready', port: 1 }])
  process.kill()
  t.same(killed, ['SIGKILL'])
  worker.emit('exit', null, 'SIGKILL')
  t.same(await process.ended, { code: null, signal: 'SIGKILL' })
  const unborn = terminal().fork(0)
  broken.emit('error', new Error('EAGAIN'))
  broken.emit('error', new Error('EPIPE'))
  t.same(await unborn.ended, { code: null, signal: null })
})

test('a full disk is told in words', async (t) => {
  const terminal = fakeTerminal()
  const out = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  }
  t.equal(await runCommand(['version'], { ...terminal, out }), 1)
  t.equal(
    terminal.said().err,
    'headgate version: the disk is full (ENOSPC): free some of it, and ask again\n',
  )
})
