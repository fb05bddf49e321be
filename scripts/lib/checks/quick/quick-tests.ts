// The test files of the quick loop, which share processes in the whole suite as well: those that start no process and no
// browser, by whatever they import of test/ and scripts/, and that search for nothing.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Whoever imports one of these starts processes. */
const STARTS = /from '(?:node:child_process|node:cluster|node:worker_threads|playwright|playwright-core)'/
/** Two S3 servers by other people, DuckDB in a child, whatever serves as a process. */
const STARTING = [
  /^test\/fakes\/process\//,
  /^test\/fakes\/aws\/s3-servers\.ts$/,
  /^test\/fakes\/aggregation\/sessions\.ts$/,
]
/** They look for what nobody thought of, at all there is, or at how long something takes. */
const SEARCHING = [
  /^test\/(?:browser|process|fuzz|iam)\//,
  /\/(?:bad-input|candidates|crash|journal-model|oracle|outage|patterns|power|recovery|steps)\.test\.ts$/,
  /\/(?:address-limit|budget|(?:[\w-]+-)?cost|counted-backlog|gunzip|load|stall|whole-call|wide-objects)\.test\.ts$/,
  /^test\/(?:scripts\/limits|wiring\/delivery)\.test\.ts$/,
]
/** What a process took, of time or memory, is the work of whoever ran in it; and who drives a browser has other files, in node:fs. */
const ALONE = /\bprocess\.(?:cpuUsage|memoryUsage|resourceUsage)\b|from 'playwright-core'/

const textOf = (file: string): string => readFileSync(file, 'utf8')

/** Says of a file whether it, or what it imports of test/ and scripts/, is such. */
function anywhere(isSuch: (file: string) => boolean): (file: string) => boolean {
  const seen = new Map<string, boolean>()
  return function isFound(file: string): boolean {
    const known = seen.get(file)
    if (known !== undefined) return known
    // A circle adds nothing of its own.
    seen.set(file, false)
    const paths = [...textOf(file).matchAll(/^(?:import|export|\}).* from '(\.[^']+)'/gm)]
    const imports = paths.map(([, path]) => join(dirname(file), String(path)))
    const ours = imports.filter((path) => /^(?:test|scripts)\/.*\.ts$/.test(path) && existsSync(path))
    const found = isSuch(file) || ours.some(isFound)
    seen.set(file, found)
    return found
  }
}

const startsProcesses = anywhere(
  (file) => STARTS.test(textOf(file)) || STARTING.some((pattern) => pattern.test(file)),
)

export const quickTests = (): string[] =>
  globSync('test/**/*.test.ts')
    .filter((file) => !SEARCHING.some((pattern) => pattern.test(file)) && !startsProcesses(file))
    .sort()

/** Whether a test file must have a process of its own: it measures that, or changes it for all others. */
export const mustBeAlone = anywhere((file) => ALONE.test(textOf(file)))

/** Whether a test file is timed: that needs a process without coverage, and few others beside it. */
export const timesItself = (file: string): boolean => textOf(file).includes("/fakes/stretch.ts'")

export const timedTests = (): string[] => globSync('test/**/*.test.ts').filter(timesItself).sort()
