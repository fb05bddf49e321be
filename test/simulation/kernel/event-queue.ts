/** Something that will happen at a moment. */
export interface Timed {
  readonly atMs: number
  /** Of equal moments the lower goes first. */
  readonly order: number
}

/** A binary heap: the earliest is at hand, whatever comes in between. */
export class EventQueue<T extends Timed> {
  #heap: T[] = []

  get size(): number {
    return this.#heap.length
  }

  add(event: T): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as T
      if (isBefore(above, event)) break
      heap[at] = above
      at = parent
    }
    heap[at] = event
  }

  take(): T | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      if (left >= heap.length) break
      const child = right < heap.length && isBefore(heap[right] as T, heap[left] as T) ? right : left
      if (isBefore(last, heap[child] as T)) break
      heap[at] = heap[child] as T
      at = child
    }
    heap[at] = last
    return first
  }

  /** Takes out all that meet the condition, earliest first. */
  remove(isMeant: (event: T) => boolean): readonly T[] {
    const removed = this.#heap.filter(isMeant)
    if (removed.length === 0) return removed
    const kept = this.#heap.filter((event) => !isMeant(event))
    this.#heap = []
    for (const event of kept) this.add(event)
    return removed.sort((a, b) => (isBefore(a, b) ? -1 : 1))
  }
}

const isBefore = (a: Timed, b: Timed): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
