import { join } from 'node:path'
import { test } from 'tap'
import { createTelemetry } from '../../../src/std/telemetry.ts'
import { eventLine, storedEvent, writeParquet } from '../../fakes/events.ts'
import { noFiles, replaceByNoFile } from '../../fakes/files/not-files.ts'
import { CLEAN, HOUR, setUpMany, signal } from './harness.ts'

test('what is no file in the place of an index entry is named, and its events are counted again', async (t) => {
  const lake = await setUpMany(t)
  for (const [number, what] of Object.keys(noFiles).entries()) {
    const { session, places, put, ingester, eventIds, keys } = await lake(`lake-${number}`)
    await put(`raw/gateway/${HOUR}/a.ndjson`, `${eventLine({ event_id: '1' })}\n`)
    await writeParquet(
      session,
      [storedEvent({ event_id: '2' })],
      join(places.lakeDir, `raw/gateway/${HOUR}/firehose.parquet`),
    )
    await ingester().ingest(signal)
    const entries = await keys('index/')
    t.equal(entries.length, 2)
    for (const key of entries) await replaceByNoFile(what, join(places.lakeDir, key))

    const said: string[] = []
    const telemetry = createTelemetry('error', { write: (line) => said.push(line) })
    const arrivals = ingester({ telemetry })
    t.match(await arrivals.ingest(signal), { ...CLEAN }, what)
    t.same(await eventIds(), ['1', '2'], `${what}: counted again, at once`)
    for (const key of entries) {
      t.match(
        said.map((line) => JSON.parse(line)).find((line) => line.key === key),
        { msg: /^an index entry is damaged/, why: / and no file: look at what it is, and move it away$/ },
        `${what} is named`,
      )
    }
    await put(`raw/gateway/${HOUR}/b.ndjson`, `${eventLine({ event_id: '3' })}\n`)
    await arrivals.ingest(signal)
    t.same(await eventIds(), ['1', '2', '3'], 'and none of them twice')
    t.equal((await keys('raw/')).length, 3, 'no object was lost')
  }
})

test('what is no file in the place of the next entry keeps nobody from committing it', async (t) => {
  const lake = await setUpMany(t)
  for (const [number, what] of Object.keys(noFiles).entries()) {
    const { places, put, ingester, eventIds } = await lake(`lake-${number}`)
    await put(`index/${HOUR}/other.json`, '')
    await replaceByNoFile(what, join(places.lakeDir, `index/${HOUR}/c-gateway-000001.json`))
    await put(`raw/gateway/${HOUR}/a.ndjson`, `${eventLine({ event_id: '1' })}\n`)
    const arrivals = ingester()
    for (let pass = 0; pass < 2; pass++) await arrivals.ingest(signal)
    t.same(await eventIds(), ['1'], what)
  }
})
