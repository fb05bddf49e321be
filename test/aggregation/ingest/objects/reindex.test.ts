import { join } from 'node:path'
import { test } from 'tap'
import type { Lake } from '../../../../src/lake/lake.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { openDuckdb } from '../../../fakes/aggregation/sessions.ts'
import { eventLine, storedEvent, writeParquet } from '../../../fakes/events.ts'
import { HOUR, setUp, signal } from '../harness.ts'

const events = (...ids: string[]) => ids.map((id) => `${eventLine({ event_id: id })}\n`).join('')
const everything = [0, Number.MAX_SAFE_INTEGER] as const

test('a damaged index entry costs no other object, and is made anew from its own', async (t) => {
  const { put, ingester, keys, lake, session, places, eventIds } = await setUp()
  await put(`raw/gateway/${HOUR}/a.ndjson`, events('1', '2'))
  await ingester().ingest(signal)
  await put(`raw/gateway/${HOUR}/b.ndjson`, events('3'))
  await writeParquet(
    session,
    [storedEvent({ event_id: '4' })],
    join(places.lakeDir, `raw/gateway/${HOUR}/foreign.parquet`),
  )
  await ingester().ingest(signal)
  const entries = await keys('index/')
  t.equal(entries.length, 3)
  const before = await Promise.all(entries.map(async (key) => JSON.parse(String(await lake.get(key)))))
  for (const [at, entry] of entries.entries()) {
    await lake.put(entry, Buffer.from('{"version":1,'))
    const arrivals = ingester()
    t.equal((await arrivals.touching(...everything)).length, 2, `${entry}: the others are there`)
    await put(`raw/gateway/${HOUR}/more-${at}.ndjson`, events(`more-${at}`))
    await arrivals.ingest(signal)
    const { inputs: _, storedMs: __, ...known } = before[at]
    const object = (await lake.list('raw/')).find(({ key }) => key === known.key)
    const made = JSON.parse(String(await lake.get(entry)))
    t.match(made, { ...known, inputs: [], storedMs: object?.storedMs }, 'what is left to tell when it came')
    for (const later of (await keys('index/')).filter((key) => !entries.includes(key))) {
      await lake.remove([JSON.parse(String(await lake.get(later))).key, later])
    }
  }
  t.same(await eventIds(), ['1', '2', '3', '4'])
})

test('what a damaged entry names is not swept before it is known', async (t) => {
  const { put, ingester, keys, lake, eventIds } = await setUp()
  await put(`raw/gateway/${HOUR}/a.ndjson`, events('1'))
  await ingester().ingest(signal)
  const [entry = ''] = await keys('index/')
  await lake.put(entry, Buffer.alloc(0))
  const arrivals = ingester()
  await put(`raw/gateway/${HOUR}/b.ndjson`, events('2'))
  await arrivals.ingest(signal)
  await arrivals.ingest(signal)
  t.same(await eventIds(), ['1', '2'])
})

test('an entry without an object says that there is none; one that cannot be made anew waits', async (t) => {
  const { put, ingester, keys, lake, eventIds } = await setUp()
  await put(`raw/gateway/${HOUR}/a.ndjson`, events('1'))
  await ingester().ingest(signal)
  const [entry = ''] = await keys('index/')
  await lake.put(entry, Buffer.alloc(0))
  let broken = true
  const failing: Lake = {
    ...lake,
    async put(key, body, options) {
      if (broken && key === entry) throw new AppError('lake_failed', 'no')
      return lake.put(key, body, options)
    },
  }
  const arrivals = ingester({ lake: failing })
  await arrivals.touching(...everything)
  await arrivals.ingest(signal)
  t.same(await eventIds(), [])
  broken = false
  await arrivals.ingest(signal)
  t.same(await eventIds(), ['1'])

  await lake.put(entry, Buffer.alloc(0))
  await lake.remove(await keys('raw/'))
  const again = ingester()
  await again.touching(...everything)
  await again.ingest(signal)
  t.same(await again.touching(...everything), [])
  t.match(JSON.parse(String(await lake.get(entry))), { rows: 0 })
})

test('an object that is damaged as its entry is goes to dead/, is told once, and is tried no more', async (t) => {
  const { put, ingester, keys, lake, eventIds } = await setUp()
  await put(`raw/gateway/${HOUR}/a.ndjson`, events('1'))
  await ingester().ingest(signal)
  const [[entry = ''], [object = '']] = await Promise.all([keys('index/'), keys('raw/')])
  const rubbish = Buffer.from(`PAR1${'x'.repeat(400)}PAR1`)
  await lake.put(entry, Buffer.alloc(0))
  await lake.put(object, rubbish)
  const lines: string[] = []
  const arrivals = ingester({ telemetry: createTelemetry('warn', { write: (line) => lines.push(line) }) })
  t.match(await arrivals.ingest(signal), { setAside: [{ key: object, keptIn: /^dead\// }] })
  const dead = await keys('dead/')
  t.equal(dead.length, 2, 'the object, and why')
  const kept = await Promise.all(dead.map((key) => lake.get(key)))
  t.ok(kept.some((body) => body?.equals(rubbish)))
  t.ok(kept.some((body) => String(body).includes(`"object":"${object}"`)))
  t.same(await keys('raw/'), [])
  t.match(JSON.parse(String(await lake.get(entry))), { rows: 0, inputs: [] })
  t.equal(lines.filter((line) => line.includes(object)).length, 1, 'named in the log')
  lines.length = 0
  await put(`raw/gateway/${HOUR}/b.ndjson`, events('2'))
  await arrivals.ingest(signal)
  t.same([await eventIds(), lines], [['2'], []])
})

test('an ingest that is cancelled blames no entry for it', async (t) => {
  const { put, ingester, keys, eventIds, places } = await setUp()
  await put(`raw/gateway/${HOUR}/a.ndjson`, events('1'))
  await ingester().ingest(signal)
  const [entry = ''] = await keys('index/')
  await put(entry, '')
  const lines: string[] = []
  const telemetry = createTelemetry('error', { write: (line) => lines.push(line) })
  const arrivals = ingester({ telemetry, openSession: openDuckdb(places) })
  await arrivals.earliestMs()
  t.equal(lines.length, 1, 'that it is damaged')
  await t.rejects(arrivals.ingest(AbortSignal.abort()), { code: 'cancelled' })
  t.equal(lines.length, 1)
  await arrivals.ingest(signal)
  t.same(await eventIds(), ['1'])
})

test('an entry whose name tells nothing stands for no object', async (t) => {
  const { put, ingester, lake, eventIds } = await setUp()
  const strange = 'index/dt=2026-11-22/hr=12/strange.json'
  await put(strange, '{')
  const arrivals = ingester()
  await arrivals.earliestMs()
  await arrivals.ingest(signal)
  t.match(JSON.parse(String(await lake.get(strange))), { rows: 0, inputs: [] })
  t.same(await eventIds(), [])
})
