/** The values set last, as many as fit: what was not set for longest is forgotten first. */
export interface LruCache<Value> {
  /** What is held, in the unit of the limit. */
  size(): number
  get(key: string): Value | undefined
  /** To count being read as being used, set again what was got. */
  set(key: string, value: Value): void
  delete(key: string): void
}

/** `limit` is a number of values, or a sum of what `sizeOf` says of each. A value that alone is larger is not held. */
export function lruCache<Value>(
  limit: number,
  sizeOf: (value: Value, key: string) => number = () => 1,
): LruCache<Value> {
  // A Map keeps the order of insertion.
  const held = new Map<string, Value>()
  let size = 0
  let newest: string | undefined

  function forget(key: string): void {
    const value = held.get(key)
    if (value === undefined) return
    held.delete(key)
    size -= sizeOf(value, key)
  }

  return {
    size: () => size,
    get: (key) => held.get(key),
    delete: forget,
    set(key, value) {
      // Nothing to do for what comes again and again: a Map grows with every removal, and is then made anew.
      if (key === newest && held.get(key) === value) return
      forget(key)
      const added = sizeOf(value, key)
      if (added > limit) return
      held.set(key, value)
      newest = key
      size += added
      while (size > limit) forget(String(held.keys().next().value))
    },
  }
}
