import { test } from 'tap'
import { indexEntries } from '../../../../src/aggregation/ingest/index/index-entries.ts'
import { lakeArrivals } from '../../../../src/aggregation/ingest/lake-arrivals.ts'
import { foreignEntryKey } from '../../../../src/aggregation/ingest/objects/ingest-foreign.ts'
import { rawKey } from '../../../../src/lake/layout.ts'
import { DAY_MS, MINUTE_MS } from '../../../../src/std/durations.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { minuteRows } from '../../../fakes/aggregation/minutes.ts'
import { fakeClock } from '../../../fakes/clock.ts'

const NOON = Date.UTC(2026, 10, 22, 12)

test('what another process has set aside leaves the index at once, whether its hour was written down or not', async (t) => {
  for (const atMs of [NOON, NOON - 5 * DAY_MS]) {
    const clock = fakeClock(NOON)
    const lake = memoryLake(clock.nowMs)
    const telemetry = quietTelemetry()
    const place = { source: 'gateway', arrivalMs: atMs, name: 'firehose-1', extension: 'parquet' } as const
    const key = rawKey(place)
    const entryKey = foreignEntryKey({ ...place, key })
    const ofNone = { bytes: 9, inputs: [], malformed: 0, arrivalMinMs: atMs, arrivalMaxMs: atMs }
    await lake.put(key, Buffer.from('x'))
    const minutes = minuteRows({ [atMs]: 1 })
    await indexEntries(lake, telemetry.log).commit(entryKey, { version: 1, key, rows: 1, minutes, ...ofNone })
    clock.advance(MINUTE_MS)
    const slow: typeof lake = {
      ...lake,
      async list(prefix) {
        // So that it is not looked again before long.
        clock.advance(1_000)
        return lake.list(prefix)
      },
    }
    const arrivals = lakeArrivals({
      ...{ lake: slow, clock, telemetry, maxBatchBytes: 1_000_000 },
      openSession: async () => Promise.reject(new Error('not needed')),
      work: { tempDir: t.testdir() },
    })
    const touching = async () => (await arrivals.touching(atMs, atMs + MINUTE_MS)).map((object) => object.key)
    t.same(await touching(), [key])
    await lake.remove([key])
    t.same(await arrivals.reexamine([key], new AbortController().signal), [])
    t.same(await touching(), [key], 'an object whose entry is there is missing, which is not nothing')
    await lake.remove([entryKey])
    t.same(await arrivals.reexamine([key], new AbortController().signal), [])
    t.same(await touching(), [])
  }
})
