/**
 * Memory that is used again. A buffer that lives as long as a call takes outlives V8's young generation, and from there
 * only a collection of the whole heap gives it back: V8 begins one for every 64 MB of them (docs/adr/0020).
 */
export interface BufferPool {
  /** So many bytes, with anything in them. */
  take(bytes: number): Buffer
  /** Nobody reads it any more. One that is never given back is left to V8. */
  give(buffer: Buffer): void
}

export interface BufferPoolOptions {
  /** Larger ones are not pooled, nor those that would leave more than half of a buffer empty. */
  readonly bufferBytes: number
  /** Most buffers that wait to be used again. */
  readonly mostFree: number
}

export function createBufferPool({ bufferBytes, mostFree }: BufferPoolOptions): BufferPool {
  const lent = new WeakSet<ArrayBufferLike>()
  const free: Buffer[] = []

  return {
    take(bytes) {
      if (bytes > bufferBytes || bytes < bufferBytes / 2) return Buffer.allocUnsafeSlow(bytes)
      const whole = free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes)
      lent.add(whole.buffer)
      return whole.subarray(0, bytes)
    },
    give({ buffer }) {
      // A second time it would be somebody else's.
      if (lent.delete(buffer) && free.length < mostFree) free.push(Buffer.from(buffer))
    },
  }
}
