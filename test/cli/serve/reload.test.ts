import { test } from 'tap'
import { logged, readAgain, spoken } from '../../../src/cli/serve/reload.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { createTelemetry } from '../../../src/std/telemetry.ts'

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
