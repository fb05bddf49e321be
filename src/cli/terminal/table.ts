import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../std/durations.ts'

/** Rows as aligned text: the first column to the left, which names, the others, which count, to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  const aligned = (cell: string, at: number) =>
    at === 0 ? cell.padEnd(Number(widths[at])) : cell.padStart(Number(widths[at]))
  return rows.map((row) => `${row.map(aligned).join('  ').trimEnd()}\n`).join('')
}

/** Grouped by thousands: 1,234,567. */
export const number = (count: number): string => count.toLocaleString('en-US')

const STEPS = [
  ['d', DAY_MS],
  ['h', HOUR_MS],
  ['min', MINUTE_MS],
] as const

/** How long something has been, as a person says it: 3 s, 12 min, 5 h, 2 d. */
export function duration(ms: number): string {
  const [unit, unitMs] = STEPS.find(([, unitMs]) => ms >= unitMs) ?? ['s', 1_000]
  return `${Math.floor(Math.max(0, ms) / unitMs)} ${unit}`
}

/** How long ago it was. What is still to come was told while a clock was ahead, and is said to be: no age is true of it. */
export const ago = (thenMs: number, nowMs: number): string =>
  thenMs - nowMs < MINUTE_MS
    ? `${duration(nowMs - thenMs)} ago`
    : `${duration(thenMs - nowMs)} ahead of this clock`

const SIZES = ['B', 'KiB', 'MiB', 'GiB'] as const

export function size(bytes: number): string {
  const step = bytes === 0 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1_024 ** step).toFixed(step === 0 ? 0 : 1)} ${SIZES[step]}`
}
