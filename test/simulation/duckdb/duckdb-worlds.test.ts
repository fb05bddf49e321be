import t from 'tap'
import { simulate } from '../simulation.ts'
import { DuckdbWorlds } from './duckdb-worlds.ts'

/** Each takes some seconds; of those that `./scripts/simulate` lives through, a few are of this kind. */
const SEEDS = [2, 5]

t.test('what was acknowledged is counted once by DuckDB as well', async (t) => {
  const duckdb = new DuckdbWorlds()
  t.teardown(() => duckdb.close())
  const { openEngine, asked } = duckdb
  const digests: string[] = []
  for (const seed of [...SEEDS, ...SEEDS.slice(0, 1)]) {
    const { violations, acknowledged, digest } = await simulate(seed, { openEngine })
    t.same(violations, [], `seed ${seed}`)
    t.ok(acknowledged > 0)
    digests.push(digest)
  }
  t.equal(digests.at(-1), digests[0], 'a seed is one world, with DuckDB too')
  for (const kind of ['compact', 'compute', 'rows'] as const)
    t.ok(asked[kind] > 0, `${kind}: ${asked[kind]} times`)
})
