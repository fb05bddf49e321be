import { parseRawKey } from '../../../lake/layout.ts'
import type { SetAside } from '../index/arrivals.ts'
import { reexamine } from '../objects/reexamine.ts'
import { type ReexamineJoinedTools, reexamineJoined } from './reexamine-joined.ts'

export interface ReexamineEachTools extends ReexamineJoinedTools {
  /** Told of an hour in which something may not be where it was told to be. */
  readonly doubt: (arrivalMs: number) => void
}

/** Looks at one object after the other, as it is not known which of them is to blame, where they lie now. */
export async function* reexamineEach(
  keys: readonly string[],
  tools: ReexamineEachTools,
): AsyncGenerator<SetAside> {
  const holders = await tools.hours.holders(keys, { anew: true })
  for (const object of new Set(holders.values())) {
    const trouble = await reexamineJoined(object, tools)
    if (trouble !== undefined) yield trouble
  }
  for (const key of keys.filter((each) => !holders.has(each))) {
    // Should it not be there, it may have been joined, and what tells of that be gone.
    tools.doubt(Number(parseRawKey(key)?.arrivalMs))
    const trouble = await reexamine(key, tools)
    if (trouble !== undefined) yield trouble
  }
}
