import type { IngestReport } from '../index/arrivals.ts'
import type { ForeignObject } from '../index/pending.ts'
import { indexForeign } from '../objects/ingest-foreign.ts'
import type { IngestTools } from '../objects/ingest-partition.ts'
import { NOTHING } from '../objects/ingest-report.ts'
import { entryKeyOf, openEach } from './hour-objects.ts'
import { isUnsure } from './known-joins.ts'

/**
 * A joined object of which no record tells. What the index names all of is ours: of a join that is under way, or was lost,
 * or whose record is gone. Anything else was copied from another lake, or from this one before its index was lost, and is
 * taken in like an object of others. Undefined for what is ours.
 */
export async function takeJoined(
  object: ForeignObject,
  tools: IngestTools,
): Promise<IngestReport | undefined> {
  const { lake, entries, session, workbench } = tools
  const keys = await openEach(lake, [object.key], ([path = '']) => workbench.readJoined(session, path))
  if (keys === undefined) return indexForeign(object, tools)
  const entryKeys = keys.map(entryKeyOf).filter((key) => key !== '')
  const found = await entries.load(entryKeys)
  const counted = new Set(found.flatMap(({ key, rows }) => (rows > 0 ? [key] : [])))
  if (keys.every((key) => counted.has(key))) return undefined
  return entryKeys.some(isUnsure(entries)) ? NOTHING : indexForeign(object, tools)
}
