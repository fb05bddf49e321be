// What must be covered: all of the product, whichever test reaches it; not the scripts that tests borrow. main.ts runs in
// test/process/process.test.ts, as a process of its own, and query-thread.ts and small-files-thread.ts as threads, in
// test/wiring/queries.test.ts and test/lake/small-files-reader.test.ts.
// Tests of the source as text, of our scripts and of the product as processes are there for something else: what they reach
// has tests of its own, and counting makes what they start, TypeScript say, twice as slow.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const STARTING = ['src/main.ts', 'src/wiring/query-thread.ts', 'src/wiring/small-files-thread.ts']
export const product = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => join('src', name))
  .filter((name) => name.endsWith('.ts') && !STARTING.includes(name))

const COUNTS_NOTHING = /^test\/(?:[^/]+\.test\.ts$|scripts\/|process\/)/

// biome-ignore lint/style/noDefaultExport: the test runner asks for one
export default (test = ''): readonly string[] | null => (COUNTS_NOTHING.test(test) ? null : product)
