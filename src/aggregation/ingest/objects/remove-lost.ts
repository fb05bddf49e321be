import type { Lake } from '../../../lake/lake.ts'
import { parseDeadKey, partitionOf, type RawObject } from '../../../lake/layout.ts'
import { parseCompacted } from '../index/pending.ts'
import { deadSource } from './set-aside.ts'

/**
 * Removes what an ingest wrote and no entry will ever name, as others have taken what is in it: the object last, as only
 * it tells what the dead letters beside it are worth.
 */
export async function removeLost(
  { key, source, arrivalMs, name }: Omit<RawObject, 'extension'> & { readonly key: string },
  lake: Lake,
): Promise<void> {
  const letters = await lake.list(`dead/${deadSource(source)}/${partitionOf(arrivalMs)}/`)
  const lost = letters.filter((letter) => parseCompacted(parseDeadKey(letter.key)?.name ?? '')?.base === name)
  await lake.remove(lost.map((letter) => letter.key))
  await lake.remove([key])
}
