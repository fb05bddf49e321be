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

const ZEROS = Buffer.alloc(SECTOR_BYTES)

/** A file as the kernel shows it, and what of it is on the disk. */
export class SimulatedFile {
  content: Buffer = Buffer.alloc(0)
  /** As the kernel shows it. */
  modifiedMs = 0
  /** Holds the content, with room behind it: most files grow, and not every write copies them. */
  #room: Buffer = this.content
  /** Sectors, and size, of the last sync. */
  readonly #synced = new Map<number, Buffer>()
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
    this.#room = content
    this.content = content
    this.#settle()
  }

  sync(): void {
    for (const [sector, { states, isDirty }] of this.#sectors) {
      if (!isDirty) continue
      // The latest state of what is dirty is what it holds now.
      for (const bytes of states.slice(-1)) this.#synced.set(sector, bytes)
      this.#sectors.delete(sector)
    }
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
    if (this.#sectors.size === 0) return
    const clean = [...this.#sectors].filter(([, { isDirty }]) => !isDirty)
    const survivors = clean.map(([sector, unsynced]) => this.#survivor(sector, unsynced, die))
    for (const [sector, bytes] of survivors) {
      this.#synced.set(sector, bytes)
      this.#sectors.delete(sector)
    }
    put(survivors, this.content)
  }

  /** Sector by sector, in any order. */
  cut(die: Die): void {
    const survivors = [...this.#sectors].map(([sector, unsynced]) => this.#survivor(sector, unsynced, die))
    for (const [sector, bytes] of survivors) this.#synced.set(sector, bytes)
    const sizes = this.#size?.states ?? []
    const content = Buffer.alloc(sizes[(die() % (sizes.length + 1)) - 1] ?? this.#syncedSize)
    put(this.#synced, content)
    this.replace(content)
  }

  #survivor(sector: number, { states }: Unsynced<Buffer>, die: Die): Sector {
    return [sector, states[(die() % (states.length + 1)) - 1] ?? this.#synced.get(sector) ?? ZEROS]
  }

  #settle(): void {
    this.#synced.clear()
    for (const [sector, bytes] of sectorsOf(this.content, 0, this.content.length))
      this.#synced.set(sector, bytes)
    this.#syncedSize = this.content.length
    this.#sectors.clear()
    this.#size = undefined
  }

  #resize(length: number): void {
    const { content } = this
    if (length === content.length) return
    if (length > this.#room.length) {
      // Of a pool, unlike Buffer.alloc: most are small, and written once.
      this.#room = Buffer.allocUnsafe(Math.max(length, 2 * content.length))
      content.copy(this.#room)
    }
    if (length > content.length) this.#room.fill(0, content.length, length)
    this.content = this.#room.subarray(0, length)
    this.#size = { states: [...(this.#size?.states ?? []), length], isDirty: true }
  }

  #touch(from: number, to: number): void {
    for (const [sector, bytes] of sectorsOf(this.content, from, to)) {
      const states = this.#sectors.get(sector)?.states
      this.#sectors.set(sector, { states: states ? [...states, bytes] : [bytes], isDirty: true })
    }
  }
}

/** Those that hold bytes from `from` to before `to`, as they are now, with zeros behind the end of the file. */
function* sectorsOf(content: Buffer, from: number, to: number): Generator<Sector> {
  const first = Math.floor(from / SECTOR_BYTES)
  const count = Math.ceil(to / SECTOR_BYTES) - first
  if (count <= 0) return
  // One copy for all of them: sectors are small and many.
  const copy = Buffer.allocUnsafe(count * SECTOR_BYTES)
  const start = first * SECTOR_BYTES
  copy.fill(0, content.copy(copy, 0, Math.min(start, content.length), start + copy.length))
  for (let at = 0; at < count; at += 1)
    yield [first + at, copy.subarray(at * SECTOR_BYTES, (at + 1) * SECTOR_BYTES)]
}

/** In their places, as far as the content goes. */
function put(sectors: Iterable<Sector>, content: Buffer): void {
  for (const [sector, bytes] of sectors) {
    const start = sector * SECTOR_BYTES
    if (start < content.length) content.set(bytes.subarray(0, content.length - start), start)
  }
}
