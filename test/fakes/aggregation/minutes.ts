import type { MinuteRows } from '../../../src/aggregation/ingest/index/minute-rows.ts'

/** Rows by the start of their minute, as an object that can be read. */
export function minuteRows(rows: Readonly<Record<string, number>>): MinuteRows {
  const sorted = Object.entries(rows)
    .map(([startMs, count]) => [Number(startMs), count] as const)
    .sort(([a], [b]) => a - b)
  return {
    startsMs: Float64Array.from(sorted, ([startMs]) => startMs),
    rows: Float64Array.from(sorted, ([, count]) => count),
  }
}

export const asRecord = ({ startsMs, rows }: MinuteRows): Record<string, number> =>
  Object.fromEntries(Array.from(startsMs, (startMs, at) => [startMs, Number(rows[at])]))
