// Runs all tests, each file once, with coverage where it counts: several in one process after another, as run-files.ts does,
// which takes half of what a process for each takes. What is timed runs by itself, after them (run-timed.ts); the report of what
// was covered, which one processor makes, beside what comes then.
import { execFileSync } from 'node:child_process'
import { globSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { countsNothing, product } from '../coverage-map.ts'
import { quickTests, timesItself } from './quick-tests.ts'
import { runShared } from './run-shared.ts'

const TAP = 'node_modules/.bin/tap'

// What was covered before is no part of this.
for (const folder of ['.tap/coverage', '.tap/processinfo']) rmSync(folder, { recursive: true, force: true })

const counted = {
  ...process.env,
  NODE_OPTIONS: execFileSync(TAP, ['node-options'], { encoding: 'utf8' }).trim(),
  _TAPJS_PROCESSINFO_COVERAGE_: '1',
  _TAPJS_PROCESSINFO_COV_FILES_: product.map((file) => resolve(file)).join('\n'),
}
// What Node compiled stays for those that start it again and again; with coverage that would be less exact.
const uncounted = { ...process.env, NODE_COMPILE_CACHE: resolve('.cache/compiled') }
const quick = quickTests()
const slow = globSync('test/**/*.test.ts').filter(
  (file) => !quick.includes(file) && !(timesItself(file) && countsNothing(file)),
)
// Those first that count nothing: most of them are long, and what is short at the end keeps every processor busy.
const files = [...slow.filter(countsNothing), ...slow.filter((file) => !countsNothing(file)), ...quick]
const isGood = await runShared(files, {
  envOf: (file) => (countsNothing(file) ? uncounted : counted),
  // Many of them wait for processes that wait.
  jobs: 3 * availableParallelism(),
})
process.exitCode = isGood ? 0 : 1
