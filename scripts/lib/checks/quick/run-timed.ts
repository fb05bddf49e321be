// Runs what is timed: after all others, few at once, and without the coverage that slows it.
import { spawnSync } from 'node:child_process'
import { timedTests } from './quick-tests.ts'

const tap = ['--disable-coverage', '--reporter=terse', ...timedTests()]
const { status } = spawnSync('node_modules/.bin/tap', tap, { stdio: 'inherit' })
process.exitCode = status ?? 1
