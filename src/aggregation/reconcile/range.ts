import { minuteOf } from '../../event/ledger/app-tally.ts'
import { DAY_MS, MINUTE_MS, type TimeSpan } from '../../std/durations.ts'
import { instant, rangeFrom } from '../../std/input/instant.ts'
import { invalid } from '../../std/input/invalid.ts'

/**
 * So long may events be on their way to the lake:
 * https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html
 */
const ON_THE_WAY_MS = 900_000

/**
 * By arrival at the gateway, in whole minutes, as ledger events count them: by default the 24 hours of which all should
 * have arrived. The minutes in which it begins and ends belong to it.
 */
export function rangeOf(
  { from, to }: { readonly from?: string; readonly to?: string },
  nowMs: number,
): TimeSpan {
  const endMs = to === undefined ? nowMs - ON_THE_WAY_MS : instant('to', to)
  const toMs = minuteOf(endMs + MINUTE_MS - 1)
  const fromMs = minuteOf(from === undefined ? Math.max(0, toMs - DAY_MS) : instant('from', from))
  if (to === undefined && fromMs >= toMs) {
    const [first, last] = [fromMs, toMs].map((ms) => new Date(ms).toISOString())
    throw invalid(
      'from',
      `(${first}) must be before to (${last}): unless it is given, to is a quarter of an hour ago, as later events may be on their way.`,
    )
  }
  return rangeFrom(fromMs, toMs)
}
