import { createHash } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { open, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Config, isLoopback, parseConfig } from '../../config/parse.ts'
import { AppError } from '../../std/errors.ts'
import { codeOf } from '../../std/expected-errors.ts'
import { bestEffort, FILE_MODE } from '../../std/files/files.ts'
import { APP_KEY_PREFIX, DEV_NAME, type Entropy } from '../../std/id.ts'
import { jsonIn } from '../../std/json.ts'

/** What `dev.json` keeps, so that restarts keep their key. */
export interface DevSecrets {
  readonly appKey: string
  readonly adminToken: string
}

/** Where development servers usually listen: pages of the dev app may come from there. */
const DEV_PORTS = [1313, 3000, 4173, 4200, 5000, 5173, 5500, 8000, 8080, 8888]
/** The scopes of a first token: all that there are. */
export const ADMIN_SCOPES = ['read', 'run', 'events', 'write', 'erase'] as const
/** Two secrets and their names; what is longer is not ours. */
const MAX_BYTES = 4_096
/** Whatever of the mode lets others read or write. */
const OTHERS = 0o077

/** The app of a start without any. */
export interface DevApp {
  readonly secrets: DevSecrets
  /** Them as lines for a person. Beside tokens of the configuration the admin token opens nothing. */
  readonly lines: string
  /** Where they are kept. */
  readonly path: string
  /** Whether this start has made them, rather than an earlier one. */
  readonly isNew: boolean
  /** A configuration without apps, with this one. */
  of(config: Config): Config
  /** Undoes a start that failed, so that the next one is the first again and shows the secrets. */
  forget(): Promise<void>
}

/**
 * A first start without any app: makes one with a random key, and an admin token, and keeps both in `dataDir/dev.json`
 * (0600). Only on loopback: a machine that others reach deserves a configuration. Never at a reload, where a
 * configuration that has lost its apps is a mistake.
 */
export async function withoutApps(config: Config, entropy: Entropy): Promise<DevApp | undefined> {
  if (config.apps.length > 0) return undefined
  const { gateway, aggregation } = config
  for (const [listener, { host }] of [
    ['gateway', gateway.listen],
    ['aggregation', aggregation.listen],
  ] as const) {
    if (isLoopback(host)) continue
    throw new AppError(
      'bad_configuration',
      `Without apps in the configuration Headgate listens on loopback only, not on ${host} (${listener}.listen.host). Configure apps first; \`headgate init\` writes a file to begin with.`,
    )
  }
  const path = devPath(config)
  const kept = await devSecrets(config)
  const secrets = kept ?? (await makeSecrets(path, entropy))
  return {
    secrets,
    lines: aggregation.tokens.length > 0 ? appKeyLine(secrets) : secretLines(secrets),
    path,
    isNew: kept === undefined,
    of: (other) => (other.apps.length > 0 ? other : configOf(other, secrets)),
    async forget() {
      if (kept === undefined) await bestEffort(unlink(path))
    },
  }
}

const devPath = ({ dataDir }: Pick<Config, 'dataDir'>): string => join(dataDir, 'dev.json')

function configOf(config: Config, { appKey, adminToken }: DevSecrets): Config {
  const origins = DEV_PORTS.flatMap((port) => [`http://localhost:${port}`, `http://127.0.0.1:${port}`])
  const app = { id: DEV_NAME, keys: [{ sha256: sha256Hex(appKey) }], origins }
  const token = { name: DEV_NAME, sha256: sha256Hex(adminToken), scopes: [...ADMIN_SCOPES] }
  const tokens = config.aggregation.tokens.length > 0 ? config.aggregation.tokens : [token]
  return parseConfig({ ...config, apps: [app], aggregation: { ...config.aggregation, tokens } }, {})
}

/** With the app of a first start, where this configuration is one without apps. */
export async function withKeptDevApp(config: Config): Promise<Config> {
  const secrets = config.apps.length > 0 ? undefined : await devSecrets(config)
  return secrets === undefined ? config : configOf(config, secrets)
}

/** The admin token of a first start, where this configuration is one. */
export async function devToken(config: Config): Promise<string | undefined> {
  if (config.apps.length > 0 || config.aggregation.tokens.length > 0) return undefined
  return (await devSecrets(config))?.adminToken
}

/** Those of an earlier start; undefined where there was none. */
export async function devSecrets(config: Pick<Config, 'dataDir'>): Promise<DevSecrets | undefined> {
  const path = devPath(config)
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const why = distrust(await file.stat())
      if (why !== undefined) throw distrusted(path, why)
      return readSecrets(path, await file.readFile('utf8'))
    } finally {
      await file.close()
    }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    const why = UNREADABLE[code]
    throw why === undefined ? error : distrusted(path, why)
  }
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ELOOP: 'it is a link to somewhere else',
  ENXIO: 'it is no file',
  EACCES: 'this user may not read it; its owner may, and a token in HEADGATE_TOKEN does without it',
}

/** Whoever could write this file would hold the keys of this machine's numbers. */
function distrust(stats: Stats): string | undefined {
  const owner = process.geteuid?.()
  if (!stats.isFile()) return 'it is no file'
  if (owner !== undefined && stats.uid !== owner)
    return `it belongs to another user (uid ${stats.uid}, not ${owner})`
  if ((stats.mode & OTHERS) !== 0)
    return `others may read or write it (mode ${(stats.mode & 0o777).toString(8)}, not 600)`
  return stats.size > MAX_BYTES ? 'it is too long' : undefined
}

const distrusted = (path: string, why: string): AppError =>
  new AppError(
    'bad_configuration',
    `${path} is not believed: ${why}. Remove it to get new keys, or configure apps and tokens of your own.`,
  )

function readSecrets(path: string, text: string): DevSecrets {
  const { appKey, adminToken } = Object(jsonIn(text))
  if ([appKey, adminToken].every((secret) => typeof secret === 'string' && secret !== ''))
    return { appKey, adminToken }
  throw new AppError('bad_configuration', `${path} is damaged; remove it to get new keys`)
}

async function makeSecrets(path: string, entropy: Entropy): Promise<DevSecrets> {
  const secrets = { appKey: newAppKey(entropy), adminToken: newAdminToken(entropy) }
  await writeFile(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: FILE_MODE, flag: 'wx' })
  return secrets
}

export const newAppKey = (entropy: Entropy): string => `${APP_KEY_PREFIX}${entropy.token(18)}`
export const newAdminToken = (entropy: Entropy): string => `hg_adm_${entropy.token(24)}`
export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex')

const appKeyLine = ({ appKey }: DevSecrets): string => `  app key      ${appKey}\n`

export const secretLines = (secrets: DevSecrets): string =>
  `${appKeyLine(secrets)}  admin token  ${secrets.adminToken}\n`
