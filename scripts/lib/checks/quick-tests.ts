// The test files of the quick loop: those that start no process and no browser, by whatever they import of test/ and
// scripts/, and that search for nothing.
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
  /\/(?:address-limit|budget|gunzip|line-screen|load|stall|wide-objects)\.test\.ts$/,
  /^test\/(?:scripts\/limits|wiring\/delivery)\.test\.ts$/,
]

const seen = new Map<string, boolean>()

/** Whether the file, or what it imports, starts processes. */
function starts(file: string): boolean {
  const known = seen.get(file)
  if (known !== undefined) return known
  // A circle adds nothing of its own.
  seen.set(file, false)
  const text = readFileSync(file, 'utf8')
  const paths = [...text.matchAll(/^(?:import|export|\}).* from '(\.[^']+)'/gm)].map(([, path]) =>
    String(path),
  )
  const imports = paths.map((path) => join(dirname(file), path)).filter((path) => existsSync(path))
  const own = STARTS.test(text) || STARTING.some((pattern) => pattern.test(file))
  const found = own || imports.filter((path) => /^(?:test|scripts)\/.*\.ts$/.test(path)).some(starts)
  seen.set(file, found)
  return found
}

export const quickTests = (): string[] =>
  globSync('test/**/*.test.ts')
    .filter((file) => !SEARCHING.some((pattern) => pattern.test(file)) && !starts(file))
    .sort()
