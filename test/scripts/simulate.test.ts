import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { emptiness } from '../../scripts/lib/simulation/main.ts'

const MAIN = 'scripts/lib/simulation/main.ts'
/** Rejects with what was printed, and the exit code. */
const simulated = (...args: readonly string[]) => promisify(execFile)(process.execPath, [MAIN, ...args])

t.test('worlds are lived through in two processes, each told of', async (t) => {
  const { stdout } = await simulated('--from', '11', '--seeds', '3')
  t.match(
    stdout,
    /^3 worlds in \d+ s, \d+ ms of CPU each; \d+ events acknowledged; 0 worlds broke a promise\n$/,
  )
})

t.test('one world is told of to its last event, and names its trace', async (t) => {
  const { stdout } = await simulated('--seed', '11')
  t.match(stdout, /\d+\.\d\d gateway 101: /)
  t.match(stdout, /\nseed 11: \d+ events, \d+ acknowledged, trace \d+-[0-9a-f]{8}\n$/)
})

t.test('a search that looked at nothing proves nothing', async (t) => {
  const seeds = new Set([1, 2])
  for (const [rule, asked, lived, told] of [
    ['all were there', 2, { seeds, broken: [], acknowledged: 100 }, undefined],
    ['one is missing', 3, { seeds, broken: [], acknowledged: 100 }, '2 of 3 worlds were lived through'],
    [
      'no sender was answered',
      2,
      { seeds, broken: [], acknowledged: 39 },
      '39 events were acknowledged in 2 worlds',
    ],
  ] as const) {
    t.equal(emptiness(asked, lived), told, rule)
  }
  await t.rejects(simulated('--seeds', '0'), { code: 2 })
  await t.rejects(simulated('--seed', 'one'), { code: 2 })
})
