import { unlink, writeFile } from 'node:fs/promises'
import { AppError } from '../../std/errors.ts'
import { codeOf } from '../../std/expected-errors.ts'
import { FILE_MODE } from '../../std/files/files.ts'
import { systemEntropy } from '../../std/id.ts'
import { inWords } from '../../std/system-faults.ts'
import { ADMIN_SCOPES, newAdminToken, newAppKey, secretLines, sha256Hex } from '../setup/dev-app.ts'
import { programOf } from '../terminal/called-as.ts'
import { type Command, EXIT } from '../terminal/command.ts'
import { outputFault } from '../terminal/output-fault.ts'
import { quoted } from '../terminal/wording.ts'

const FILE = 'headgate.yaml'

const REASONS: Readonly<Record<string, string>> = {
  EEXIST:
    'it is there already, and is not overwritten; `headgate init other.yaml` names another, `headgate key new` makes a key for this one',
  ENOENT: 'its folder does not exist; make it first',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EACCES: 'this user may not write there',
}

export const initCommand: Command = {
  name: 'init',
  summary: 'Write a configuration to begin with.',
  description: `Writes FILE (${FILE} unless given): one app, one token, and the keys that most installations set, with what they
mean. Prints the app key and the token, of which the file holds the digests only: where they cannot be shown, there is no file
afterwards. Never overwrites a file.`,
  options: {},
  operand: 'FILE',
  async run({ words: [path = FILE] }, terminal) {
    const secrets = { appKey: newAppKey(systemEntropy), adminToken: newAdminToken(systemEntropy) }
    const program = programOf(terminal)
    const body = template(program, { key: sha256Hex(secrets.appKey), token: sha256Hex(secrets.adminToken) })
    try {
      await writeFile(path, body, { flag: 'wx', mode: FILE_MODE })
    } catch (cause) {
      const why = REASONS[codeOf(cause)] ?? inWords(cause)
      if (why === undefined) throw cause
      throw new AppError('bad_configuration', `cannot write ${path}: ${why}`, { cause })
    }
    terminal.out(`Wrote ${path}. These are not shown again:
${secretLines(secrets)}
Next: ${program} config check -c ${quoted(path)}, then ${program} serve -c ${quoted(path)}
`)
    const fault = await outputFault(terminal)
    if (fault === undefined) return EXIT.ok
    // Nobody could ever use it: of its key and its token it has the digests only.
    await unlink(path)
    const message = `standard output cannot be written, so that nobody would know the key and the token: ${fault.why}; ${path} was removed again`
    throw new AppError('internal', message, { details: { why: fault.code } })
  },
}

const template = (
  program: string,
  { key, token }: { readonly key: string; readonly token: string },
): string => `# Headgate. Every key, with its default: docs/configuration.md
# Each can be set by a variable as well, which then wins: HEADGATE_GATEWAY_LISTEN_PORT=9000

# Journal, lake and numbers are here: on a disk that survives a restart. The variable: HEADGATE_DATA_DIR
# Such a path counts from the folder where Headgate is started, not from that of this file; a service needs a whole one.
dataDir: ./data

gateway:
  listen:
    host: 127.0.0.1        # 0.0.0.0 behind a load balancer or in a container
    port: 8080
  # The addresses of your own proxies, which say who is behind them in X-Forwarded-For.
  # trustProxy:
  #   - 10.0.0.0/8

aggregation:
  listen:
    host: 127.0.0.1        # private: the dashboard, the API and the metrics
    port: 8081
  tokens:                  # another one: ${program} key new --token
    - name: admin
      sha256: ${token}
      scopes: [${ADMIN_SCOPES.join(', ')}]   # numbers; runs; single events; imports; erasures

apps:
  - id: shop-web
    keys:                  # two at most, for rotation: ${program} key new
      - sha256: ${key}
    # Pages that may send, as browsers write them: without a slash at the end.
    origins:
      - http://localhost:3000
      # - https://shop.example.com
      # - https://*.shop.example.com
    privacy:
      ip: truncate         # or drop
      gpc: strip           # what Global Privacy Control does: strip, drop or ignore
`
