import { alignDown, type TimeSpan } from '../../../std/durations.ts'
import type { RollupDefinition } from '../model/definition.ts'
import { listedMs } from './planner.ts'

/** The windows that these minutes, in order, lie in: neighbours as one span, as far as a request may name them at once. */
export function listedSpans(
  minutes: readonly number[],
  definitions: readonly Pick<RollupDefinition, 'grainMs'>[],
): readonly TimeSpan[] {
  const grainMs = Math.max(...definitions.map((definition) => definition.grainMs))
  const mostMs = alignDown(listedMs(definitions), grainMs)
  const spans: { fromMs: number; toMs: number }[] = []
  for (const minuteMs of minutes) {
    const fromMs = alignDown(minuteMs, grainMs)
    const toMs = fromMs + grainMs
    const last = spans.at(-1)
    if (last !== undefined && fromMs <= last.toMs && toMs - last.fromMs <= mostMs) last.toMs = toMs
    else spans.push({ fromMs, toMs })
  }
  return spans
}
