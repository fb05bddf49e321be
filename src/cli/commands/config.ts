import { stringify } from 'yaml'
import { configPath, loadConfig, warn, warnOfStart } from '../setup/load.ts'
import { CONFIG_OPTION, type Command, EXIT } from '../terminal/command.ts'
import { some } from '../terminal/wording.ts'

export const configCommand: Command = {
  name: 'config',
  summary: 'Check the configuration, or print what is in force.',
  description: `check reports every fault with its path, and exits 2 when there is one. What can work, but hardly as it was meant, is a
warning and no fault.
print shows the whole configuration after defaults and HEADGATE_* overrides, digests masked.`,
  options: CONFIG_OPTION,
  words: ['check', 'print'],
  async run({ flags, words }, terminal) {
    const config = await loadConfig(flags, terminal)
    warn(config, terminal)
    const path = configPath(flags, terminal)
    const file =
      path === undefined ? ' There is no file (--config, HEADGATE_CONFIG): these are the defaults.' : ''
    if (words[0] === 'check') {
      warnOfStart(config, terminal)
      terminal.out(`The configuration is valid: ${some(config.apps.length, 'app')}.${file}\n`)
    } else terminal.out(stringify(JSON.parse(JSON.stringify(config, mask))))
    return EXIT.ok
  },
}

/** Digests are no secrets, but print is what people paste into issues. */
const mask = (key: string, value: unknown): unknown =>
  key === 'sha256' ? `${String(value).slice(0, 6)}…` : value
