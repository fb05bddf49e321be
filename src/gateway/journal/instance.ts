import { join } from 'node:path'
import {
  type FileOps,
  isNoneOfOurs,
  makeFolder,
  nodeFiles,
  replaceFile,
  unlessAbsent,
} from '../../std/files/files.ts'
import type { Entropy } from '../../std/id.ts'
import type { Telemetry } from '../../std/telemetry.ts'

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** The largest file that is read: a name has at most 64 characters. */
export const MAX_INSTANCE_BYTES = 4_096

export interface NameTools {
  readonly entropy: Entropy
  readonly telemetry?: Telemetry
  readonly files?: FileOps
}

/**
 * What this gateway is called where several write to one lake. Chosen by chance and kept in the data folder, so that
 * restarts keep it. It is a segment of keys: a host name may hold anything.
 */
export async function instanceName(
  dataDir: string,
  { entropy, telemetry, files = nodeFiles }: NameTools,
): Promise<string> {
  const path = join(dataDir, 'instance')
  const reading = files.readFile(path, MAX_INSTANCE_BYTES).catch((err: unknown) => {
    if (!isNoneOfOurs(err)) throw err
    telemetry?.log.error({ err }, 'the name of this gateway cannot be there; it gets another name')
    return undefined
  })
  const kept = (await unlessAbsent(reading))?.toString().trim() ?? ''
  if (NAME.test(kept)) return kept
  const name = entropy.id().slice(0, 8)
  await makeFolder(files, dataDir)
  await replaceFile(files, path, Buffer.from(`${name}\n`))
  return name
}
