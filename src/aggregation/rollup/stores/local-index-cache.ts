/** Recently read indexes by their checksum, bounded in bytes. What a checksum names never changes, so nothing goes stale. */
export class IndexCache {
  readonly #maxBytes: number
  readonly #entries = new Map<string, Buffer>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The index of that checksum; `read` is called for one that is not held. */
  async get(sha256: string, read: () => Promise<Buffer>): Promise<Buffer> {
    const held = this.#entries.get(sha256)
    const index = held ?? (await read())
    this.#remove(sha256)
    this.#entries.set(sha256, index)
    this.#bytes += index.length
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#remove(oldest)
    }
    return index
  }

  #remove(sha256: string): void {
    this.#bytes -= this.#entries.get(sha256)?.length ?? 0
    this.#entries.delete(sha256)
  }
}
