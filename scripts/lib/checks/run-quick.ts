// Runs the tests of the quick loop: each file in a process of its own, as tap does, but without what tap loads into each of
// them for coverage, which takes as long as most of them. Results are left where tap leaves its own, and tap reports those
// files that failed or left something out.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { quickTests } from './quick-tests.ts'

const RESULTS = '.tap/test-results'
/** As in .taprc. */
const JOBS = 4
/** As in .taprc. A file that is stuck beyond it, so that it cannot fail by itself, is ended a while later. */
const TIMEOUT_SECONDS = 300
const KILL_MS = (TIMEOUT_SECONDS + 30) * 1_000

/** How the results of a file end that came to its end, and what tells of a test that was left out. */
const WHOLE = /^# time=[\d.]+ms$/m
const LEFT_OUT = /^ *(?:not )?ok .* # (?:SKIP|TODO)/m

const env = { ...process.env, TAP: '1', TAP_TIMEOUT: String(TIMEOUT_SECONDS) }

/** Whether the file passed, and whether there is anything to report of it. */
async function run(file: string): Promise<{ passed: boolean; silent: boolean }> {
  const results = `${RESULTS}/${file}.tap`
  mkdirSync(dirname(results), { recursive: true })
  const output = openSync(results, 'w')
  const child = spawn(process.execPath, [file], {
    env,
    stdio: ['ignore', output, 'inherit'],
    timeout: KILL_MS,
    killSignal: 'SIGKILL',
  })
  closeSync(output)
  const [code] = await once(child, 'close')
  const said = readFileSync(results, 'utf8')
  const passed = code === 0 && WHOLE.test(said)
  return { passed, silent: passed && !LEFT_OUT.test(said) }
}

const files = quickTests()
const failed: string[] = []
const told: string[] = []
const waiting = files.values()

async function work(): Promise<void> {
  for (const file of waiting) {
    const { passed, silent } = await run(file)
    if (!passed) failed.push(file)
    if (!silent) told.push(file)
  }
}

// Results of files that are no more would be named among the slowest.
rmSync(RESULTS, { recursive: true, force: true })
await Promise.all(Array.from({ length: JOBS }, work))
if (told.length > 0)
  spawnSync('node_modules/.bin/tap', ['replay', '--disable-coverage', '--reporter=terse', ...told], {
    stdio: 'inherit',
  })
console.log(`${files.length - failed.length} of ${files.length} test files passed.`)
for (const file of failed) console.log(`FAILED: ${file}`)
process.exitCode = failed.length > 0 || files.length === 0 ? 1 : 0
