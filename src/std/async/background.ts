export interface BackgroundWork {
  /** Begins it, unless it is under way. */
  begin(signal: AbortSignal): void
  /** Resolves when nothing is under way. */
  ended(): Promise<void>
}

/** Work that is begun now and then and that nothing waits for, but the end of its process. */
export function backgroundWork(
  work: (signal: AbortSignal) => Promise<void>,
  failed: (error: unknown) => void,
): BackgroundWork {
  let underWay: Promise<void> | undefined
  return {
    begin(signal) {
      underWay ??= work(signal)
        .catch((error: unknown) => {
          if (!signal.aborted) failed(error)
        })
        .finally(() => {
          underWay = undefined
        })
    },
    ended: async () => underWay,
  }
}

/** Several at once, as one. */
export const besideEachOther = (works: readonly BackgroundWork[]): BackgroundWork => ({
  begin(signal) {
    for (const work of works) work.begin(signal)
  },
  async ended() {
    for (const work of works) await work.ended()
  },
})
