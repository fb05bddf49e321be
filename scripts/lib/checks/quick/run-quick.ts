// Runs the tests of the quick loop, or the test files that it is given, without what tap loads into each process for coverage.
import { availableParallelism } from 'node:os'
import { quickTests } from './quick-tests.ts'
import { runShared } from './run-shared.ts'

const given = process.argv.slice(2)
const files = given.length > 0 ? given : quickTests()
process.exitCode = (await runShared(files, { envOf: () => process.env, jobs: availableParallelism() }))
  ? 0
  : 1
