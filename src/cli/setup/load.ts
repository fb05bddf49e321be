import { stat } from 'node:fs/promises'
import { type Config, configWarnings, parseConfig, startWarnings } from '../../config/parse.ts'
import { unlessAbsent } from '../../std/files/files.ts'
import type { Flags } from '../terminal/command.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { readConfigFile } from './config-file.ts'

/** The file that `--config` or HEADGATE_CONFIG names. */
export const configPath = (flags: Flags, { env }: Terminal): string | undefined =>
  typeof flags['config'] === 'string' ? flags['config'] : env['HEADGATE_CONFIG'] || undefined

/** Reads the configuration, if there is a file; the environment's overrides win. */
export async function loadConfig(flags: Flags, terminal: Terminal): Promise<Config> {
  if (configPath(flags, terminal) === undefined) await tellOfFile(terminal)
  return loadQuietly(flags, terminal)
}

/** The same where none is needed: of a file that nobody named nothing is said. */
export async function loadQuietly(flags: Flags, terminal: Terminal): Promise<Config> {
  const path = configPath(flags, terminal)
  const named = Object.entries(flags).flatMap(([flag, value]) =>
    flag.endsWith('-env') ? [String(value)] : [],
  )
  return parseConfig(path === undefined ? undefined : await readConfigFile(path), terminal.env, named)
}

/** What `headgate init` writes, where nobody names another. */
const USUAL_FILE = 'headgate.yaml'

/** It is read when it is named, and only then: whoever changes folders does not change what is in force. */
async function tellOfFile({ err }: Terminal): Promise<void> {
  if (!(await isThere(USUAL_FILE))) return
  err(`headgate: ${USUAL_FILE} is here, and is not read unless it is named: --config ${USUAL_FILE}\n`)
}

/** EACCES: the folder is not ours to look into, and nothing in it could be meant for us. */
const isThere = async (path: string): Promise<boolean> =>
  (await unlessAbsent(stat(path), ['ENOENT', 'ELOOP', 'EACCES'])) !== undefined

/** What is worth a word, on standard error: nothing ends because of it. */
export const warn = (config: Config, terminal: Terminal): void => tell(configWarnings(config), terminal)

/** Before a start, which would refuse it: what is missing where the configuration is only looked at. */
export const warnOfStart = (config: Config, terminal: Terminal): void =>
  tell(startWarnings(config, terminal.env), terminal)

function tell(warnings: ReturnType<typeof configWarnings>, terminal: Terminal): void {
  for (const { path, message } of warnings) terminal.err(`headgate: warning: ${path}: ${message}\n`)
}
