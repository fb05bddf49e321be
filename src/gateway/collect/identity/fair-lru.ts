/** Values of several owners, as many as fit. Who has less than others loses nothing by what they bring. */
export interface FairCache<Value> {
  /** What is held, in the unit of the limit. */
  size(): number
  get(owner: string, key: string): Value | undefined
  /** To count being read as being used, set again what was got. */
  set(owner: string, key: string, value: Value): void
}

interface Owned<Value> {
  readonly owner: string
  /** That which was set longest ago first. */
  readonly values: Map<string, Value>
}

/**
 * `limit` is a sum of what `sizeOf` says of each value. Where there is no room, the owner with most values loses the one
 * that was set longest ago: each may have an equal share, and more of it as long as nobody else wants that.
 */
export function fairCache<Value>(
  limit: number,
  sizeOf: (value: Value, key: string) => number,
): FairCache<Value> {
  const held = new Map<string, Owned<Value>>()
  /** Those who have so many values: who has most is known without looking for it. */
  const having: Set<Owned<Value>>[] = []
  let most = 0
  let size = 0

  /** `many` is one more or one less than `before`. */
  function recount(owned: Owned<Value>, before: number, many: number): void {
    having[before]?.delete(owned)
    if (many === 0) held.delete(owned.owner)
    else having[many] = (having[many] ?? new Set()).add(owned)
    if (many > most || having[most]?.size === 0) most = many
  }

  function forget({ values }: Owned<Value>, key: string): void {
    size -= sizeOf(values.get(key) as Value, key)
    values.delete(key)
  }

  function makeRoom(): void {
    const owned = first(having[most] as Set<Owned<Value>>)
    forget(owned, first(owned.values.keys()))
    recount(owned, owned.values.size + 1, owned.values.size)
  }

  return {
    size: () => size,
    get: (owner, key) => held.get(owner)?.values.get(key),
    set(owner, key, value) {
      const owned = held.get(owner) ?? { owner, values: new Map<string, Value>() }
      const { values } = owned
      held.set(owner, owned)
      const before = values.size
      if (values.has(key)) forget(owned, key)
      values.set(key, value)
      size += sizeOf(value, key)
      if (values.size > before) recount(owned, before, values.size)
      while (size > limit) makeRoom()
    },
  }
}

const first = <T>(values: Iterable<T>): T => values[Symbol.iterator]().next().value as T
