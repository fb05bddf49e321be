/** Takes ascending numbers; 0 when there are none. */
export const percentile = (ascending: readonly number[], q: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(q * ascending.length))] ?? 0

export function median(numbers: readonly number[]): number {
  const ascending = [...numbers].sort((a, b) => a - b)
  const middle = ascending.length >> 1
  const upper = ascending[middle] ?? 0
  return ascending.length % 2 === 1 ? upper : ((ascending[middle - 1] ?? 0) + upper) / 2
}

/** Three digits behind the point are more than any of these figures deserves. */
export const round = (value: number): number => Number(value.toFixed(3))
