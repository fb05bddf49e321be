import { lruCache } from '../../../std/lru.ts'

/** An answer but for what is of the moment. */
export interface KeptAnswer {
  /** JSON. */
  readonly text: string
  /** Whether there was no row to make it of: one for each range that was asked about, in their order. */
  readonly isEmpty: readonly boolean[]
  /** What is to be known of how it was made. */
  readonly notices?: readonly string[]
  /** What it is of changed while it was made: those who wait for it have it, and nobody later. */
  readonly isPassing?: boolean
}

/**
 * What was computed before, by key. A key names the generation of the data it was computed from, so nothing here is ever
 * wrong or has to be told of a commit: it is only forgotten.
 */
export interface Cache {
  /**
   * What is kept of the key, or else what `compute` makes: run once, however many ask meanwhile. Failures are not kept, and
   * are those of one asker: another then computes.
   */
  through(key: string, compute: () => Promise<KeptAnswer>): Promise<KeptAnswer>
}

/** Least recently used texts go first. Counted as UTF-16, two bytes a character: an upper bound of what the runtime holds. */
export function memoryCache(maxBytes: number): Cache {
  const kept = lruCache<KeptAnswer>(maxBytes, ({ text }, key) => 2 * (key.length + text.length))
  const underWay = new Map<string, Promise<KeptAnswer>>()

  async function computed(key: string, compute: () => Promise<KeptAnswer>): Promise<KeptAnswer> {
    try {
      const made = await compute()
      if (made.isPassing !== true) kept.set(key, made)
      return made
    } finally {
      underWay.delete(key)
    }
  }

  return {
    async through(key, compute) {
      const hit = kept.get(key)
      if (hit !== undefined) {
        kept.set(key, hit)
        return hit
      }
      // Looked up anew each time: of several whose common work failed, one begins and the others wait for that.
      for (let running = underWay.get(key); running !== undefined; running = underWay.get(key)) {
        const [shared] = await Promise.allSettled([running])
        if (shared.status === 'fulfilled') return shared.value
      }
      const own = computed(key, compute)
      underWay.set(key, own)
      return own
    },
  }
}
