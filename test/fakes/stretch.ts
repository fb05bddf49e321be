/**
 * Counting each branch makes a loop over bytes some ten times as slow: with coverage only the answers are looked at, and
 * `scripts/test` runs the files that measure once more without it.
 */
export const isTimed = process.env['_TAPJS_PROCESSINFO_COVERAGE_'] !== '1'

/** The most of the processor that went by from one round of the loop to the next, while `work` was done. */
export async function longestStretch<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly ms: number }> {
  let ms = 0
  let isOn = true
  let before = process.cpuUsage()
  const turn = () => {
    const { user, system } = process.cpuUsage(before)
    ms = Math.max(ms, (user + system) / 1_000)
    before = process.cpuUsage()
    if (isOn) setImmediate(turn)
  }
  setImmediate(turn)
  const result = await work()
  // What was begun in this turn counts as well.
  await new Promise(setImmediate)
  isOn = false
  return { result, ms }
}

/** Processor milliseconds of this process, its reading threads included, that others wait for at most: 99 times of 100. */
export async function usualStretch(work: Promise<unknown>): Promise<number> {
  const spent = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1_000
  }
  let under = true
  const ended = work.finally(() => {
    under = false
  })
  const stretches: number[] = []
  for (let before = spent(); under; before = spent()) {
    await new Promise(setImmediate)
    stretches.push(spent() - before)
  }
  await ended
  return Number(stretches.sort((a, b) => a - b)[Math.floor(stretches.length * 0.99)])
}
