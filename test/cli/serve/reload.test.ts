import { test } from 'tap'
import { readAgain, spoken } from '../../../src/cli/serve/reload.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { createTelemetry } from '../../../src/std/telemetry.ts'

const tokens = [{ name: 'ops', sha256: 'a'.repeat(64), scopes: ['read'] }]
const running = parseConfig({ aggregation: { tokens } }, {})
const changed = { logLevel: 'warn', apps: [{ id: 'shop' }], aggregation: { tokens } }
const NO_KEYS = 'apps.0: has no keys, so that all it is sent is refused; `headgate key new` makes one'

test('whoever watches is told in words; a log has lines of JSON, and nothing else', async (t) => {
  for (const [rule, given, isWorker, words, levels] of [
    ['nothing else has changed', { aggregation: { tokens } }, false, ['0 apps and 1 token read again'], [30]],
    [
      'what is odd, and what waits for a restart',
      changed,
      false,
      ['1 app and 1 token read again', `warning: ${NO_KEYS}`, 'warning: only a restart changes logLevel'],
      [30, 40, 40],
    ],
    ['of that a worker says nothing', changed, true, ['1 app and 1 token read again'], [30]],
    [
      'a fault changes nothing',
      { logLevel: 'loud' },
      false,
      [/^kept the old configuration: 1 fault in the configuration:\n {2}logLevel: must be one of /],
      [50],
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
    const lines: string[] = []
    const { log } = createTelemetry('info', { write: (line) => lines.push(line) })
    await readAgain(running, { tell: log, isWorker }, async () => parseConfig(given, {}))
    t.same(
      lines.map((line) => JSON.parse(line).level),
      levels,
      'in the log by how much it matters',
    )
  }
})
