import { lruCache } from '../../../std/lru.ts'
import type { IngestReport } from '../index/arrivals.ts'
import { inputMark, marksIn } from '../index/input-marks.ts'
import type { CompactedObject } from '../index/pending.ts'
import { indexForeign } from './ingest-foreign.ts'
import type { IngestTools } from './ingest-partition.ts'
import { NOTHING } from './ingest-report.ts'
import { prefixOf, readLog, slotKey } from './partition-log.ts'
import { removeLost } from './remove-lost.ts'

/** Footers that are remembered, of objects that wait for their inputs: seldom more than one. Ours. */
const MAX_FOOTERS = 1_000
const UNDECIDED = 'An index entry of its hour cannot be read: it is not known whether it is counted'

/**
 * A stray is called as an ingest calls its objects, and no entry that was read names it. Either an ingest here wrote it
 * and lost its slot, or died, or is about to commit it; or it was copied from another lake, or from this one before its
 * index was lost, and its rows are nowhere else. The object itself tells what it was made from. It is removed only when
 * the log has all of that; while something of it still waits in the partition, an ingest will take that; in any other
 * case the object is taken in like one of others. That is no risk: what is in two objects is counted once, by its id.
 */
export function strays() {
  const footers = lruCache<readonly string[]>(MAX_FOOTERS)

  /** Undefined when the object is in the index after all. */
  async function take(object: CompactedObject, tools: IngestTools): Promise<IngestReport | undefined> {
    const entryKey = slotKey(object, object.slot)
    const [entry] = await tools.entries.load([entryKey])
    // An entry that is left out is told by itself.
    if (entry?.key === object.key && entry.rows > 0) return undefined
    if (tools.entries.leftOut().has(entryKey)) return NOTHING
    const marks = await marksOf(object, tools)
    return marks === undefined ? indexForeign(object, tools) : takeMarked(object, marks, tools)
  }

  /** Read once from each object, and again only when another was put in its place. */
  async function marksOf(
    object: CompactedObject,
    tools: IngestTools,
  ): Promise<readonly string[] | undefined> {
    const known = footers.get(inputMark(object))
    if (known !== undefined) return known
    const file = await tools.lake.open(object.key)
    if (file === undefined) return undefined
    try {
      const marks = marksIn((await tools.workbench.readMadeFrom(tools.session, file.path)) ?? '')
      if (marks !== undefined) footers.set(inputMark(object), marks)
      return marks
    } finally {
      await file.release()
    }
  }

  return { take }
}

async function takeMarked(
  object: CompactedObject,
  marks: readonly string[],
  tools: IngestTools,
): Promise<IngestReport | undefined> {
  // What waits first, the log last: an ingest writes into the log what it took, and only then removes it.
  const waiting = new Set((await tools.lake.list(prefixOf(object))).map(inputMark))
  const log = await readLog(object, tools.entries)
  if (log.names.get(object.name) === 'counted') return undefined
  if (marks.every((mark) => log.inputMarks.has(mark))) {
    // One that is named all the same has no rows, and what was set aside with it is that of the entry.
    if (log.names.has(object.name)) await tools.lake.remove([object.key])
    else await removeLost(object, tools.lake)
    return NOTHING
  }
  if (marks.every((mark) => log.inputMarks.has(mark) || waiting.has(mark))) return NOTHING
  if (!log.isWhole) return { ...NOTHING, failed: [{ key: object.key, why: UNDECIDED }] }
  return indexForeign(object, tools)
}
