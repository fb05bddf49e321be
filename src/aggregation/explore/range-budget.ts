import { alignDown, MINUTE_MS, type TimeSpan } from '../../std/durations.ts'
import { AppError } from '../../std/errors.ts'
import type { ArrivedObject } from '../ingest/index/arrivals.ts'

/** Bytes of the objects that one exploration reads. Ours: a hundred million events, packed. */
export const MAX_EXPLORED_BYTES = 2_147_483_648
/** Rows of those objects. Ours: within the deadline of an exploration on two cores. */
export const MAX_EXPLORED_ROWS = 20_000_000

export interface RangeBudget {
  readonly bytes: number
  readonly rows: number
}

const BUDGET: RangeBudget = { bytes: MAX_EXPLORED_BYTES, rows: MAX_EXPLORED_ROWS }

type Sized = Pick<ArrivedObject, 'rows' | 'bytes' | 'minutes'>

/**
 * Refuses, by what the index says, a range whose objects hold too much, with the longest that has its end and fits. How much
 * they hold is not told: it is of all apps.
 */
export function refuseBeyond(
  objects: readonly Sized[],
  { toMs, grainMs }: TimeSpan & { readonly grainMs: number },
  budget: RangeBudget = BUDGET,
): void {
  const beyond = firstBeyond(objects, budget)
  if (beyond === undefined) return
  const fromMs = alignDown(beyond + MINUTE_MS + grainMs - 1, grainMs)
  const instead =
    fromMs < toMs
      ? `the largest range that fits and ends there begins at ${new Date(fromMs).toISOString()}`
      : 'no range that ends there fits'
  throw new AppError(
    'range_too_large',
    `The objects of the range hold more than ${budget.rows} rows or ${budget.bytes} bytes; ${instead}.`,
    { details: fromMs < toMs ? { largest: { from: fromMs, to: toMs } } : {} },
  )
}

/** The last minute of the newest object that has no room beside all newer ones. */
function firstBeyond(objects: readonly Sized[], budget: RangeBudget): number | undefined {
  let [rows, bytes] = [0, 0]
  const lastMinute = ({ minutes }: Sized) => Number(minutes.startsMs.at(-1))
  for (const object of [...objects].sort((a, b) => lastMinute(b) - lastMinute(a))) {
    rows += object.rows
    bytes += object.bytes
    if (rows > budget.rows || bytes > budget.bytes) return lastMinute(object)
  }
  return undefined
}
