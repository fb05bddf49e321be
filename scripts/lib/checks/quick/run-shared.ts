// Runs test files that start no process as run-files.ts does: without a process for each file. Results are left where tap
// leaves its own, and tap reports those files that failed or left something out.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mustBeAlone } from './quick-tests.ts'
import { type RunOptions, runFiles } from './run-files.ts'

const RESULTS = '.tap/test-results'
/** As in .taprc. */
const TIMEOUT_MS = 300_000
const LINGER_MS = 30_000

/** Whether all of them passed, so many at once, in processes of these environments. */
export async function runShared(
  files: readonly string[],
  { envOf, jobs }: Pick<RunOptions, 'envOf' | 'jobs'>,
): Promise<boolean> {
  // Results of files that are no more would be named among the slowest.
  rmSync(RESULTS, { recursive: true, force: true })
  const outcomes = await runFiles(files, {
    results: RESULTS,
    jobs,
    timeoutMs: TIMEOUT_MS,
    lingerMs: LINGER_MS,
    mustBeAlone,
    envOf,
  })
  const told = outcomes.filter(({ isSilent }) => !isSilent).map(({ file }) => file)
  if (told.length > 0)
    spawnSync('node_modules/.bin/tap', ['replay', '--disable-coverage', '--reporter=terse', ...told], {
      stdio: 'inherit',
    })
  const passed = outcomes.filter((outcome) => outcome.passed)
  console.log(`${passed.length} of ${files.length} test files passed.`)
  for (const { file, faults } of outcomes.filter((outcome) => !outcome.passed))
    console.log([`FAILED: ${file}`, ...faults].join('\n  '))
  return files.length > 0 && passed.length === files.length
}
