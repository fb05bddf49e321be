// Runs all tests with coverage: first those of the quick loop, which share processes, then the others, of which tap starts one
// for each. A process for each of the former takes twice as long as they do.
import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { product } from '../coverage-map.ts'
import { quickTests } from './quick-tests.ts'
import { runShared } from './run-shared.ts'

const TAP = 'node_modules/.bin/tap'

// What was covered before is no part of this.
for (const folder of ['.tap/coverage', '.tap/processinfo']) rmSync(folder, { recursive: true, force: true })

const quick = quickTests()
const isQuickGood = await runShared(quick, {
  ...process.env,
  NODE_OPTIONS: execFileSync(TAP, ['node-options'], { encoding: 'utf8' }).trim(),
  _TAPJS_PROCESSINFO_COVERAGE_: '1',
  _TAPJS_PROCESSINFO_COV_FILES_: product.map((file) => resolve(file)).join('\n'),
})
const others = globSync('test/**/*.test.ts').filter((file) => !quick.includes(file))
// With --changed, tap keeps what is there of coverage; all of them changed, as none of them was run before.
const args = ['--changed', '--reporter=terse', '--coverage-report=lcovonly', ...others]
const { status } = spawnSync(TAP, args, { stdio: 'inherit' })
process.exitCode = isQuickGood && status === 0 ? 0 : 1
