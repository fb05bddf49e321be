import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../../std/errors.ts'
import {
  bestEffort,
  type FileOps,
  makeFolder,
  nodeFiles,
  syncFolder,
  unlessAbsent,
  writeDurably,
} from '../../../std/files/files.ts'
import type { Entropy } from '../../../std/id.ts'
import { assertStrongSecret } from '../../../std/input/strong-secret.ts'

const SECRET_BYTES = 32
/** What we write: 32 bytes as base64url. */
const WRITTEN = /^[A-Za-z0-9_-]{43}\n$/
/** The largest file that is read: what we write, and some. */
export const MAX_SECRET_BYTES = 4_096
const OTHERS = 0o007

export interface SecretSource {
  readonly dataDir: string
  /** The variable that holds the secret, where it is shared between hosts. */
  readonly secretEnv: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly entropy: Entropy
  readonly files?: FileOps
}

/**
 * The secret by which an Idempotency-Key becomes ids: from the environment, or made at the first start and kept in the
 * data folder, where all workers find it. Another one than before makes a retry under an old key a new event, so what
 * cannot be read or is not ours is a fault and never replaced.
 */
export async function idempotencySecret(source: SecretSource): Promise<string> {
  const { dataDir, secretEnv, env, files = nodeFiles } = source
  if (secretEnv !== undefined) return secretIn(env, secretEnv)
  const path = join(dataDir, 'idempotency.secret')
  return (await kept(path, files)) ?? (await made(path, source))
}

function secretIn(env: SecretSource['env'], name: string): string {
  const secret = env[name]
  if (!secret) throw invalid(`The variable ${name}, which holds a secret, is not set`)
  assertStrongSecret(secret, 'gateway.idempotency.secretEnv')
  return secret
}

async function kept(path: string, files: FileOps): Promise<string | undefined> {
  const status = await unlessAbsent(lstat(path))
  if (status === undefined) return undefined
  if (!status.isFile()) throw invalid(`${path} is no file; remove it`)
  // The group may: Kubernetes grants it all files of a volume that has an fsGroup.
  if ((status.mode & OTHERS) !== 0) throw invalid(`${path} is open to every user: chmod 600, or remove it`)
  if (!owners().includes(status.uid)) throw invalid(`${path} belongs to another user; remove it`)
  const secret = status.size > MAX_SECRET_BYTES ? '' : String(await files.readFile(path, MAX_SECRET_BYTES))
  if (!WRITTEN.test(secret)) throw invalid(`${path} is damaged; remove it to get a new secret`)
  return secret.trim()
}

/** Whom we believe. Root may give us a secret. */
const owners = (): readonly (number | undefined)[] => [0, process.getuid?.()]

/** By a link, which exists as a whole or not at all: of several workers one is first, and the others take its secret. */
async function made(path: string, source: SecretSource): Promise<string> {
  const { dataDir, entropy, files = nodeFiles } = source
  const part = `${path}.${entropy.id()}.part`
  const secret = entropy.token(SECRET_BYTES)
  await makeFolder(files, dataDir)
  await writeDurably(files, part, Buffer.from(`${secret}\n`))
  const linked = files.link(part, path).then(() => true)
  const isFirst = await unlessAbsent(linked, ['EEXIST']).finally(() => bestEffort(files.unlink(part)))
  await syncFolder(files, dataDir)
  return isFirst ? secret : idempotencySecret(source)
}

const invalid = (message: string) => new AppError('bad_configuration', message)
