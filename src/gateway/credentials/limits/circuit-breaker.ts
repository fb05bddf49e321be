import type { Clock } from '../../../std/clock.ts'

/** How long STS is left alone with what it refuses for good: a broken role must not use up the account's calls. */
export const OPEN_MS = 60_000

/** One for each app: it opens for what an operator has to mend, and lets a single request try from time to time. */
export interface Breaker {
  /** Whether the app's request may go on. Of an open one, a request a minute may. */
  allows(app: string): boolean
  open(app: string): void
  close(app: string): void
  /** The apps for which it is open. */
  openApps(): Iterable<string>
  /** With a new configuration there is something new to try. */
  closeAll(): void
}

export function createBreaker(clock: Clock): Breaker {
  const untilMs = new Map<string, number>()
  const open = (app: string) => untilMs.set(app, clock.monotonicMs() + OPEN_MS)
  return {
    allows(app) {
      const closesMs = untilMs.get(app)
      if (closesMs === undefined) return true
      if (clock.monotonicMs() < closesMs) return false
      // Until this one knows more, the others wait.
      open(app)
      return true
    },
    open,
    close: (app) => void untilMs.delete(app),
    openApps: () => untilMs.keys(),
    closeAll: () => untilMs.clear(),
  }
}
