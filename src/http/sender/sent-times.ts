/** How often a header was sent: of some Node keeps the first of two and says nothing of the others. */
export function sentTimes(rawHeaders: readonly string[], wanted: string): number {
  let times = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length === wanted.length && name.toLowerCase() === wanted) times++
  }
  return times
}
