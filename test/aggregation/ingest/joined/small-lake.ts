import type { LakeArrivalsOptions } from '../../../../src/aggregation/ingest/lake-arrivals.ts'
import { contentOf } from '../../../../src/aggregation/rollup/commit/content-hash.ts'
import { duckdbEngine, duckdbRows } from '../../../../src/aggregation/rollup/engines/duckdb-engine.ts'
import { computeLocated } from '../../../../src/aggregation/rollup/engines/located-inputs.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'
import { eventLine, NOON } from '../../../fakes/events.ts'
import { HOUR, setUp, signal } from '../harness.ts'

export const HOUR_MS = 3_600_000
export const TIMES = { afterMs: 2 * HOUR_MS, pauseMs: HOUR_MS }
export const RECORD = `joined/${HOUR}.json`
export const lines = (...ids: string[]) =>
  ids
    .map((id, at) => `${eventLine({ event_id: id, event_time: NOON + at, value: 1 + id.length })}\n`)
    .join('')

type Lakes = Awaited<ReturnType<typeof setUp>>

/** A lake, with what joins need, and what is told of it. */
export function joiningOver(lake: Lakes) {
  const { openSession, places, ingester, clock, keys } = lake
  const joining = { openSession, times: TIMES }
  const named = (pattern: RegExp) => async () => (await keys('raw/')).filter((key) => pattern.test(key))

  /** A pass, as the schedule does it, by a process that has just begun. */
  async function pass(change: Partial<LakeArrivalsOptions> = {}) {
    const arrivals = ingester({ joining, ...change })
    await arrivals.ingest(signal)
    await arrivals.join(signal)
    return arrivals
  }

  return {
    ...lake,
    small: named(/\/c-/),
    joined: named(/\/j-/),
    arrivals: (change: Partial<LakeArrivalsOptions> = {}) => ingester({ joining, ...change }),
    pass,
    /** So many, long after each other. */
    async passes(count: number) {
      for (let times = 0; times < count; times += 1) {
        clock.advance(TIMES.pauseMs)
        await pass()
      }
    },
    /** Objects of one batch each. */
    async deliver(...ids: readonly string[]) {
      for (const id of ids) {
        await lake.put(`raw/gateway/${HOUR}/${id}.ndjson`, lines(id))
        await ingester().ingest(signal)
      }
    },
    over: () => clock.advance(TIMES.afterMs),
    later: () => clock.advance(TIMES.pauseMs),
    /** The content of the window, as a run that reprocesses all computes it. */
    async content() {
      const options = { tempDir: places.tempDir, memoryLimitBytes: 512_000_000, entropy: seededEntropy() }
      const engine = duckdbEngine({ lake: lake.lake, openSession, ...options })
      const { touching, locate } = ingester()
      const window = { fromMs: NOON, toMs: NOON + 900_000, lateAfterMs: NOON + 900_000 }
      const inputs = (await touching(window.fromMs, window.toMs)).map(({ key }) => key)
      let prefixes = 0
      const nextPrefix = () => `rollups/x/${++prefixes}/`
      const plan = { definition: DEFINITION, ...window, inputs, nextPrefix }
      const { outputs, counts } = await computeLocated({ engine, locate }, plan, signal)
      const keys = outputs.map(({ key }) => key)
      const sorted = await duckdbRows({ lake: lake.lake, openSession, ...options })(keys, signal)
      const { hash } = await contentOf(sorted.read())
      await sorted.release()
      return { inputs, hash, kept: counts.kept, duplicates: counts.duplicates }
    },
  }
}

export const smallLake = async () => joiningOver(await setUp())

const DEFINITION = {
  id: 'd',
  grainMs: 900_000,
  sets: [{ name: 'app', dimensions: [] }],
  bots: 'exclude' as const,
  maxMetrics: 9,
  maxValues: 9,
}
