// Runs the tests of the quick loop: each file in a process of its own, as tap does, but without what tap loads into each of
// them for coverage, which makes them take a third longer. tap reports afterwards, from the results that are left where it
// leaves its own.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { quickTests } from './quick-tests.ts'

const RESULTS = '.tap/test-results'
/** As in .taprc. */
const JOBS = 4
/** As in .taprc. A file that is stuck beyond it, so that it cannot fail by itself, is ended a while later. */
const TIMEOUT_SECONDS = 300
const KILL_MS = (TIMEOUT_SECONDS + 30) * 1_000

const env = { ...process.env, TAP: '1', TAP_TIMEOUT: String(TIMEOUT_SECONDS) }

/** Whether the file passed. */
function run(file: string): Promise<boolean> {
  const results = `${RESULTS}/${file}.tap`
  mkdirSync(dirname(results), { recursive: true })
  const output = openSync(results, 'w')
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    env,
    stdio: ['ignore', output, 'inherit'],
    timeout: KILL_MS,
    killSignal: 'SIGKILL',
  })
  closeSync(output)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code === 0))
  })
}

const files = quickTests()
const failed: string[] = []
const waiting = files.values()

async function work(): Promise<void> {
  for (const file of waiting) if (!(await run(file))) failed.push(file)
}

// Results of files that are no more would be named among the slowest.
rmSync(RESULTS, { recursive: true, force: true })
await Promise.all(Array.from({ length: JOBS }, work))
const report = spawnSync(
  'node_modules/.bin/tap',
  ['replay', '--disable-coverage', '--reporter=terse', ...files],
  { stdio: 'inherit' },
)
for (const file of failed) console.error(`FAILED: ${file}`)
process.exitCode = failed.length > 0 || report.status !== 0 || files.length === 0 ? 1 : 0
