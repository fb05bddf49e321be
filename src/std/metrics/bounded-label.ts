/** Stands for all values of a label that have no series of their own. No name of a service or of the system has a tilde. */
const OTHER = '~other'

/**
 * Values of a label that somebody else makes up: the first `limit` that come are series of their own, as those of an ordinary
 * service are by far, and the rest are one. A series costs memory and a line of each scrape for good.
 */
export function boundedLabel(limit: number): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.size < limit) known.add(value)
    return known.has(value) ? value : OTHER
  }
}
