const EDGES = [0, 1, 10, 100, 1_000, 10_000, 100_000]

/** How many of the numbers there are of each order of magnitude. */
export function histogram(values: readonly number[]): Readonly<Record<string, number>> {
  const bars = EDGES.map((edge, i) => {
    const end = EDGES[i + 1] ?? Number.POSITIVE_INFINITY
    const label = end === edge + 1 ? `${edge}` : `${edge}+`
    return [label, values.filter((value) => value >= edge && value < end).length] as const
  })
  return Object.fromEntries(bars.filter(([, count]) => count > 0))
}
