import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import {
  apply,
  MUTANTS,
  type MutantResult,
  readMutants,
  runMutants,
  SIMULATION_MUTANTS,
  tableOf,
  verdictOf,
} from '../../scripts/lib/torture/mutants.ts'

const header =
  'Breaks: something\nCaught-by: test/gateway/journal/watermarks.test.ts\nNo-world: nobody is harmed.\n\n'
const watermarks = 'src/gateway/journal/watermarks.ts'
const changing = (line: string, to: string) =>
  `${header}--- a/${watermarks}\n+++ b/${watermarks}\n@@ -5,2 +5,2 @@\n-${line}\n+${to}\n /** Beacons and pixels have the slice up to this; the rest is headroom. Ours. */\n`
const shareLine = 'const RETRYING_SENDERS_SHARE = 0.8'

t.test('each committed mutant still applies, and names tests that are there', async (t) => {
  const mutants = await readMutants([MUTANTS, SIMULATION_MUTANTS])
  t.ok(mutants.length >= 10, `${mutants.length} mutants`)
  for (const { name, tests, patch } of mutants) {
    await t.resolves(apply(process.cwd(), patch, '--check'), name)
    t.same(
      tests.filter((test) => !existsSync(test)),
      [],
      `${name}: ${tests}`,
    )
  }
})

t.test('those of the simulation are shown by its worlds, five of them in the aggregation', async (t) => {
  const mutants = await readMutants([SIMULATION_MUTANTS])
  for (const { name, worlds = 0, tests } of mutants) {
    t.ok(worlds > 0, `${name}: ${worlds} worlds`)
    t.same(tests, ['test/simulation/simulation.test.ts'], name)
  }
  const texts = await Promise.all(mutants.map(({ patch }) => readFile(patch, 'utf8')))
  const ofAggregation = texts.filter((text) => text.includes('+++ b/src/aggregation/'))
  t.ok(ofAggregation.length >= 5, `${ofAggregation.length} in the aggregation`)
})

t.test('mutants are caught, survive, or prove nothing', async (t) => {
  const folder = t.testdir({
    'caught.patch': changing(shareLine, 'const RETRYING_SENDERS_SHARE = 0.9'),
    'survives.patch': changing(shareLine, `${shareLine} // as before`),
    'is-nonsense.patch': changing(shareLine, 'const RETRYING_SENDERS_SHARE = ='),
    'refers-to-nothing.patch': changing(shareLine, 'const RETRYING_SENDERS_SHARE = nowhere'),
  })
  const said: string[] = []
  const results = await runMutants({ folders: [folder], say: (text) => said.push(text) })
  t.match(results, [
    { mutant: 'caught', test: 'test/gateway/journal/watermarks.test.ts', verdict: 'caught' },
    { mutant: 'is-nonsense', verdict: 'broken' },
    { mutant: 'refers-to-nothing', verdict: 'broken' },
    { mutant: 'survives', verdict: 'survived' },
  ])
  t.equal(said[0], '4 mutants; without them 1 tests must pass …')
  const table = tableOf(await readMutants([folder]), results)
  t.match(table, /caught +something\n +caught by watermarks\n/)
  t.match(table, /4 mutants, 4 runs, 3 not caught$/)
})

t.test('a run that would prove nothing is an error', async (t) => {
  const say = () => {}
  const rejected = async (folder: string, message: RegExp) =>
    t.rejects(runMutants({ folders: [folder], say }), { message })
  await rejected(
    t.testdir({ 'old.patch': changing('const NO_LONGER_THERE = 1', '') }),
    /patch does not apply/,
  )
  await rejected(
    t.testdir({ 'dumb.patch': 'diff' }),
    /dumb.patch begins with no line Breaks:, no line Caught-by:, and neither Worlds: nor No-world:/,
  )
  const absent = header.replace('watermarks', 'nothing')
  await rejected(t.testdir({ 'no-test.patch': absent }), /nothing.test.ts fails without any mutant/)
  await t.rejects(runMutants({ only: ['yeti'], say }), { message: /there is no mutant yeti, but ack-on-/ })
})

t.test('only an assertion that failed has caught something', async (t) => {
  for (const [rule, exitCode, output, verdict] of [
    ['it passes', 0, 'ok 1', 'survived'],
    ['an assertion fails', 1, '# Subtest: a\n    not ok 1 - should be equal\n', 'caught'],
    ['nothing but the file failed', 1, 'not ok 1 - test\n', 'broken'],
    ['it hangs', 1, '    not ok 1 - timeout!\n', 'broken'],
    ['it was killed', null, '    not ok 1 - should be equal\n', 'broken'],
    ['a name is missing', 1, '    not ok 1 - x is not defined\n      type: ReferenceError\n', 'broken'],
  ] as const satisfies [string, number | null, string, MutantResult['verdict']][]) {
    t.equal(verdictOf(exitCode, output), verdict, rule)
  }
})
