// src/ → dist/: TypeScript compiled, dashboard assets copied beside the module that serves them.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync } from 'node:fs'

const ASSETS = 'aggregation/serve/dashboard/assets'

rmSync('dist', { recursive: true, force: true })
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'scripts/tsconfig.build.json'], {
  stdio: 'inherit',
})
cpSync(`src/${ASSETS}`, `dist/${ASSETS}`, { recursive: true })
chmodSync('dist/main.js', 0o755)
