import t from 'tap'
import { nodeFiles } from '../../../src/std/files/files.ts'
import { rowsOf } from '../../fakes/aggregation/store.ts'
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

const program = (text: string) => new URL(`data:text/javascript,${encodeURIComponent(text)}`)
async function askedRows(duckdb: DuckdbWorlds): Promise<unknown> {
  const { sortRows } = duckdb.openEngine({ process: { files: nodeFiles } } as never)
  return rowsOf(sortRows([], new AbortController().signal))
}

t.test('a thread that ended is asked nothing: nobody waits for it', async (t) => {
  for (const [text, why] of [
    [`throw new TypeError('it cannot start')`, /it cannot start/],
    ['process.exit(0)', /The thread of DuckDB ended/],
  ] as const) {
    const duckdb = new DuckdbWorlds(program(text))
    await duckdb.ended
    await t.rejects(askedRows(duckdb), why)
    await duckdb.close()
  }
})

t.test('an answer that comes too late is not taken for another', async (t) => {
  const late = `
    import { workerData } from 'node:worker_threads'
    const { port, turn } = workerData
    port.once('message', () => {
      Atomics.wait(turn, 0, 0, 100)
      port.postMessage({ answer: 'late' })
      Atomics.store(turn, 0, 1)
      Atomics.notify(turn, 0)
      port.close()
    })`
  const duckdb = new DuckdbWorlds(program(late), 1)
  await t.rejects(askedRows(duckdb), /did not answer within 1 ms: rows/)
  await duckdb.ended
  await t.rejects(askedRows(duckdb), /did not answer within 1 ms: rows/)
  await duckdb.close()
})
