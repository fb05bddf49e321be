import type { Lake, LakeObject } from '../../../lake/lake.ts'
import { parseRawKey, rawPrefixes } from '../../../lake/layout.ts'
import type { Clock } from '../../../std/clock.ts'
import { HOUR_MS } from '../../../std/durations.ts'

export interface RawListing {
  readonly objects: readonly LakeObject[]
  /** Whether all of `raw/` was looked at. */
  readonly isWhole: boolean
}

/** A listing of everything that is faster than this is never saved. */
const CHEAP_MS = 250
/** Otherwise no more than about this share of the time goes into listings of everything: 1 in 100. */
const SHARE = 100

/**
 * Lists `raw/`. In a lake that has grown large most calls look only where nearly all arrives, which is the current hour
 * and the one before of the sources seen so far; a new source, or a backlog of older hours, waits for the next full one,
 * or for who wants everything.
 */
export function rawListing(lake: Lake, clock: Clock): (everywhere?: boolean) => Promise<RawListing> {
  const sources = new Set<string>()
  let fullAgainMs = Number.NEGATIVE_INFINITY

  async function everything(): Promise<RawListing> {
    const startMs = clock.monotonicMs()
    const objects = await lake.list('raw/')
    const endMs = clock.monotonicMs()
    if (endMs - startMs > CHEAP_MS) fullAgainMs = endMs + SHARE * (endMs - startMs)
    for (const { key } of objects) sources.add(parseRawKey(key)?.source ?? '')
    sources.delete('')
    return { objects, isWhole: true }
  }

  return async (everywhere = false) => {
    if (everywhere || clock.monotonicMs() >= fullAgainMs) return everything()
    const nowMs = clock.nowMs()
    const prefixes = [...sources].flatMap((source) => rawPrefixes(source, nowMs - HOUR_MS, nowMs + 1))
    const objects = (await Promise.all(prefixes.map((prefix) => lake.list(prefix)))).flat()
    return { objects, isWhole: false }
  }
}
