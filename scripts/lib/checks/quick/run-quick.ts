// Runs the tests of the quick loop, or the test files that it is given, without what tap loads into each process for coverage.
import { quickTests } from './quick-tests.ts'
import { runShared } from './run-shared.ts'

const given = process.argv.slice(2)
process.exitCode = (await runShared(given.length > 0 ? given : quickTests(), process.env)) ? 0 : 1
