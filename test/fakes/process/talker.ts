import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

export interface Talker {
  /** A line in, a line out. */
  ask(line: string): Promise<string>
  /** Closes its input, and waits for its end. Resolves with the exit code. */
  end(): Promise<number | null>
}

/** A program that answers each line of its input with a line. */
export function startTalker(
  t: Test,
  [command = '', ...args]: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd: string },
): Talker {
  const child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  let complaints = ''
  child.stderr.on('data', (data: Buffer) => {
    complaints += data.toString()
  })
  const ended = once(child, 'close').then(([code]): number | null => code)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    async ask(line) {
      child.stdin.write(`${line}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error(`It ended with ${await ended}: ${complaints}`)
      return value
    },
    end() {
      child.stdin.end()
      return ended
    },
  }
}
