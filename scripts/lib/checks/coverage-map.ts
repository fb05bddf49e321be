// What must be covered: all of the product, whichever test reaches it; not the scripts that tests borrow. main.ts runs in
// test/process/process.test.ts, as a process of its own, and query-thread.ts in test/wiring/queries.test.ts, as a thread.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const STARTING = ['src/main.ts', 'src/wiring/query-thread.ts']
const product = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => join('src', name))
  .filter((name) => name.endsWith('.ts') && !STARTING.includes(name))

// biome-ignore lint/style/noDefaultExport: the test runner asks for one
export default (): readonly string[] => product
