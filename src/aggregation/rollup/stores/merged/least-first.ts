/** What is taken in the order of a key. */
export interface Keyed {
  readonly key: Buffer
}

/** A few hundred things, of which those with the least key are wanted again and again. */
export interface LeastFirst<T extends Keyed> {
  add(one: T): void
  /** All whose key is the least, in no order; undefined when nothing is left. */
  take(): [T, ...T[]] | undefined
}

export function leastFirst<T extends Keyed>(): LeastFirst<T> {
  /** Greatest first. */
  const sorted: T[] = []
  return {
    add(one) {
      let [from, to] = [0, sorted.length]
      while (from < to) {
        const middle = (from + to) >> 1
        if (compareKeys(sorted[middle], one) > 0) from = middle + 1
        else to = middle
      }
      sorted.splice(from, 0, one)
    },
    take() {
      const first = sorted.pop()
      if (first === undefined) return undefined
      const least: [T, ...T[]] = [first]
      while (compareKeys(sorted.at(-1), first) === 0) least.push(...sorted.splice(-1))
      return least
    },
  }
}

/** NaN beyond the last. */
const compareKeys = (a: Keyed | undefined, b: Keyed): number => Number(a && Buffer.compare(a.key, b.key))
