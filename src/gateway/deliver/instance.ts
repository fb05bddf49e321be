import { join } from 'node:path'
import { type FileOps, makeFolder, nodeFiles, replaceFile, unlessAbsent } from '../../std/files.ts'
import type { Entropy } from '../../std/id.ts'

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/

/**
 * What this gateway is called where several write to one lake. Chosen by chance and kept in the data folder, so that
 * restarts keep it. It is a segment of keys: a host name may hold anything.
 */
export async function instanceName(
  dataDir: string,
  { entropy, files = nodeFiles }: { readonly entropy: Entropy; readonly files?: FileOps },
): Promise<string> {
  const path = join(dataDir, 'instance')
  const kept = (await unlessAbsent(files.readFile(path)))?.toString().trim() ?? ''
  if (NAME.test(kept)) return kept
  const name = entropy.id().slice(0, 8)
  await makeFolder(files, dataDir)
  await replaceFile(files, path, Buffer.from(`${name}\n`))
  return name
}
