import { mapInSteps, runYielding } from '../../../std/async/yielding.ts'
import { alignDown, type TimeSpan } from '../../../std/durations.ts'
import type { Manifest } from '../commit/manifest.ts'
import type { WindowInput } from '../commit/window-inputs.ts'
import { byHour, covers, inOrder, isWithin, LARGEST_GRAIN_MS, overlap } from '../model/window-spans.ts'
import { type WindowFacts, windowsIn } from './plan.ts'

/** By the start of the window. */
export type InputsByWindow = ReadonlyMap<number, readonly WindowInput[]>

interface Day {
  readonly inputs: InputsByWindow
  readonly grainMs: number
  /** By what the time of the windows is counted, in whole hours. */
  readonly counting: () => Promise<readonly Manifest[]>
}

/** The facts of a day; where windows of another definition count, with what those were not computed from. */
export async function withUncounted(
  found: readonly WindowFacts[],
  { inputs, grainMs, counting }: Day,
): Promise<WindowFacts[]> {
  // All windows within a larger one have what came for any of them, so that is looked for once.
  const spans = [...new Set(found.filter(({ isCovered }) => isCovered).map(countedSpan))]
  const arrived = await runYielding(
    mapInSteps(spans, (span) => {
      const some = windowsIn('', grainMs, span).flatMap(({ fromMs }) => inputs.get(fromMs) ?? [])
      return [span, some] as const
    }),
  )
  if (arrived.every(([, some]) => some.length === 0)) return [...found]
  const hours = byHour(await counting())
  const uncounted = await runYielding(
    mapInSteps(arrived, ([span, some]) => {
      const counted = hours.get(alignDown(span.fromMs, LARGEST_GRAIN_MS)) ?? []
      return [span, uncountedIn(span, counted, some)] as const
    }),
  )
  const bySpan = new Map<TimeSpan, readonly WindowInput[]>(uncounted)
  return found.map((facts) => ({ ...facts, uncounted: bySpan.get(countedSpan(facts)) }))
}

const countedSpan = ({ window, within }: WindowFacts): TimeSpan => within ?? window

/** Where one of those that count it cannot be read, nobody knows what is news: the window stays as it is. */
function uncountedIn(span: TimeSpan, counted: readonly Manifest[], arrived: readonly WindowInput[]) {
  const over = counted.filter((each) => overlap(each, span))
  // Those within a larger one count when they hold all of it, and then it is not among these.
  const counting = over.filter((each) => !over.some((larger) => isWithin(each, larger)))
  if (!covers(counting.sort(inOrder), span)) return []
  const known = new Set(counting.flatMap((each) => each.inputs.keys))
  return arrived.filter(({ key }) => !known.has(key))
}
