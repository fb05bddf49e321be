import { createHash } from 'node:crypto'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse as parseYaml } from 'yaml'
import { type Config, isLoopback, parseConfig } from '../config.ts'
import { AppError } from '../std/errors.ts'
import type { Entropy } from '../std/id.ts'
import type { Flags } from './command.ts'
import type { Terminal } from './terminal.ts'

/** Reads the configuration that `--config` or HEADGATE_CONFIG names; the environment's overrides win. */
export async function loadConfig(flags: Flags, terminal: Terminal): Promise<Config> {
  const path = typeof flags['config'] === 'string' ? flags['config'] : terminal.env['HEADGATE_CONFIG']
  return parseConfig(path === undefined ? undefined : await readConfigFile(path), terminal.env)
}

async function readConfigFile(path: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new AppError('bad_configuration', `Cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
  const isJson = path.endsWith('.json')
  try {
    return isJson ? JSON.parse(text) : parseYaml(text)
  } catch (cause) {
    // Parsers quote what they could not read, and that may have been a password: only the place is taken from them.
    const [place = ''] = / at (line \d+, column|position) \d+/.exec(String(cause)) ?? []
    throw new AppError('bad_configuration', `${path} is not valid ${isJson ? 'JSON' : 'YAML'}${place}`, {
      cause,
    })
  }
}

/** What `dev.json` keeps, so that restarts keep their key. */
interface DevSecrets {
  readonly appKey: string
  readonly adminToken: string
}

/** Where development servers usually listen: pages of the dev app may come from there. */
const DEV_PORTS = [3000, 4173, 4200, 5000, 5173, 8000, 8080, 8888]

/**
 * A first start without any app: makes one with a random key, and an admin token, keeps both in `dataDir/dev.json`
 * (0600) and prints them once. Only on loopback: a machine that others reach deserves a configuration.
 */
export async function withDevApp(config: Config, terminal: Terminal, entropy: Entropy): Promise<Config> {
  if (config.apps.length > 0) return config
  for (const { host } of [config.gateway.listen, config.aggregation.listen]) {
    if (isLoopback(host)) continue
    throw new AppError(
      'bad_configuration',
      `Without apps in the configuration Headgate listens on loopback only, not on ${host}`,
    )
  }
  const secrets = await devSecrets(config.dataDir, terminal, entropy)
  const origins = DEV_PORTS.flatMap((port) => [`http://localhost:${port}`, `http://127.0.0.1:${port}`])
  const app = { id: 'dev', keys: [{ sha256: sha256(secrets.appKey) }], origins }
  const token = { name: 'dev', sha256: sha256(secrets.adminToken), scopes: ['read', 'run'] }
  const tokens = config.aggregation.tokens.length > 0 ? config.aggregation.tokens : [token]
  return parseConfig({ ...config, apps: [app], aggregation: { ...config.aggregation, tokens } }, {})
}

/** The admin token of a first start, where this configuration is one. */
export async function devToken({ apps, aggregation, dataDir }: Config): Promise<string | undefined> {
  if (apps.length > 0 || aggregation.tokens.length > 0) return undefined
  return (await keptSecrets(join(dataDir, 'dev.json')))?.adminToken
}

async function keptSecrets(path: string): Promise<DevSecrets | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as DevSecrets
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new AppError('bad_configuration', `${path} is damaged; remove it to get new keys`, { cause })
  }
}

async function devSecrets(dataDir: string, terminal: Terminal, entropy: Entropy): Promise<DevSecrets> {
  const path = join(dataDir, 'dev.json')
  const kept = await keptSecrets(path)
  if (kept !== undefined) return kept
  const secrets = { appKey: `hg_pub_${entropy.token(18)}`, adminToken: `hg_adm_${entropy.token(24)}` }
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeFile(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 })
  await chmod(path, 0o600)
  terminal.out(`No apps are configured: made the app "dev" for this machine (kept in ${path}).
  app key      ${secrets.appKey}
  admin token  ${secrets.adminToken}
`)
  return secrets
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
