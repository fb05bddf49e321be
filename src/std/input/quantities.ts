import { DAY_MS, HOUR_MS, MINUTE_MS } from '../durations.ts'

const UNITS = {
  duration: { ms: 1, s: 1_000, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS },
  bytes: { B: 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 },
} as const satisfies Record<string, Readonly<Record<string, number>>>

export type Measure = keyof typeof UNITS

/** Whether a text is a whole number as people write one. Number() takes `1e2`, ` 2` and nothing at all for one, too. */
export const isDigits = (text: string): boolean => /^\d{1,15}$/.test(text)

/** `15m` → 900000 and `4GiB` → 4294967296; undefined for what is neither. */
export function measured(measure: Measure, text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,15}) ?([A-Za-z]+)$/.exec(text) ?? []
  const factor = new Map<string, number>(Object.entries(UNITS[measure])).get(unit)
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor
}

/** In the largest unit that leaves a whole number: 900000 → `15m`. */
export function inUnits(measure: Measure, amount: number): string {
  let best = `${amount}${measure === 'bytes' ? 'B' : 'ms'}`
  for (const [unit, factor] of Object.entries(UNITS[measure])) {
    if (amount > 0 && amount % factor === 0) best = `${amount / factor}${unit}`
  }
  return best
}
