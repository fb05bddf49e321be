// What must be covered: all of the product, whichever test reaches it; not the scripts that tests borrow. main.ts runs in
// test/process/process.test.ts, as a process of its own.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const product = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => join('src', name))
  .filter((name) => name.endsWith('.ts') && name !== join('src', 'main.ts'))

// biome-ignore lint/style/noDefaultExport: the test runner asks for one
export default () => product
