/** Work that several ask for at the same time. */
export type SingleFlight<T> = (
  key: string,
  work: () => Promise<T>,
) => { result: Promise<T>; isJoined: boolean }

/**
 * Whoever asks while the same is under way gets what that brings, and whoever asks later has it done again: nothing is
 * kept.
 */
export function singleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Promise<T>>()
  return (key, work) => {
    const flying = flights.get(key)
    if (flying !== undefined) return { result: flying, isJoined: true }
    const result = work().finally(() => flights.delete(key))
    flights.set(key, result)
    return { result, isJoined: false }
  }
}
