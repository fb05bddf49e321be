import type { Plan, SkippedWindow, SkipReason } from './plan.ts'

export type SkipCounts = NonNullable<Plan['skippedBy']>

export function countedSkips(skipped: readonly SkippedWindow[]): SkipCounts {
  const counts: Partial<Record<SkipReason, number>> = {}
  for (const { why } of skipped) counts[why] = (counts[why] ?? 0) + 1
  return counts
}
