// src/ → dist/: TypeScript compiled, dashboard assets copied beside the module that serves them. Built beside dist/ and put
// in its place when it is whole: what runs from there goes on, and what does not compile leaves the last build as it was.
// Further arguments are for tsc: --noCheck where the types are checked right after.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, renameSync, rmSync } from 'node:fs'

const ASSETS = 'aggregation/serve/dashboard/assets'
/** As deep as dist/, so that source maps are right there; two builds do not meet. */
const next = `dist.next-${process.pid}`
const last = `dist.last-${process.pid}`
const remove = (folder) => rmSync(folder, { recursive: true, force: true })

// It takes seconds, in which nothing else is said.
console.error('Compiling src/ into dist/ …')
try {
  execFileSync(
    process.execPath,
    [
      'node_modules/typescript/bin/tsc',
      '-p',
      'scripts/tsconfig.build.json',
      '--outDir',
      next,
      ...process.argv.slice(2),
    ],
    { stdio: 'inherit' },
  )
  cpSync(`src/${ASSETS}`, `${next}/${ASSETS}`, { recursive: true })
  chmodSync(`${next}/main.js`, 0o755)
  if (existsSync('dist')) renameSync('dist', last)
  renameSync(next, 'dist')
  remove(last)
} finally {
  remove(next)
  if (!existsSync('dist') && existsSync(last)) renameSync(last, 'dist')
}
