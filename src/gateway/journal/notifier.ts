/** Wakes those who wait for something to do. */
export interface Doorbell {
  ring(): void
  /** Resolves at the next ring, or when the signal aborts. */
  rung(signal: AbortSignal): Promise<void>
}

export function createDoorbell(): Doorbell {
  const waiting = new Set<() => void>()
  return {
    ring() {
      for (const wake of waiting) wake()
    },
    rung: (signal) =>
      new Promise((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', wake)
          waiting.delete(wake)
          resolve()
        }
        if (signal.aborted) return resolve()
        signal.addEventListener('abort', wake)
        waiting.add(wake)
      }),
  }
}
