import { type SimulationResult, simulate } from '../../../test/simulation/simulation.ts'

/** One of so many seeds is lived through twice. */
const SEEDS_PER_REPETITION = 100

/** Lives through the seeds from, from + step, … below `to`, and tells its parent of each. */
const [from = 0, to = 0, step = 1] = process.argv.slice(2).map(Number)
for (let seed = from; seed < to; seed += step) {
  const result = await lived(seed)
  await new Promise((told) => process.send?.(result, told))
}
process.disconnect?.()

/** The same seed has to be the same world. */
async function lived(seed: number): Promise<SimulationResult> {
  const result = await simulate(seed)
  if (seed % SEEDS_PER_REPETITION !== 0) return result
  const { digest } = await simulate(seed)
  if (digest === result.digest) return result
  return { ...result, violations: [...result.violations, `it was another world again: ${digest}`] }
}
