/** Made when it is first asked for. */
export function makeOnce<T>(make: () => Promise<T>) {
  let made: Promise<T> | undefined
  return { get: () => (made ??= make()), made: () => made }
}
