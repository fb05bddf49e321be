/** `3 of 4`: in how many of so many windows something must hold. */
export interface Persistence {
  readonly need: number
  readonly of: number
}

export const ALERT_STATES = ['ok', 'pending', 'firing', 'resolved', 'unknown'] as const
type AlertState = (typeof ALERT_STATES)[number]

/**
 * The state of an alert, by whether its condition held in each of twice as many windows as it looks at, in time order; null
 * is not known. It follows from the windows alone: so it outlives a restart, and late events correct it.
 */
export function alertState(held: readonly (boolean | null)[], { need, of }: Persistence): AlertState {
  const isFiringAt = (end: number) =>
    held.slice(Math.max(0, end - of), end).filter((is) => is === true).length >= need
  const now = held.length
  if (isFiringAt(now)) return 'firing'
  if (held.at(-1) === true) return 'pending'
  // Silence is no end: it would fire if the windows that are not known held.
  if (held.slice(-of).filter((is) => is !== false).length >= need) return 'unknown'
  const before = Array.from({ length: of }, (_, i) => now - 1 - i)
  return before.some(isFiringAt) ? 'resolved' : 'ok'
}
