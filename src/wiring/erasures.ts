import { join } from 'node:path'
import type { OpenSqlSession } from '../aggregation/ingest/duckdb/sql-session.ts'
import { erasureBooks } from '../aggregation/ingest/erase/erasure-books.ts'
import { createErasures, type Erasures } from '../aggregation/ingest/erase/erasure-door.ts'
import { isHeldByAnother } from '../aggregation/rollup/commit/lease.ts'
import type { RollupDefinition } from '../aggregation/rollup/model/definition.ts'
import { listedSpans } from '../aggregation/rollup/plan/listed-spans.ts'
import { isFinal } from '../aggregation/rollup/run/log/run-record.ts'
import type { Runs } from '../aggregation/rollup/run/runner.ts'
import { type AskUpstream, awaitAcknowledged } from '../aggregation/rollup/run/upstream.ts'
import type { Config } from '../config/schema/config-schema.ts'
import { sleep } from '../std/async/abort.ts'
import type { System } from './system.ts'

export type { ErasureRequest, Erasures } from '../aggregation/ingest/erase/erasure-door.ts'
export { type Erasure, placesOf } from '../aggregation/ingest/erase/erasure-record.ts'
export { ERASABLE_BY, ERASED_BY } from '../aggregation/ingest/erase/erasure-target.ts'

export interface ErasureSystem extends System {
  readonly askGateway: AskUpstream
  readonly runs: Runs
  readonly openSession: OpenSqlSession
  readonly definitions: readonly Pick<RollupDefinition, 'grainMs'>[]
  /** Those that are configured now; left out, those of the configuration. */
  readonly apps?: () => Config['apps']
  /** Where nobody else works runs off: this process does so by itself. */
  readonly worksAlone?: boolean
}

const LOOK_EVERY_MS = 100

/** Erasures over the lake, the windows of which are computed by runs. */
export function wireErasures(config: Config, system: ErasureSystem): Erasures {
  const { lake, clock, entropy, telemetry, askGateway, runs, openSession, definitions, worksAlone } = system
  const { apps = () => config.apps } = system

  async function ended(id: string, signal: AbortSignal) {
    if (worksAlone) return runs.finish(id, signal)
    for (;;) {
      const run = await runs.get(id)
      if (isFinal(run.state) || signal.aborted) return run
      await sleep(LOOK_EVERY_MS, signal)
    }
  }

  return createErasures({
    ...{ lake, clock, entropy, telemetry, openSession, books: erasureBooks(lake) },
    apps: () => apps().map(({ id }) => id),
    tempDir: join(config.dataDir, 'tmp'),
    recomputing: {
      alone: runs.alone,
      exclusively: runs.exclusively,
      isHeld: isHeldByAnother,
      forgetBefore: runs.forgetBefore,
      acknowledged: (signal) => awaitAcknowledged({ askGateway, clock }, signal),
      spansOf: (minutes) => listedSpans(minutes, definitions).filter(({ fromMs }) => fromMs <= clock.nowMs()),
      async recompute({ fromMs, toMs, key }, signal) {
        const request = { from: fromMs, to: toMs, reprocess: 'all', confirm: true } as const
        const { id } = await runs.submit(request, 'erasure', key)
        const run = await ended(String(id), signal)
        await runs.forgetOpen()
        return run
      },
    },
  })
}
