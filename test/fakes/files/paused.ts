/**
 * A process that is paused at its n-th step, and wakes when something else has happened meanwhile. At half of the steps it
 * sleeps before the call takes effect, at half right after, before the caller hears of it.
 */
export function pausedAt(step: number, meanwhile: () => Promise<unknown>) {
  let steps = 0

  async function pass(): Promise<void> {
    if (++steps === step) await meanwhile()
  }

  async function take<T>(call: () => Promise<T>): Promise<T> {
    await pass()
    const result = await call()
    await pass()
    return result
  }

  return {
    /** Whether there was such a step. */
    wasPaused: () => steps >= step,
    /** The port, with a pause. */
    drowsy<P extends object>(port: P, methods: readonly (keyof P)[]): P {
      const wrapped: P = { ...port }
      for (const name of methods) {
        const method = port[name] as (...given: unknown[]) => Promise<unknown>
        wrapped[name] = ((...given: unknown[]) => take(() => method(...given))) as P[keyof P]
      }
      return wrapped
    },
  }
}
