import type { Engine, SortRows, WindowPlan } from '../../../src/aggregation/rollup/engines/engine.ts'
import type { RollupRow } from '../../../src/aggregation/rollup/stores/store.ts'
import type { Lake } from '../../../src/lake/lake.ts'
import { AppError } from '../../../src/std/errors.ts'
import type { MemoryArrivals } from './arrivals.ts'
import { chunks, rollupRow, rowsAtHand } from './store.ts'

export interface MemoryEngine extends Engine {
  /** The next computations reject with these; one for which it is undefined succeeds. */
  readonly failures: (Error | undefined)[]
  /** Plans computed, in order. */
  readonly plans: WindowPlan[]
  /** Called in the middle of a computation: the world goes on meanwhile. */
  meanwhile: (plan: WindowPlan, signal: AbortSignal) => Promise<void>
}

/** Computes one row a window, of all of its values. Negative values are rejected, as by every engine. */
export function memoryEngine(lake: Lake, arrivals: MemoryArrivals): MemoryEngine {
  const engine: MemoryEngine = {
    name: 'duckdb',
    failures: [],
    plans: [],
    meanwhile: async () => {},
    async compute(plan, signal) {
      engine.plans.push(plan)
      const failure = engine.failures.shift()
      if (failure) throw failure
      const events = plan.inputs.flatMap((key) => {
        const found = arrivals.eventsOf(key)
        if (found === undefined) throw new AppError('input_missing', `${key} is not there`)
        return found
      })
      await engine.meanwhile(plan, signal)
      const inWindow = events.filter(({ timeMs }) => timeMs >= plan.fromMs && timeMs < plan.toMs)
      const kept = inWindow.filter(({ value }) => value >= 0)
      const rows =
        kept.length === 0
          ? []
          : [
              rollupRow(
                {},
                kept.map(({ value }) => value).sort((a, b) => a - b),
              ),
            ]
      const key = `${plan.outputPrefix}part-0.ndjson`
      const body = Buffer.from(rows.map((row) => `${JSON.stringify(row, bigintText)}\n`).join(''))
      await lake.put(key, body)
      return {
        outputs: [{ key, bytes: body.length, rows: rows.length }],
        counts: {
          read: events.length,
          outsideWindow: events.length - inWindow.length,
          duplicates: 0,
          superseded: 0,
          negative: inWindow.length - kept.length,
          outOfRange: 0,
          notANumber: 0,
          bots: 0,
          softNavigations: 0,
          kept: kept.length,
          late: kept.filter(({ receivedMs = 0 }) => receivedMs >= plan.lateAfterMs).length,
        },
      }
    },
  }
  return engine
}

export const memorySortRows =
  (lake: Lake): SortRows =>
  async (keys) => {
    const bodies = await Promise.all(keys.map((key) => lake.get(key)))
    const rows = bodies.flatMap((body, at) => {
      if (body === undefined) throw new AppError('engine_failed', `${keys[at]} is not there`)
      return body.toString().split('\n').filter(Boolean).map(parseRow)
    })
    return rowsAtHand(() => chunks(rows))
  }

const bigintText = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)

function parseRow(line: string): RollupRow {
  const row = JSON.parse(line) as Record<'n' | 'sum' | 'squares' | 'minMicros' | 'maxMicros', string> &
    RollupRow
  const { n, sum, squares, minMicros, maxMicros } = row
  return {
    ...row,
    n: BigInt(n),
    sum: BigInt(sum),
    squares: BigInt(squares),
    minMicros: BigInt(minMicros),
    maxMicros: BigInt(maxMicros),
  }
}
