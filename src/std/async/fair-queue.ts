/**
 * Runs so many pieces of work at a time, and one by default. Groups take turns, and in each its members: whoever brings
 * much waits for it alone.
 */
export type FairQueue = <T>(owner: Owner, work: () => Promise<T>) => Promise<T>

export interface Owner {
  readonly group: string
  readonly member: string
}

type Begin = () => void

export function createFairQueue(max = 1): FairQueue {
  const groups = roundRobin<RoundRobin<Begin[]>>()
  let running = 0

  function add({ group, member }: Owner, begin: Begin): void {
    const members = groups.of(group, () => roundRobin<Begin[]>())
    members.of(member, () => []).push(begin)
  }

  /** Whoever has more to bring goes to the end of the line. */
  function next(): Begin | undefined {
    const group = groups.take()
    const member = group?.value.take()
    if (group === undefined || member === undefined) return undefined
    const begin = member.value.shift()
    if (member.value.length > 0) group.value.of(member.name, () => member.value)
    if (group.value.size() > 0) groups.of(group.name, () => group.value)
    return begin
  }

  return async (owner, work) => {
    if (running < max) running += 1
    else await new Promise<void>((resolve) => add(owner, resolve))
    try {
      return await work()
    } finally {
      // The place is taken over at once, so that nobody slips in between.
      const begin = next()
      if (begin) begin()
      else running -= 1
    }
  }
}

interface RoundRobin<Value> {
  size(): number
  /** What the name has, or begins to have at the end of the line. */
  of(name: string, begin: () => Value): Value
  /** Who is first. */
  take(): { readonly name: string; readonly value: Value } | undefined
}

function roundRobin<Value>(): RoundRobin<Value> {
  // A Map keeps the order of insertion.
  const line = new Map<string, Value>()
  return {
    size: () => line.size,
    of(name, begin) {
      const known = line.get(name) ?? begin()
      line.set(name, known)
      return known
    },
    take() {
      const [first] = line
      if (first === undefined) return undefined
      const [name, value] = first
      line.delete(name)
      return { name, value }
    },
  }
}
