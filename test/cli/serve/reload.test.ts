import { test } from 'tap'
import { inForce, logged, readAgain, reloadsOf, spoken } from '../../../src/cli/serve/reload.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { createTelemetry } from '../../../src/std/telemetry.ts'
import { credentialsOf } from '../../fakes/credentials/vending.ts'

/** A terminal of which only the reloads matter. */
function reloading() {
  let reload = () => {}
  return {
    onReload: (callback: () => void) => {
      reload = callback
    },
    reload: () => reload(),
  }
}

const tokens = [{ name: 'ops', sha256: 'a'.repeat(64), scopes: ['read'] }]
const running = parseConfig({ aggregation: { tokens } }, {})
const changed = { logLevel: 'warn', apps: [{ id: 'shop' }], aggregation: { tokens } }
const NO_KEYS = 'apps.0: has no keys, so that all it is sent is refused; `headgate key new` makes one'
const READ = { level: 30, msg: 'apps and tokens were read again', apps: 1, tokens: 1 }

test('whoever watches is told in words; a log has lines of JSON, and nothing else', async (t) => {
  for (const [rule, given, isWorker, words, lines] of [
    [
      'nothing else has changed',
      { aggregation: { tokens } },
      false,
      ['0 apps and 1 token read again'],
      [{ ...READ, apps: 0 }],
    ],
    [
      'what is odd, and what waits for a restart',
      changed,
      false,
      ['1 app and 1 token read again', `warning: ${NO_KEYS}`, 'warning: only a restart changes logLevel'],
      [
        READ,
        { level: 40, msg: 'a setting will hardly do what was meant', setting: 'apps.0', why: /^has no keys/ },
        { level: 40, msg: 'only a restart changes some settings', settings: ['logLevel'] },
      ],
    ],
    ['of that a worker says nothing', changed, true, ['1 app and 1 token read again'], [READ]],
    [
      'a fault changes nothing',
      { logLevel: 'loud' },
      false,
      [/^kept the old configuration: 1 fault in the configuration:\n {2}logLevel: must be one of /],
      [
        {
          level: 50,
          msg: 'the old configuration is kept',
          why: /^1 fault in the configuration:\n {2}logLevel: must/,
        },
      ],
    ],
  ] as const) {
    const told: string[] = []
    await readAgain(running, { tell: spoken({ err: (text) => told.push(text) }), isWorker }, async () =>
      parseConfig(given, {}),
    )
    t.match(
      told.map((line) => line.replace(/^headgate: /, '').replace(/\n$/, '')),
      words,
      rule,
    )
    const written: string[] = []
    const { log } = createTelemetry('info', { write: (line) => written.push(line) })
    await readAgain(running, { tell: logged(log), isWorker }, async () => parseConfig(given, {}))
    t.equal(written.length, lines.length, rule)
    t.match(
      written.map((line) => JSON.parse(line)),
      lines,
      'in the log by how much it matters',
    )
  }
})

test('a file that takes the last app is told of, as one that broke off does', async (t) => {
  const before = parseConfig({ apps: [{ id: 'shop' }, { id: 'app' }], aggregation: { tokens } }, {})
  const told: string[] = []
  const tell = spoken({ err: (text) => told.push(text) })
  for (const isWorker of [false, true])
    await readAgain(before, { tell, isWorker }, async () => parseConfig({ aggregation: { tokens } }, {}))
  t.same(told, [
    'headgate: 0 apps and 1 token read again\n',
    'headgate: warning: apps: none is left of 2, so that all that is sent is refused\n',
    'headgate: 0 apps and 1 token read again\n',
  ])
})

test('a reload that is asked for during the start is done after it; then each after the one before', async (t) => {
  const { onReload, reload } = reloading()
  const begin = reloadsOf({ onReload })
  const done: string[] = []
  let goOn = () => {}
  reload()
  reload()
  await new Promise(setImmediate)
  begin(async () => {
    done.push('begun')
    await new Promise<void>((resolve) => {
      goOn = resolve
    })
    done.push('ended')
  })
  await new Promise(setImmediate)
  t.same(done, ['begun'])
  goOn()
  await new Promise(setImmediate)
  t.same(done, ['begun', 'ended', 'begun'])
  reload()
  goOn()
  await new Promise(setImmediate)
  t.same(done, ['begun', 'ended', 'begun', 'ended', 'begun'])
})

test('in force is what was there at the start, with the apps and tokens that were read since', async (t) => {
  const next = parseConfig({ dataDir: '/elsewhere', ...changed, gateway: { durability: 'memory' } }, {})
  const { apps, aggregation } = next
  const before = parseConfig({ aggregation: { schedule: { grace: '1s' } } }, {})
  t.same(inForce(before, next), {
    ...before,
    apps,
    aggregation: { ...before.aggregation, tokens: aggregation.tokens },
  })
})

test('apps that do not go with what is running change nothing, though all of the file goes together', async (t) => {
  const stream = { kind: 'kinesis', region: 'eu-west-1' }
  const credentials = { subjectKeyEnv: 'SUBJECT_KEY', region: 'eu-west-1' }
  const before = parseConfig(
    { gateway: { stream: { ...stream, name: 'headgate-direct-ios' }, credentials } },
    {},
  )
  const apps = [{ id: 'ios', credentials: credentialsOf('ios', { stream: 'headgate-direct-ios' }) }]
  const next = parseConfig({ gateway: { stream: { ...stream, name: 'other' }, credentials }, apps }, {})
  t.throws(() => inForce(before, next), {
    code: 'bad_configuration',
    message: /apps\.0\.credentials\.stream: must not be gateway\.stream\.name$/,
  })
})
