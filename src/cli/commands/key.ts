import { AppError } from '../../std/errors.ts'
import { systemEntropy } from '../../std/id.ts'
import { devSecrets, newAdminToken, newAppKey, secretLines, sha256Hex } from '../setup/dev-app.ts'
import { loadConfig, loadQuietly } from '../setup/load.ts'
import { CONFIG_OPTION, type Command, EXIT, type Flags } from '../terminal/command.ts'
import type { Terminal } from '../terminal/terminal.ts'

export const keyCommand: Command = {
  name: 'key',
  summary: 'Make a key or a token, or show those of a first start again.',
  description: `new prints a random app key, its SHA-256, and the lines for the configuration; with --token a token for the
aggregation. Only the digest belongs into a file. The app of the example is one that the configuration has not yet.
show-dev prints the key and the token that a first start has made (dataDir/dev.json).`,
  options: {
    ...CONFIG_OPTION,
    token: { type: 'boolean', help: 'new: a token for the aggregation, not an app key.' },
  },
  words: ['new', 'show-dev'],
  settings: ['dataDir'],
  async run({ flags, words }, terminal) {
    if (words[0] === 'new') {
      terminal.out(flags['token'] === true ? newToken() : newKey(newAppId(await appIds(flags, terminal))))
      return EXIT.ok
    }
    const { dataDir } = await loadConfig(flags, terminal)
    const secrets = await devSecrets({ dataDir })
    if (secrets === undefined) {
      terminal.err(
        `headgate key: there is no dev.json in ${dataDir} (dataDir, HEADGATE_DATA_DIR): no first start has made one\n`,
      )
      return EXIT.failed
    }
    terminal.out(secretLines(secrets))
    return EXIT.ok
  },
}

/**
 * Those of the configuration. One that is not valid yet may lack just the key that is made: that is said, and no more. One
 * that cannot be read is another file than the one that was meant.
 */
async function appIds(flags: Flags, terminal: Terminal): Promise<readonly string[]> {
  try {
    return (await loadQuietly(flags, terminal)).apps.map(({ id }) => id)
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'bad_configuration')) throw error
    terminal.err(`headgate: warning: which apps there are is not known: ${error.message}\n`)
    return []
  }
}

const APP_ID = 'shop-web'

/** An example that is free: no two apps may have one id. */
function newAppId(taken: readonly string[]): string {
  let id = APP_ID
  for (let number = 2; taken.includes(id); number += 1) id = `${APP_ID}-${number}`
  return id
}

function newKey(appId: string): string {
  const key = newAppKey(systemEntropy)
  return `key     ${key}
sha256  ${sha256Hex(key)}

The key goes into your pages and apps, its digest into the configuration.

For an app that is there already, below its keys (two at most, for rotation):

      - sha256: ${sha256Hex(key)}

For a new one; where apps stand there already, without the first line:

apps:
  - id: ${appId}
    keys:
      - sha256: ${sha256Hex(key)}
`
}

/** So that a new token can stand beside the old one while it replaces it: no two tokens may have one name. */
const NAME_DIGITS = 8

function newToken(): string {
  const token = newAdminToken(systemEntropy)
  const digest = sha256Hex(token)
  const entry = `    - name: admin-${digest.slice(0, NAME_DIGITS)}
      sha256: ${digest}
      scopes: [read, run]   # also: events (single events), write (imports), erase (erasures)
`
  return `token   ${token}
sha256  ${digest}

The token is a secret of its holder, and is not shown again; its digest goes into the configuration.

Where aggregation.tokens stands there already, below it:

${entry}
Where it does not:

aggregation:
  tokens:
${entry}`
}
