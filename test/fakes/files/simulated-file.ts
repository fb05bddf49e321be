/** What a disk writes as a whole or not at all: a larger write may tear between two of them. */
export const SECTOR_BYTES = 512

/** Decides at a power cut, one number after the other, over and over. 0 loses what may be lost. */
export type Luck = readonly number[]
export type Die = () => number

export function dieOf(luck: Luck): Die {
  let rolls = 0
  return () => luck[rolls++ % luck.length] ?? 0
}

/** States since the last sync: after a power cut any of them may be what is there, or the synced one. */
interface Unsynced<T> {
  readonly states: readonly T[]
  /** A failed sync leaves it clean: no later sync writes it. */
  readonly isDirty: boolean
}

type Sector = readonly [number: number, bytes: Buffer]

/** A file as the kernel shows it, and what of it is on the disk. */
export class SimulatedFile {
  content: Buffer = Buffer.alloc(0)
  /** As the kernel shows it. */
  modifiedMs = 0
  /** Sectors, and size, of the last sync. */
  #synced: Buffer = Buffer.alloc(0)
  #syncedSize = 0
  readonly #sectors = new Map<number, Unsynced<Buffer>>()
  #size: Unsynced<number> | undefined

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length
    this.#resize(Math.max(end, this.content.length))
    this.content.set(bytes, position)
    this.#touch(position, end)
  }

  truncate(length: number): void {
    const before = this.content.length
    this.#resize(length)
    this.#touch(length, before)
  }

  /** Durably, by whoever stands outside. */
  replace(content: Buffer): void {
    this.content = content
    this.#settle()
  }

  sync(): void {
    const dirty = [...this.#sectors].filter(([, { isDirty }]) => isDirty)
    // The latest state of what is dirty is what it holds now.
    const written = dirty.flatMap(([sector, { states }]): Sector[] =>
      states.slice(-1).map((bytes) => [sector, bytes]),
    )
    this.#synced = withSectors(this.#synced, written)
    for (const [sector] of dirty) this.#sectors.delete(sector)
    if (this.#size?.isDirty) {
      this.#syncedSize = this.content.length
      this.#size = undefined
    }
  }

  /** As Linux does it: pages are clean from now on, whether they reached the disk or not. */
  failSync(): void {
    for (const [sector, { states }] of this.#sectors) this.#sectors.set(sector, { states, isDirty: false })
    this.#size = this.#size && { ...this.#size, isDirty: false }
  }

  /** What is clean may be forgotten, and is read from the disk again. */
  evict(die: Die): void {
    const clean = [...this.#sectors].filter(([, { isDirty }]) => !isDirty)
    if (clean.length === 0) return
    const survivors = clean.map(([sector, unsynced]) => this.#survivor(sector, unsynced, die))
    this.#synced = withSectors(this.#synced, survivors)
    this.content = resized(withSectors(this.content, survivors), this.content.length)
    for (const [sector] of clean) this.#sectors.delete(sector)
  }

  /** Sector by sector, in any order. */
  cut(die: Die): void {
    const survivors = [...this.#sectors].map(([sector, unsynced]) => this.#survivor(sector, unsynced, die))
    const content = withSectors(this.#synced, survivors)
    const sizes = this.#size?.states ?? []
    const size = sizes[(die() % (sizes.length + 1)) - 1] ?? this.#syncedSize
    this.content = resized(content, size)
    this.#settle()
  }

  #survivor(sector: number, { states }: Unsynced<Buffer>, die: Die): Sector {
    return [sector, states[(die() % (states.length + 1)) - 1] ?? sectorsOf(this.#synced, sector, 1)]
  }

  #settle(): void {
    this.#synced = Buffer.from(this.content)
    this.#syncedSize = this.content.length
    this.#sectors.clear()
    this.#size = undefined
  }

  #resize(length: number): void {
    if (length === this.content.length) return
    this.content = resized(this.content, length)
    this.#size = { states: [...(this.#size?.states ?? []), length], isDirty: true }
  }

  #touch(from: number, to: number): void {
    const first = Math.floor(from / SECTOR_BYTES)
    const count = Math.ceil(to / SECTOR_BYTES) - first
    if (count <= 0) return
    // One copy for all of them: sectors are small and many.
    const touched = sectorsOf(this.content, first, count)
    for (let at = 0; at < count; at += 1) {
      const bytes = touched.subarray(at * SECTOR_BYTES, (at + 1) * SECTOR_BYTES)
      const states = this.#sectors.get(first + at)?.states
      this.#sectors.set(first + at, { states: states ? [...states, bytes] : [bytes], isDirty: true })
    }
  }
}

/** With zeros behind the end of the file. */
const sectorsOf = (content: Buffer, first: number, count: number): Buffer =>
  resized(content.subarray(first * SECTOR_BYTES, (first + count) * SECTOR_BYTES), count * SECTOR_BYTES)

/** In its place, where that has room. */
function withSectors(content: Buffer, sectors: readonly Sector[]): Buffer {
  const end = Math.max(content.length, ...sectors.map(([sector]) => (sector + 1) * SECTOR_BYTES))
  const changed = end === content.length ? content : resized(content, end)
  for (const [sector, bytes] of sectors) changed.set(bytes, sector * SECTOR_BYTES)
  return changed
}

/** Always a copy. */
function resized(content: Buffer, length: number): Buffer {
  // Of a pool, unlike Buffer.alloc: most are small.
  const copy = Buffer.allocUnsafe(length)
  return copy.fill(0, content.copy(copy))
}
