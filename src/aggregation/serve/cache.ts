/**
 * What was computed before, by key. A key names the generation of the data it was computed from, so nothing here is ever
 * wrong or has to be told of a commit: it is only forgotten.
 */
export interface Cache {
  /** The kept text of the key, or else that of `compute`: run once, however many ask meanwhile. Failures are not kept. */
  through(key: string, compute: () => Promise<string>): Promise<string>
}

/** Least recently used texts go first. Counted as UTF-16, two bytes a character: an upper bound of what the runtime holds. */
export function memoryCache(maxBytes: number): Cache {
  const kept = new Map<string, string>()
  const underWay = new Map<string, Promise<string>>()
  let bytes = 0
  const sizeOf = (key: string, text: string) => 2 * (key.length + text.length)

  function keep(key: string, text: string): void {
    if (sizeOf(key, text) > maxBytes) return
    kept.set(key, text)
    bytes += sizeOf(key, text)
    for (const [oldest, its] of kept) {
      if (bytes <= maxBytes) break
      kept.delete(oldest)
      bytes -= sizeOf(oldest, its)
    }
  }

  async function computed(key: string, compute: () => Promise<string>): Promise<string> {
    try {
      const text = await compute()
      keep(key, text)
      return text
    } finally {
      underWay.delete(key)
    }
  }

  return {
    async through(key, compute) {
      const hit = kept.get(key)
      if (hit !== undefined) {
        kept.delete(key)
        kept.set(key, hit)
        return hit
      }
      const running = underWay.get(key) ?? computed(key, compute)
      underWay.set(key, running)
      return running
    },
  }
}
