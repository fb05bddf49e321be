import type { OpenSqlSession } from '../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { erasureBooks } from '../../../src/aggregation/ingest/erase/erasure-books.ts'
import { createErasures, type Erasures } from '../../../src/aggregation/ingest/erase/erasure-door.ts'
import { newErasure } from '../../../src/aggregation/ingest/erase/erasure-record.ts'
import type { Recomputing } from '../../../src/aggregation/ingest/erase/perform-erasure.ts'
import type { LakeArrivals } from '../../../src/aggregation/ingest/index/arrivals.ts'
import type { Lake } from '../../../src/lake/lake.ts'
import type { Clock } from '../../../src/std/clock.ts'
import { AppError } from '../../../src/std/errors.ts'
import type { Entropy } from '../../../src/std/id.ts'
import { quietTelemetry, type Telemetry } from '../../../src/std/telemetry.ts'
import { seededEntropy } from '../entropy.ts'

export interface ErasingOver {
  readonly lake: Lake
  readonly arrivals: Pick<LakeArrivals, 'ingest'>
  readonly openSession: OpenSqlSession
  readonly tempDir: string
  readonly clock: Clock
  readonly entropy?: Entropy
  readonly telemetry?: Telemetry
  readonly recomputing?: Partial<Recomputing>
}

/** Erasures, the windows of which are told and not computed. */
export function erasuresOver({ arrivals, recomputing, telemetry = quietTelemetry(), ...over }: ErasingOver) {
  const computed: { fromMs: number; toMs: number; key: string }[] = []
  const erasures: Erasures = createErasures({
    entropy: seededEntropy(),
    apps: () => ['shop', 'blog'],
    ...over,
    telemetry,
    books: erasureBooks(over.lake),
    recomputing: {
      alone: ({ signal }, work) => work(signal),
      exclusively: ({ signal }, work) => work(signal, arrivals),
      isHeld: () => false,
      acknowledged: async () => undefined,
      spansOf: (minutes) => minutes.map((fromMs) => ({ fromMs, toMs: fromMs + 60_000 })),
      async recompute(asked) {
        computed.push(asked)
        return { id: `run-${asked.fromMs}`, state: 'succeeded' }
      },
      forgetBefore: async () => [],
      ...recomputing,
    },
  })
  return { erasures, computed, telemetry }
}

/** None of these is ever done. */
export const noErasures: Pick<Erasures, 'submit' | 'get' | 'list'> = {
  submit: async ({ id: _, ...asked }, principal) => newErasure({ ...NOBODY, id: '0-0', principal, ...asked }),
  async get(id) {
    if (!/^\w{11}-\w{8}$/.test(id)) throw new AppError('not_found', 'There is no such erasure.')
    return newErasure({ ...NOBODY, id, principal: '', app: 'shop', by: 'session', dryRun: true })
  },
  list: async () => ({ erasures: [], unreadable: [] }),
}

const NOBODY = { createdMs: 0, salt: '', digest: '' } as const
