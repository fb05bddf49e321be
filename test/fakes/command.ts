import { runCommand } from '../../src/cli/commands.ts'
import { type FakeTerminal, fakeTerminal } from './terminal.ts'

export interface RunningCommand {
  readonly terminal: FakeTerminal
  /** Its exit code. */
  readonly ended: Promise<number>
  /** Where the door (gateway, aggregation, operations) listens; rejects when the command ends without opening it. */
  url(door: string): Promise<string>
}

/** A command that serves until its terminal says otherwise. */
export function startCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningCommand {
  const terminal = fakeTerminal(env)
  const ended = runCommand(args, terminal)
  return {
    terminal,
    ended,
    async url(door) {
      const endedBefore = ended.then((code) => {
        throw new Error(`"${args.join(' ')}" ended with ${code}: ${terminal.said().err}`)
      })
      const line = await Promise.race([terminal.logged(`${door} listens`), endedBefore])
      return String(line['url'])
    },
  }
}
