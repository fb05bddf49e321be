import { simulate } from '../../../test/simulation/simulation.ts'

/** Lives through the seeds from, from + step, … below `to`, and tells its parent of each. */
const [from = 0, to = 0, step = 1] = process.argv.slice(2).map(Number)
for (let seed = from; seed < to; seed += step) {
  const result = await simulate(seed)
  await new Promise((told) => process.send?.(result, told))
}
process.disconnect?.()
