import { test } from 'tap'
import { parseConfig } from '../../src/config/parse.ts'
import { createTelemetry } from '../../src/std/telemetry.ts'
import { wireAggregation } from '../../src/wiring/aggregation.ts'
import { openLake } from '../../src/wiring/open-lake.ts'
import { fakeClock } from '../fakes/clock.ts'
import { seededEntropy } from '../fakes/entropy.ts'
import { eventLine, NOON } from '../fakes/events.ts'

const HOUR = 'dt=2026-11-22/hr=12'
const never = new AbortController().signal

test('the service joins small objects beside its schedule, unless that is not wanted', async (t) => {
  for (const join of [true, false]) {
    const config = parseConfig({ dataDir: t.testdir(), aggregation: { join } }, {})
    const clock = fakeClock(NOON)
    const lake = await openLake(config, clock)
    const stop = new AbortController()
    const done = join ? 'small objects of an hour were joined' : 'a run ended'
    const telemetry = createTelemetry('info', {
      write: (line) => {
        if (line.includes(done)) stop.abort()
      },
    })
    const system = { clock, entropy: seededEntropy(), telemetry, lake, askGateway: async () => null }
    const { runs } = await wireAggregation(config, system)
    for (const event_id of ['1', '2']) {
      await lake.put(`raw/gateway/${HOUR}/${event_id}.ndjson`, Buffer.from(`${eventLine({ event_id })}\n`))
      await runs.tick(never)
    }
    clock.advance(4 * 3_600_000)
    await runs.start(stop.signal, { tickMs: 1, scheduled: true })
    const joined = (await lake.keys('raw/')).filter((key) => key.includes('/j-'))
    t.equal(joined.length, join ? 1 : 0)
    t.same(await lake.keys('joined/'), join ? [`joined/${HOUR}.json`] : [])
  }
})
