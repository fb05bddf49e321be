import { parseArgs } from 'node:util'
import { AppError } from '../std/errors.ts'
import { type Command, EXIT } from './command.ts'
import { aggregateCommand } from './commands/aggregate.ts'
import { configCommand } from './commands/config.ts'
import { healthCommand } from './commands/health.ts'
import { reconcileCommand } from './commands/reconcile.ts'
import { revokeCommand } from './commands/revoke.ts'
import { aggregationCommand, gatewayCommand, serveCommand } from './commands/serve.ts'
import { statusCommand } from './commands/status.ts'
import type { Terminal } from './terminal.ts'

const commands: readonly Command[] = [
  serveCommand,
  gatewayCommand,
  aggregationCommand,
  aggregateCommand,
  configCommand,
  healthCommand,
  statusCommand,
  reconcileCommand,
  revokeCommand,
]

/** Runs one command line and resolves with its exit code. Nothing is thrown past here. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    terminal.out(overview())
    return name === undefined ? EXIT.usage : EXIT.ok
  }
  const command = commands.find((candidate) => candidate.name === name)
  if (command === undefined) {
    terminal.err(`headgate: there is no command "${name}"\n\n${overview()}`)
    return EXIT.usage
  }
  try {
    return await runParsed(command, rest, terminal)
  } catch (error) {
    return explainFailure(command, error, terminal)
  }
}

async function runParsed(command: Command, args: string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...command.options, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help === true) {
    terminal.out(helpFor(command))
    return EXIT.ok
  }
  const known = command.words ?? []
  const wrong = known.length === 0 ? positionals[0] : positionals.find((word) => !known.includes(word))
  if (wrong !== undefined || (known.length > 0 && positionals.length !== 1)) {
    terminal.err(
      `headgate ${command.name}: ${wrong === undefined ? `needs one of ${known.join(', ')}` : `does not take "${wrong}"`}\n\n${helpFor(command)}`,
    )
    return EXIT.usage
  }
  return command.run(
    { flags: values as Record<string, string | boolean | undefined>, words: positionals },
    terminal,
  )
}

function explainFailure(command: Command, error: unknown, terminal: Terminal): number {
  const { code, message } = error as { code?: unknown; message?: unknown }
  const wrongUsage =
    String(code).startsWith('ERR_PARSE_ARGS') || code === 'bad_configuration' || code === 'invalid_request'
  terminal.err(`headgate ${command.name}: ${message}\n`)
  if (!wrongUsage && !(error instanceof AppError) && error instanceof Error) terminal.err(`${error.stack}\n`)
  return wrongUsage ? EXIT.usage : EXIT.failed
}

function overview(): string {
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`)
  return `Headgate: response-time beacons in, durable events and mergeable percentiles out.

Usage: headgate <command> [options]

${rows.join('\n')}

headgate <command> --help tells more.
`
}

function helpFor({ name, description, options, words }: Command): string {
  const flags = Object.entries({
    ...options,
    help: { type: 'boolean', short: 'h', help: 'This text.' } as const,
  }).map(([long, option]) => {
    const short = 'short' in option && option.short !== undefined ? `-${option.short}, ` : '    '
    const value = 'value' in option && option.value !== undefined ? ` ${option.value}` : ''
    return `  ${short}${`--${long}${value}`.padEnd(18)} ${option.help}`
  })
  const word = words === undefined ? '' : ` ${words.join('|')}`
  return `Usage: headgate ${name}${word} [options]\n\n${description}\n\n${flags.join('\n')}\n`
}
