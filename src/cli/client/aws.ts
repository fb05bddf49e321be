import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Terminal } from '../terminal/terminal.ts'

/** Longer than the AWS command line itself tries. */
const TIMEOUT_MS = 120_000

export type AwsAnswer =
  | { readonly kind: 'done'; readonly out: string }
  | { readonly kind: 'failed'; readonly why: string }

/**
 * Runs the AWS command line of whoever is at this terminal, with their credentials: profiles, single sign-on and second
 * factors are its business. No client of IAM's is in this service, so nothing in it can be made to widen a role.
 */
export async function aws(args: readonly string[], { env, stop }: Terminal): Promise<AwsAnswer> {
  try {
    const { stdout } = await promisify(execFile)('aws', args, { env, signal: stop, timeout: TIMEOUT_MS })
    return { kind: 'done', out: stdout }
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string }
    return { kind: 'failed', why: stderr.trim() || message }
  }
}
