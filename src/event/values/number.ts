/** As it is written. Checked first: the longest that is printed of a double has 25 characters. */
const MAX_NUMBER_CHARS = 64
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i

/** A number, or a text that is one; NaN for anything else. Many senders have only texts: queries, forms, `toFixed`. */
export function numberIn(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || value.length > MAX_NUMBER_CHARS) return Number.NaN
  return DECIMAL.test(value) ? Number(value) : Number.NaN
}
