import { type Config, configWarnings, parseConfig } from '../config.ts'
import type { Flags } from './command.ts'
import { readConfigFile } from './config-file.ts'
import type { Terminal } from './terminal.ts'

/** The file that `--config` or HEADGATE_CONFIG names. */
export const configPath = (flags: Flags, { env }: Terminal): string | undefined =>
  typeof flags['config'] === 'string' ? flags['config'] : env['HEADGATE_CONFIG'] || undefined

/** Reads the configuration, if there is a file; the environment's overrides win. */
export async function loadConfig(flags: Flags, terminal: Terminal): Promise<Config> {
  const path = configPath(flags, terminal)
  const named = Object.entries(flags).flatMap(([flag, value]) =>
    flag.endsWith('-env') ? [String(value)] : [],
  )
  return parseConfig(path === undefined ? undefined : await readConfigFile(path), terminal.env, named)
}

/** What is worth a word, on standard error: nothing ends because of it. */
export function warn(config: Config, terminal: Terminal): void {
  for (const { path, message } of configWarnings(config)) {
    terminal.err(`headgate: warning: ${path}: ${message}\n`)
  }
}
