import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lake } from '../../../lake/lake.ts'
import { deadKey, type RawObject } from '../../../lake/layout.ts'

export interface AsideTools {
  readonly lake: Lake
  /** Local folder of this call. */
  readonly folder: string
}

/** Where what an ingest refuses lies, below `dead/`. */
export const deadSource = (source: string) => `ingest-${source}`

/** Copies an object into `dead/`, whatever its size, and says beside it why. The object stays for its remover. */
export async function keepAside(
  { key, ...place }: RawObject & { readonly key: string },
  why: string,
  tools: AsideTools,
): Promise<void> {
  const deadPlace = { ...place, source: deadSource(place.source) }
  const letter = JSON.stringify({ reason: 'unreadable_object', object: key, detail: why })
  await tools.lake.put(
    deadKey({ ...deadPlace, name: `${place.name}-why`, extension: 'ndjson' }),
    Buffer.from(`${letter}\n`),
  )
  await copyAside(key, deadKey(deadPlace), tools)
}

/** Through a local file, so that no object has to fit into memory. */
export async function copyAside(from: string, to: string, { lake, folder }: AsideTools): Promise<void> {
  const file = await lake.open(from)
  if (file === undefined) return
  const copy = join(folder, 'aside')
  try {
    await copyFile(file.path, copy)
    await lake.putFile(to, copy)
  } finally {
    await file.release()
    await rm(copy, { force: true })
  }
}
