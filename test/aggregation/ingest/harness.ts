import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import tap, { type Test } from 'tap'
import { allRows, type OpenSqlSession } from '../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { fileList } from '../../../src/aggregation/ingest/duckdb/sql-text.ts'
import type { LakeArrivals } from '../../../src/aggregation/ingest/index/arrivals.ts'
import { type LakeArrivalsOptions, lakeArrivals } from '../../../src/aggregation/ingest/lake-arrivals.ts'
import { fsLake } from '../../../src/lake/fs.ts'
import type { Lake } from '../../../src/lake/lake.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { type Places, placesIn, sharedSession } from '../../fakes/aggregation/sessions.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { NOON } from '../../fakes/events.ts'

export const signal = new AbortController().signal
/** Nothing of an ingest went wrong. */
export const CLEAN = { setAside: [], doubtful: [], failed: [] }
export const HOUR = 'dt=2026-11-22/hr=12'

/** A lake of its own for each test, and ingesters over it; with one session for all of a file. */
export async function setUp() {
  if (lakes === undefined) {
    // The next file in this process has a session of its own.
    tap.teardown(() => (lakes = undefined))
    lakes = await setUpMany(tap)
  }
  return lakes(String(++count))
}
const isWhy = (key: string) => key.endsWith('-why.ndjson')
let lakes: Awaited<ReturnType<typeof setUpMany>> | undefined
let count = 0

/** Any number of lakes, one after the other, with one session for all of them. */
export async function setUpMany(t: Test) {
  const root = t.testdir()
  const openSession = await sharedSession(t, { lakeDir: root, tempDir: join(root, 'temp') })
  return (name: string) => over(placesIn(join(root, name)), openSession)
}

async function over(places: Places, openSession: OpenSqlSession) {
  mkdirSync(places.tempDir, { recursive: true })
  const lake = fsLake(places.lakeDir)
  const session = await openSession(signal)
  const telemetry = quietTelemetry()
  const clock = fakeClock(NOON + 3_600_000)
  const keys = async (prefix: string) => (await lake.list(prefix)).map(({ key }) => key)

  const ingester = (change: Partial<LakeArrivalsOptions> = {}): LakeArrivals =>
    lakeArrivals({
      lake,
      openSession,
      clock,
      telemetry: quietTelemetry(),
      work: { tempDir: places.tempDir },
      maxBatchBytes: 100_000_000,
      ...change,
    })

  /** Ids of all indexed events, as an engine would read them: from the objects that the index names. */
  async function eventIds(): Promise<string[]> {
    const arrivals = ingester()
    const objects = await arrivals.touching(0, Number.MAX_SAFE_INTEGER)
    if (objects.length === 0) return []
    const places = await arrivals.locate(objects.map(({ key }) => key))
    const opened = await Promise.all(places.map((key) => lake.open(key)))
    const paths = fileList(opened.map((file) => file?.path ?? 'absent'))
    const rows = await allRows(session, `SELECT event_id FROM read_parquet(${paths}) ORDER BY event_id`)
    return rows.map(([id]) => String(id))
  }

  return {
    ...{ places, lake, session, openSession, telemetry, clock, ingester, eventIds, keys },
    put: (key: string, body: string | Uint8Array) => lake.put(key, Buffer.from(body)),
    /** What is left over, but the folder of the session that is open. */
    temporary: () => readdirSync(places.tempDir).filter((name) => !name.startsWith('duckdb-')),
    /** What was set aside, without the reasons beside it. */
    dead: async () => {
      const kept = (await keys('dead/')).filter((key) => !isWhy(key))
      const bodies = await Promise.all(kept.map((key) => lake.get(key)))
      return bodies.map(String).join('')
    },
    /** The reasons. */
    why: async () => {
      const bodies = await Promise.all((await keys('dead/')).filter(isWhy).map((key) => lake.get(key)))
      const lines = bodies.map(String).join('').split('\n')
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
    },
  }
}

/**
 * The lake, with something happening before its n-th operation, or after it. What fails there was the last thing that this
 * process did. Counts operations.
 */
export function interrupted(
  lake: Lake,
  happens: { readonly at: number; readonly when: 'before' | 'after'; readonly what: () => Promise<void> },
): Lake & { operations: number; readonly isOver: boolean } {
  let end: unknown

  async function happen(): Promise<void> {
    try {
      await happens.what()
    } catch (error) {
      end = error
      throw error
    }
  }

  async function step<T>(operation: () => Promise<T>): Promise<T> {
    if (end !== undefined) throw end
    wrapped.operations += 1
    const now = wrapped.operations === happens.at
    if (now && happens.when === 'before') await happen()
    const result = await operation()
    if (now && happens.when === 'after') await happen()
    return result
  }
  const wrapped = {
    operations: 0,
    get isOver() {
      return end !== undefined
    },
    put: (...args: Parameters<Lake['put']>) => step(() => lake.put(...args)),
    putFile: (...args: Parameters<Lake['putFile']>) => step(() => lake.putFile(...args)),
    get: (...args: Parameters<Lake['get']>) => step(() => lake.get(...args)),
    open: (...args: Parameters<Lake['open']>) => step(() => lake.open(...args)),
    list: (...args: Parameters<Lake['list']>) => step(() => lake.list(...args)),
    keys: (...args: Parameters<Lake['keys']>) => step(() => lake.keys(...args)),
    folders: (...args: Parameters<Lake['folders']>) => step(() => lake.folders(...args)),
    remove: (...args: Parameters<Lake['remove']>) => step(() => lake.remove(...args)),
  }
  return wrapped
}
