import type { FileOps } from '../../../src/std/files/files.ts'

/**
 * A process that is killed at its n-th step: from then on nothing of it happens any more. Half of the steps die before
 * the call takes effect, half right after, before the caller hears of it.
 */
export function killedAt(step: number) {
  let steps = 0
  let die = () => {}
  const death = new Promise<void>((resolve) => {
    die = resolve
  })
  const forever = new Promise<never>(() => {})
  const calls: Promise<unknown>[] = []

  async function take<T>(call: () => Promise<T>): Promise<T> {
    if (++steps >= step) {
      die()
      return forever
    }
    const calling = call()
    calls.push(calling)
    const result = await calling
    if (++steps < step) return result
    die()
    return forever
  }

  return {
    /** Resolves when the process died. */
    death,
    /** Closes what it had open, or was about to, as a kernel does for whoever is no more. */
    async closeFiles(): Promise<void> {
      for (const call of await Promise.allSettled(calls))
        if (call.status === 'fulfilled' && canBeClosed(call.value)) await call.value.close()
    },
    /** The port, as long as the process lives. */
    mortal<P extends object>(port: P, methods: readonly (keyof P)[]): P {
      const wrapped: P = { ...port }
      for (const name of methods) {
        const method = port[name] as (...given: unknown[]) => Promise<unknown>
        wrapped[name] = ((...given: unknown[]) => take(() => method(...given))) as P[keyof P]
      }
      return wrapped
    },
  }
}

const canBeClosed = (result: unknown): result is { close(): Promise<unknown> } =>
  typeof result === 'object' && result !== null && 'close' in result

/** The calls that change what is on disk under a name. */
export const changingCalls = ['rename', 'link'] as const satisfies readonly (keyof FileOps)[]
