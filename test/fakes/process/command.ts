import { runCommand } from '../../../src/cli/commands.ts'
import { type FakeTerminal, fakeTerminal, type Surroundings } from './terminal.ts'
import { fakeLine } from './worker-channel.ts'

export interface RunningCommand {
  readonly terminal: FakeTerminal
  /** Its exit code. */
  readonly ended: Promise<number>
  /** Where the listener (gateway, aggregation, operations) listens; rejects when the command ends without opening it. */
  url(listener: string): Promise<string>
  /** Every worker that it has started so far, as commands that run here as well. */
  readonly workers: readonly RunningCommand[]
}

/** A command that serves until its terminal says otherwise. Its workers have ports of their own. */
export function startCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  surroundings: Surroundings = {},
  interactive = false,
): RunningCommand {
  const workers: RunningCommand[] = []
  const fork: Surroundings['fork'] = (index) => {
    const line = fakeLine(index)
    const worker = startCommand(args, env, { primary: line.primary }, interactive)
    void worker.ended.then((code) => line.end({ code, signal: null }))
    workers.push(worker)
    return line.process
  }
  const terminal = fakeTerminal(env, interactive, { fork, ...surroundings })
  const ended = runCommand(args, terminal)
  return {
    terminal,
    ended,
    workers,
    async url(listener) {
      const endedBefore = ended.then((code) => {
        throw new Error(`"${args.join(' ')}" ended with ${code}: ${terminal.said().err}`)
      })
      const line = await Promise.race([terminal.logged(`${listener} listens`), endedBefore])
      return String(line['url'])
    },
  }
}
