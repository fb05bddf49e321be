import { stringify } from 'yaml'
import { CONFIG_OPTION, type Command, EXIT } from './command.ts'
import { loadConfig } from './load.ts'

export const configCommand: Command = {
  name: 'config',
  summary: 'Check the configuration, or print what is in force.',
  description: `check reports every fault with its path, and exits 2 when there is one.
print shows the whole configuration after defaults and HEADGATE_* overrides, digests masked.`,
  options: CONFIG_OPTION,
  words: ['check', 'print'],
  async run({ flags, words }, terminal) {
    const config = await loadConfig(flags, terminal)
    if (words[0] === 'check') terminal.out(`The configuration is valid: ${config.apps.length} apps.\n`)
    else terminal.out(stringify(JSON.parse(JSON.stringify(config, mask))))
    return EXIT.ok
  },
}

/** Digests are no secrets, but print is what people paste into issues. */
const mask = (key: string, value: unknown): unknown =>
  key === 'sha256' ? `${String(value).slice(0, 6)}…` : value
