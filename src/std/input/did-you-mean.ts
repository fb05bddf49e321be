/** What one swap, slip or forgotten letter in each three letters makes of a word is still that word. */
const LETTERS_A_SLIP = 3
/** Nobody mistypes longer names than these; comparing them is quadratic. */
const MOST_LETTERS = 80

/** The candidate that somebody who wrote `word` most likely meant, or undefined when none is near. */
export const nearest = (word: string, candidates: Iterable<string>): string | undefined =>
  nearestOf(candidates)(word)

/** The same for many words. */
export function nearestOf(candidates: Iterable<string>): (word: string) => string | undefined {
  const known = Array.from(candidates, (candidate) => ({ candidate, b: plain(candidate) }))
  return (word) => {
    if (word.length > MOST_LETTERS) return undefined
    const a = plain(word)
    let best: { readonly candidate: string; readonly slips: number } | undefined
    for (const { candidate, b } of known) {
      const most = Math.floor(Math.min(word.length, candidate.length) / LETTERS_A_SLIP)
      // No letter of the difference can be spared: most candidates need no table.
      if (Math.abs(a.length - b.length) > most) continue
      const slips = slipsBetween(a, b, most)
      if (slips <= most && (best === undefined || slips < best.slips)) best = { candidate, slips }
    }
    return best?.candidate
  }
}

/** `; did you mean "port"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates)
  return meant === undefined ? '' : `; did you mean "${meant}"?`
}

/** The same of names with parts between dots, of which the last may be written alone: `lcp`. */
export function didYouMeanName(name: string, known: readonly string[]): string {
  const meant = nearest(name, known) ?? known.find((each) => plain(each).endsWith(`.${plain(name)}`))
  return meant === undefined ? '' : `; did you mean "${meant}"?`
}

/** Nothing that could end a line, or steer a terminal. */
const PLAIN = /^[\w.:/+-]+$/

/**
 * What a value that is none of `known` must be, in words that follow the name of its field: all of them, and the one that
 * was most likely meant, or `elsewhere`, where that says what was. Only then what was given is repeated, which is nearly a
 * name of ours; anything else may be a secret.
 */
export function oneOf(known: readonly string[], given: string, elsewhere = ''): string {
  const meant = didYouMean(given, known) || elsewhere
  const repeated = meant !== '' && PLAIN.test(given) ? `; "${given}" is none of them` : ''
  return `must be one of ${known.join(', ')}${repeated}${meant}`
}

/** Case and separators are not what tells words apart. */
export const plain = (word: string): string => word.toLowerCase().replace(/[_-]/g, '')

/** Letters to add, remove, change, or swap with their neighbour (optimal string alignment); not counted beyond `most`. */
function slipsBetween(a: string, b: string, most: number): number {
  let beforeLast: number[] = []
  let last: number[] = Array.from({ length: b.length + 1 }, (_, j) => j)
  let lastLeast = 0
  const at = (row: readonly number[], j: number): number => Number(row[j])
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let rowLeast = i
    for (let j = 1; j <= b.length; j++) {
      const changed = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const least = Math.min(at(last, j) + 1, at(row, j - 1) + 1, changed)
      const isSwap = i > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const slips = isSwap ? Math.min(least, at(beforeLast, j - 2) + 1) : least
      row.push(slips)
      rowLeast = Math.min(rowLeast, slips)
    }
    if (rowLeast > most && lastLeast > most) return Number.POSITIVE_INFINITY
    beforeLast = last
    last = row
    lastLeast = rowLeast
  }
  return at(last, b.length)
}
