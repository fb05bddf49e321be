// What must be covered: all of the product, whichever test reaches it; not the scripts that tests borrow. main.ts runs in
// test/process/process.test.ts, as a process of its own, and query-thread.ts and small-files-thread.ts as threads, in
// test/wiring/queries.test.ts and test/lake/small-files-reader.test.ts.
// Tests of the source as text, of our scripts, of the product as processes and in a browser are there for something else, as
// are searches and what is measured: what they reach has tests of its own, and counting makes them up to ten times as slow.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const STARTING = ['src/main.ts', 'src/wiring/query-thread.ts', 'src/wiring/small-files-thread.ts']
export const product = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => join('src', name))
  .filter((name) => name.endsWith('.ts') && !STARTING.includes(name))

const COUNTING_NOTHING = [
  /^test\/(?:[^/]+\.test\.ts$|(?:browser|iam|process|scripts|simulation\/duckdb)\/)/,
  /\/(?:bad-input|disk\/crash|hostile-connections|journal-model|kinesis-local|oracle|outage|power|steps)\.test\.ts$/,
  /\/(?:counted-backlog|large-lines|load|stall|wide-objects|(?:[\w-]+-)?cost)\.test\.ts$/,
]

/** Whether it is nothing to coverage what a test file reaches. */
export const countsNothing = (test: string): boolean => COUNTING_NOTHING.some((pattern) => pattern.test(test))

// biome-ignore lint/style/noDefaultExport: the test runner asks for one
export default (test = ''): readonly string[] | null => (countsNothing(test) ? null : product)
