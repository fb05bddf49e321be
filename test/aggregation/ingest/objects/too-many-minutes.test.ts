import { join } from 'node:path'
import { test } from 'tap'
import { MAX_MINUTES } from '../../../../src/aggregation/ingest/compact/compact.ts'
import { quote } from '../../../../src/aggregation/ingest/duckdb/sql-text.ts'
import { eventLine, NOON } from '../../../fakes/events.ts'
import { CLEAN, HOUR, setUp, signal } from '../harness.ts'

/** One event of each minute, one more than may be. */
const MANY = `
  SELECT 1 AS v, 'shop' AS app_id, 'lcp' AS name, 'e' || i AS event_id, 1.0::DOUBLE AS value, 1.0::DOUBLE AS weight, 'ms' AS unit,
    ${Date.UTC(1974, 0, 1)} + i * 60_000 AS event_time, ${NOON} AS received_time FROM range(${MAX_MINUTES + 1}) r(i)`

test('an object that touches more minutes than a year has is set aside and named, what is beside it is taken', async (t) => {
  const { lake, session, places, ingester, keys } = await setUp()
  const put = async (name: string, format: string) => {
    const path = join(places.tempDir, 'made')
    await session.run([`COPY (${MANY}) TO ${quote(path)} (FORMAT ${format})`])
    await lake.putFile(`raw/theirs/${HOUR}/${name}`, path)
  }
  await put('rows.parquet', 'parquet')
  await put('lines.1.ndjson', 'json')
  await put('lines.2.ndjson', 'json')
  await put('zipped.ndjson.gz', 'json, COMPRESSION gzip')
  await lake.put(`raw/theirs/${HOUR}/good.ndjson`, Buffer.from(`${eventLine({ event_time: NOON })}\n`))
  const arrivals = ingester()
  const report = await arrivals.ingest(signal)
  t.match(report, { inputs: 5, rows: 1, malformed: 4, failed: [] })
  t.same(
    report.setAside.map(({ key }) => key),
    ['lines.1.ndjson', 'lines.2.ndjson', 'zipped.ndjson.gz', 'rows.parquet'].map(
      (name) => `raw/theirs/${HOUR}/${name}`,
    ),
  )
  for (const { why } of report.setAside) t.match(why, /^It touches more than 527040 minutes/)
  t.match(await keys('dead/'), [
    ...[/lines.1-why.ndjson$/, /lines.1.ndjson$/, /lines.2-why.ndjson$/, /lines.2.ndjson$/],
    ...[/rows-why.ndjson$/, /rows.parquet$/],
    ...[/zipped-why.ndjson$/, /zipped.ndjson.gz$/],
  ])
  t.same([...(await arrivals.touched()).keys()], [NOON])
  t.same(await arrivals.ingest(signal), { inputs: 0, rows: 0, malformed: 0, ...CLEAN })
})
