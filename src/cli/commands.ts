import { parseArgs } from 'node:util'
import { didYouMean } from '../std/input/did-you-mean.ts'
import { isProgrammerError } from '../std/programming-errors.ts'
import { inWordsWithPath } from '../std/system-faults.ts'
import { aggregateCommand } from './commands/aggregate.ts'
import { configCommand } from './commands/config.ts'
import { eraseCommand } from './commands/erase.ts'
import { healthCommand } from './commands/health.ts'
import { importCommand } from './commands/import.ts'
import { initCommand } from './commands/init.ts'
import { keyCommand } from './commands/key.ts'
import { reconcileCommand } from './commands/reconcile.ts'
import { revokeCommand } from './commands/revoke.ts'
import { runsCommand } from './commands/runs.ts'
import { aggregationCommand, gatewayCommand, serveCommand } from './commands/serve.ts'
import { statusCommand } from './commands/status.ts'
import { versionCommand } from './commands/version.ts'
import { pasteable, programOf } from './terminal/called-as.ts'
import { type Command, EXIT, type Option } from './terminal/command.ts'
import { outputFault } from './terminal/output-fault.ts'
import type { Terminal } from './terminal/terminal.ts'
import { quoted, withoutUsers } from './terminal/wording.ts'
import { emptyOption, wrongOption, wrongWords } from './usage-faults.ts'

const commands: readonly Command[] = [
  serveCommand,
  gatewayCommand,
  aggregationCommand,
  aggregateCommand,
  importCommand,
  eraseCommand,
  runsCommand,
  initCommand,
  keyCommand,
  configCommand,
  healthCommand,
  statusCommand,
  reconcileCommand,
  revokeCommand,
  versionCommand,
]

const commandNames = commands.map(({ name }) => name)

/** Runs one command line and resolves with its exit code. Nothing is thrown past here. */
export async function runCommand(given: readonly string[], ofProcess: Terminal): Promise<number> {
  const terminal = {
    ...ofProcess,
    err: (text: string) => ofProcess.err(withoutUsers(pasteable(text, ofProcess))),
  }
  const args = helpLast(given)
  const [name, ...rest] = args
  if (name === undefined || isHelp(name)) {
    terminal.out(overview(terminal))
    return written(name === undefined ? EXIT.usage : EXIT.ok, 'help', terminal)
  }
  const wanted = VERSION.includes(name) ? 'version' : name
  const command = commands.find((candidate) => candidate.name === wanted)
  if (command === undefined) {
    terminal.err(`headgate: ${noCommand(name, args, terminal)}\n\`headgate help\` tells what each does.\n`)
    return EXIT.usage
  }
  try {
    return await runParsed(command, rest, terminal)
  } catch (error) {
    return explainFailure(command, error, terminal)
  }
}

const VERSION: readonly string[] = ['--version', '-v', '-V']
const isHelp = (word: string | undefined): boolean => ['help', '--help', '-h'].includes(String(word))

/** `help serve` and `serve help` are `serve --help`, as people try both. */
function helpLast(args: readonly string[]): readonly string[] {
  const [first = '', second, ...more] = args
  if (second === undefined || more.length > 0) return args
  if (isHelp(first)) return [second, '--help']
  return second === 'help' ? [first, '--help'] : args
}

function noCommand(name: string, args: readonly string[], terminal: Terminal): string {
  if (!name.startsWith('-'))
    return `there is no command "${name}"${didYouMean(name, commandNames) || `; there are ${commandNames.join(', ')}`}`
  const meant = didYouMean(name, ['--help', '--version'])
  return meant === ''
    ? `options follow the command: ${inOrder(args, terminal)}`
    : `there is no option ${name}${meant}`
}

