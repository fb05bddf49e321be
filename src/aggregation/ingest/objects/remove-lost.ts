import type { Lake } from '../../../lake/lake.ts'
import { parseDeadKey, partitionOf, type RawObject } from '../../../lake/layout.ts'
import { parseCompacted } from '../index/pending.ts'
import { deadSource } from './set-aside.ts'

/**
 * Removes what an ingest wrote and no entry will ever name, as others have taken what is in it: the object last, as only
 * it tells what the lines that were set aside with it are worth.
 */
export async function removeLost(
  { key, source, arrivalMs, name }: Omit<RawObject, 'extension'> & { readonly key: string },
  lake: Lake,
): Promise<void> {
  const aside = await lake.list(`dead/${deadSource(source)}/${partitionOf(arrivalMs)}/`)
  const lost = aside.filter(({ key: kept }) => parseCompacted(parseDeadKey(kept)?.name ?? '')?.base === name)
  await lake.remove(lost.map(({ key: kept }) => kept))
  await lake.remove([key])
}
