/** What one swap, slip or forgotten letter in each three letters makes of a word is still that word. */
const LETTERS_A_SLIP = 3
/** Nobody mistypes longer names than these; comparing them is quadratic. */
const MOST_LETTERS = 80

/** The candidate that somebody who wrote `word` most likely meant, or undefined when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > MOST_LETTERS) return undefined
  let best: { readonly candidate: string; readonly slips: number } | undefined
  for (const candidate of candidates) {
    const [a, b] = [plain(word), plain(candidate)]
    const most = Math.floor(Math.min(word.length, candidate.length) / LETTERS_A_SLIP)
    // No letter of the difference can be spared: most candidates need no table.
    if (Math.abs(a.length - b.length) > most) continue
    const slips = slipsBetween(a, b)
    if (slips <= most && (best === undefined || slips < best.slips)) best = { candidate, slips }
  }
  return best?.candidate
}

/** `; did you mean "port"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates)
  return meant === undefined ? '' : `; did you mean "${meant}"?`
}

/** Case and separators are not what tells words apart. */
const plain = (word: string): string => word.toLowerCase().replace(/[_-]/g, '')

/** Letters to add, remove, change, or swap with their neighbour (optimal string alignment). */
function slipsBetween(a: string, b: string): number {
  const slips = new Map<number, number>()
  const place = (i: number, j: number) => i * (b.length + 1) + j
  const at = (i: number, j: number): number => slips.get(place(i, j)) ?? Number.POSITIVE_INFINITY
  for (let i = 0; i <= a.length; i++) {
    for (let j = 0; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const least = Math.min(
        at(i - 1, j) + 1,
        at(i, j - 1) + 1,
        at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
        swapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
      )
      slips.set(place(i, j), i === 0 || j === 0 ? i + j : least)
    }
  }
  return at(a.length, b.length)
}