/** The exit code of a command whose answer may have reached nobody. Who reads only its beginning, as `head` does, has it. */
async function written(code: number, name: string, terminal: Terminal): Promise<number> {
  const fault = await outputFault(terminal)
  if (fault === undefined || fault.code === 'EPIPE') return code
  terminal.err(`headgate ${name}: standard output cannot be written: ${fault.why}\n`)
  return code === EXIT.ok ? EXIT.failed : code
}

/** The command line that was meant by one that begins with options. */
function inOrder(args: readonly string[], terminal: Terminal): string {
  const withValue = commands.flatMap(({ options }) =>
    Object.entries(options).flatMap(([name, { type, short }]) =>
      type === 'string' ? [`--${name}`, ...(short === undefined ? [] : [`-${short}`])] : [],
    ),
  )
  const at = args.findIndex(
    (arg, i) => commandNames.includes(arg) && !withValue.some((option) => option === args[i - 1]),
  )
  const words = at === -1 ? ['serve', ...args] : [...args.slice(at), ...args.slice(0, at)]
  return [programOf(terminal), ...words.map(quoted)].join(' ')
}

async function runParsed(command: Command, args: string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...command.options, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help === true) {
    terminal.out(helpFor(command, terminal))
    return written(EXIT.ok, command.name, terminal)
  }
  const flags = values as Record<string, string | boolean | undefined>
  const wrong = emptyOption(command, flags) ?? wrongWords(command, positionals)
  if (wrong !== undefined) {
    terminal.err(misused(command, wrong))
    return EXIT.usage
  }
  const code = await command.run({ flags, words: positionals }, terminal)
  return command.isService ? code : written(code, command.name, terminal)
}

/** What is wrong comes last on a screen that a whole help would fill. */
const misused = ({ name }: Command, what: string): string =>
  `headgate ${name}: ${what}\n\`headgate ${name} --help\` tells more.\n`

function explainFailure(command: Command, error: unknown, terminal: Terminal): number {
  const { code, message } = error as { code?: unknown; message?: unknown }
  if (String(code).startsWith('ERR_PARSE_ARGS')) {
    const what = wrongOption(command, { code: String(code), message: String(message) })
    terminal.err(misused(command, what))
    return EXIT.usage
  }
  const wrongUsage = code === 'bad_configuration' || code === 'invalid_request'
  const words = inWordsWithPath(error)
  terminal.err(`headgate ${command.name}: ${words === undefined ? message : `${words}, and ask again`}\n`)
  if (!wrongUsage && isProgrammerError(error) && error instanceof Error) terminal.err(`${error.stack}\n`)
  return wrongUsage ? EXIT.usage : EXIT.failed
}

function overview(terminal: Terminal): string {
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`)
  return `Headgate: response-time beacons in, durable events and mergeable percentiles out.

Usage: headgate <command> [options]

${rows.join('\n')}

${programOf(terminal)} <command> --help tells more.
Each key of the configuration has a variable as well, which wins over the file:
HEADGATE_DATA_DIR is dataDir (./data by default), HEADGATE_GATEWAY_LISTEN_PORT is gateway.listen.port.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
`
}

const HELP_OPTION: Readonly<Record<string, Option>> = {
  help: { type: 'boolean', short: 'h', help: 'This text.' },
}

function helpFor(
  { name, description, options, words, operand, takesMany }: Command,
  terminal: Terminal,
): string {
  const flags = Object.entries({ ...options, ...HELP_OPTION }).map(([long, option]) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `
    const [value, byDefault] =
      option.type === 'boolean' ? ['', ''] : [` ${option.value}`, ` By default ${option.byDefault}.`]
    return `  ${short}${`--${long}${value}`.padEnd(18)} ${option.help}${byDefault}`
  })
  const word =
    words === undefined
      ? operand === undefined
        ? ''
        : takesMany
          ? ` ${operand}…`
          : ` [${operand}]`
      : ` ${words.join('|')}`
  const text = `${description}\n\n${flags.join('\n')}\n`
  return `Usage: headgate ${name}${word} [options]\n\n${pasteable(text, terminal)}`
}
