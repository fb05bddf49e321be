import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

/** Absent without it, unless every part is required (./scripts/test --require): then the test runs, and fails. */
const skipWithout = (found: boolean, what: string): string | false =>
  !found && process.env['REQUIRE_ALL'] === undefined
    ? `NO ${what}: not tested (./scripts/test --require makes this a failure)`
    : false

/** The Python that has boto3. */
export const boto3 = resolve('.cache/boto3/bin/python')
export const skipBoto3 = skipWithout(existsSync(boto3), 'BOTO3')

/** The AWS command line, version 2. */
export const awsCli = '/usr/bin/aws'
export const skipAwsCli = skipWithout(hasAwsCli(), 'AWS CLI 2')

/** The Python that has localemu. */
export const localemu = resolve('.cache/localemu/bin/python')
export const skipLocalemu = skipWithout(existsSync(localemu), 'LOCALEMU')

function hasAwsCli(): boolean {
  if (!existsSync(awsCli)) return false
  return execFileSync(awsCli, ['--version'], { encoding: 'utf8' }).startsWith('aws-cli/2.')
}
