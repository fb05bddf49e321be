import { DuckdbWorlds } from '../../../test/simulation/duckdb/duckdb-worlds.ts'
import { type SimulationResult, simulate } from '../../../test/simulation/simulation.ts'

/** One of so many seeds is lived through twice. */
const SEEDS_PER_REPETITION = 100
/** One of so many has DuckDB for its engine besides: those take seconds. */
const SEEDS_PER_DUCKDB = 250

/** What a process tells of itself. */
export type WorkerNews =
  | { readonly kind: 'world'; readonly result: SimulationResult }
  /** All of its worlds have been told of. */
  | { readonly kind: 'end'; readonly cpuMs: number }

const tell = (news: WorkerNews) => new Promise((told) => process.send?.(news, told))

let duckdb: DuckdbWorlds | undefined

/** Lives through the seeds from `from` on below `to`, and tells its parent of each. */
const [from = 0, to = 0] = process.argv.slice(2).map(Number)
for (let seed = from; seed < to; seed++) {
  await tell({ kind: 'world', result: await lived(seed) })
}
await duckdb?.close()
const { user, system } = process.cpuUsage()
await tell({ kind: 'end', cpuMs: (user + system) / 1_000 })
process.disconnect?.()

/** The same seed has to be the same world. */
async function lived(seed: number): Promise<SimulationResult> {
  const result = await simulate(seed)
  if (seed % SEEDS_PER_DUCKDB === 0) {
    duckdb ??= new DuckdbWorlds()
    const { violations } = await simulate(seed, { openEngine: duckdb.openEngine })
    const told = violations.map((violation) => `with DuckDB: ${violation}`)
    if (told.length > 0) return { ...result, violations: [...result.violations, ...told] }
  }
  if (seed % SEEDS_PER_REPETITION !== 0) return result
  const { digest } = await simulate(seed)
  if (digest === result.digest) return result
  return { ...result, violations: [...result.violations, `it was another world again: ${digest}`] }
}
