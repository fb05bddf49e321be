// Prints how long the last run of tap took of each test file, the ten slowest, and the sum: .tap/test-results.
import { globSync, readFileSync } from 'node:fs'

const SHOWN = 10
const FOLDER = '.tap/test-results/'
/** tap writes it as the last line of a file's results. */
const TIME = /^# time=(\d+(?:\.\d+)?)ms$/m

const seconds = (ms: number): string => (ms / 1_000).toFixed(1).padStart(7)

const files = globSync(`${FOLDER}**/*.tap`)
  .map((path) => ({
    file: path.slice(FOLDER.length, -'.tap'.length),
    ms: Number(TIME.exec(readFileSync(path, 'utf8'))?.[1] ?? 0),
  }))
  .sort((a, b) => b.ms - a.ms)
if (process.argv.includes('--all')) for (const { file, ms } of files) console.log(`${seconds(ms)} s  ${file}`)
else {
  console.log(`The slowest of ${files.length} test files (all: node scripts/lib/checks/slowest.ts --all):`)
  for (const { file, ms } of files.slice(0, SHOWN)) console.log(`${seconds(ms)} s  ${file}`)
  console.log(`${seconds(files.reduce((sum, { ms }) => sum + ms, 0))} s  together`)
}
