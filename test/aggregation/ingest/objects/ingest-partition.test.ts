import { gzipSync } from 'node:zlib'
import tap, { test } from 'tap'
import type { LakeArrivals } from '../../../../src/aggregation/ingest/index/arrivals.ts'
import { lakeArrivals } from '../../../../src/aggregation/ingest/lake-arrivals.ts'
import { fsLake } from '../../../../src/lake/fs.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { systemEntropy } from '../../../../src/std/id.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { openDuckdb } from '../../../fakes/aggregation/sessions.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { eventLine, NOON } from '../../../fakes/events.ts'
import { PowerFiles } from '../../../fakes/files/power-files.ts'
import { referenceEngine } from '../../../simulation/reference-engine.ts'
import { CLEAN, HOUR, interrupted, setUp, setUpMany, signal } from '../harness.ts'

// Several times what it takes on a machine that runs all the tests at once.
tap.setTimeout(600_000)

const lines = (...ids: string[]) => ids.map((id) => `${eventLine({ event_id: id })}\n`).join('')
const IDS = ['1', '2', '3', '4', '5']

/** Two batches: a malformed line in the first, a broken gzip file in the second. */
async function deliver(put: (key: string, body: string | Uint8Array) => Promise<unknown>): Promise<void> {
  await put(`raw/gateway/${HOUR}/a.ndjson`, `${lines('1')}malformed\n${lines('2')}`)
  await put(`raw/gateway/${HOUR}/b.ndjson`, lines('3'))
  await put(`raw/gateway/${HOUR}/c.ndjson.gz`, gzipSync(lines('4')))
  await put(`raw/gateway/${HOUR}/d.ndjson.gz`, gzipSync(lines('5')).subarray(0, -4))
}
const BATCH_BYTES = lines('1', '2', '3').length + 20

/** More than an ingest of what `deliver` puts there ever takes. */
const MAX_STEPS = 60

test('an ingest that dies before or after any step is completed by the next: each row once, each dead line once', async (t) => {
  const lakeNamed = await setUpMany(t)
  for (const when of ['before', 'after'] as const) {
    let died = true
    for (let at = 1; died && at < MAX_STEPS; at += 1) {
      const { put, lake, ingester, eventIds, keys, dead } = await lakeNamed(`${when}-${at}`)
      await deliver(put)
      const crash = async () => {
        throw new Error('killed')
      }
      const dying = interrupted(lake, { at, when, what: crash })
      await ingester({ lake: dying, maxBatchBytes: BATCH_BYTES }).ingest(signal).catch(String)
      died = dying.isOver
      await put(`raw/gateway/${HOUR}/e.ndjson`, lines('6'))
      await ingester().ingest(signal)

      const step = `${when} step ${at}`
      t.same(await eventIds(), [...IDS, '6'], step)
      t.same(await inputsIn(keys), [], `${step}: no input stays`)
      t.equal((await dead()).split('malformed').length, 2, `${step}: one dead line`)
      const indexed = await Promise.all((await keys('index/')).map((key) => lake.get(key)))
      const objects = indexed.map((entry) => JSON.parse(String(entry)).key)
      t.same(await keys('raw/'), objects.sort(), `${step}: no object that is not indexed`)
      t.ok(died || at > 15, `${step}: there was such a step`)
    }
    t.equal(died, false, `${when} every step`)
  }
})

test('an ingester that is overtaken by another at any step loses no row and doubles none', async (t) => {
  const lakeNamed = await setUpMany(t)
  let reached = 0
  for (let at = 1; at < MAX_STEPS; at += 1) {
    const { put, lake, ingester, eventIds, keys, dead } = await lakeNamed(`before-${at}`)
    await deliver(put)
    const overtake = async () => {
      await put(`raw/gateway/${HOUR}/aa.ndjson`, lines('6'))
      await ingester().ingest(signal)
    }
    const slow = interrupted(lake, { at, when: 'before', what: overtake })
    await ingester({ lake: slow, maxBatchBytes: BATCH_BYTES }).ingest(signal)
    if (slow.operations < at) break
    reached = at
    await ingester().ingest(signal)
    t.same(await eventIds(), [...IDS, '6'], `before step ${at}`)
    t.same(await inputsIn(keys), [])
    t.equal((await dead()).split('malformed').length, 2)
  }
  t.ok(reached > 15, `${reached} steps`)
})

const inputsIn = async (keys: (prefix: string) => Promise<string[]>) =>
  (await keys('raw/')).filter((key) => !key.endsWith('.parquet'))

/** Of so many of the last names that were given or taken a power cut keeps some and loses the others. */
const NAMES = 6

test('an entry that was read outlives the power longer than the inputs that it names', async (t) => {
  for (let kept = 0; kept < 2 ** NAMES; kept += 1) {
    const disk = new PowerFiles()
    const ingester = () => ingesterOn(disk)
    disk.place(`/data/lake/raw/gateway/${HOUR}/a.ndjson`, Buffer.from(lines('1')))
    // The second is that of the index: the name of the entry is there, and not durable.
    disk.fail({ call: 'sync', code: 'EIO', file: /^hr=12$/, after: 1 })
    t.match(await ingester().ingest(signal), { rows: 0, failed: [{ key: `raw/gateway/${HOUR}/a.ndjson` }] })
    t.same((await ingester().ingest(signal)).failed, [])
    t.same(
      disk.list('/data/lake/raw').filter((path) => path.endsWith('.ndjson')),
      [],
      'a leftover',
    )
    disk.cutPower(Array.from({ length: NAMES }, (_, at) => (kept >> at) & 1))
    t.same((await ingester().ingest(signal)).failed, [], `${kept}: nothing lies there without its entry`)
    const counted = await ingester().touching(0, Number.MAX_SAFE_INTEGER)
    t.same(
      counted.map(({ rows }) => rows),
      [1],
      `${kept}: once`,
    )
  }
})

test('what is told of objects is in the index after a power cut, once they were made durable', async (t) => {
  for (let kept = 0; kept < 2 ** NAMES; kept += 1) {
    const disk = new PowerFiles()
    const ingester = () => ingesterOn(disk)
    const touching = () => ingester().touching(0, Number.MAX_SAFE_INTEGER)
    disk.place(`/data/lake/raw/gateway/${HOUR}/a.ndjson`, Buffer.from(lines('1')))
    disk.fail({ call: 'sync', code: 'EIO', file: /^hr=12$/, after: 1 })
    await ingester().ingest(signal)
    const told = await touching()
    t.equal(told.length, 1, 'counted, though nobody is sure of it')
    await ingester().makeDurable(told.map(({ key }) => key))
    disk.cutPower(Array.from({ length: NAMES }, (_, at) => (kept >> at) & 1))
    t.same(await touching(), told, `${kept}`)
  }
})

test('of what is in no folder, or has no key of ours, nothing is made durable', async (t) => {
  const [lost, foreign] = [`raw/gateway/${HOUR}/a.parquet`, 'elsewhere/a.parquet']
  const disk = new PowerFiles()
  await ingesterOn(disk).makeDurable([lost, foreign])
  t.same(disk.list('/data'), [])
})

/** Without a database, which could make a lost entry anew. */
function ingesterOn(disk: PowerFiles): LakeArrivals {
  const files = disk.mount()
  const lake = fsLake('/data/lake', { files })
  const { workbench } = referenceEngine({ process: { files, entropy: systemEntropy }, lake } as never)
  return lakeArrivals({
    ...{ lake, clock: fakeClock(NOON + 3_600_000), telemetry: quietTelemetry() },
    ...{ work: { tempDir: '/data/tmp', workbench }, maxBatchBytes: BATCH_BYTES },
    openSession: async () => {
      throw new AppError('engine_failed', 'There is no database')
    },
  })
}

test('several ingesters at once share the work', async (t) => {
  const { put, ingester, eventIds, places } = await setUp()
  const ids = Array.from({ length: 12 }, (_, id) => String(id).padStart(2, '0'))
  for (const id of ids) await put(`raw/gateway/${HOUR}/${id}.ndjson`, lines(id))
  const openSession = openDuckdb(places)
  const maxBatchBytes = 3 * lines('00').length
  const reports = await Promise.all(
    [1, 2, 3].map(() => ingester({ openSession, maxBatchBytes }).ingest(signal)),
  )
  await ingester().ingest(signal)
  t.same(await eventIds(), ids)
  t.ok(reports.reduce((rows, report) => rows + report.rows, 0) <= ids.length)
})

test('an input that vanishes while it is read belongs to whoever took it', async (t) => {
  const { put, ingester, eventIds, openSession } = await setUp()
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines('1'))
  await put(`raw/gateway/${HOUR}/b.ndjson.gz`, gzipSync(lines('2')))
  const late = ingester({
    openSession: async (signal) => {
      const session = await openSession(signal)
      const run = async (statements: readonly string[]) => {
        await ingester().ingest(signal)
        return session.run(statements)
      }
      return { ...session, run }
    },
  })
  t.same(await late.ingest(signal), { inputs: 0, rows: 0, malformed: 0, ...CLEAN })
  t.same(await eventIds(), ['1', '2'])
})

test('a fault of its own is none of the one that took an input', async (t) => {
  const { put, ingester, eventIds, openSession } = await setUp()
  const key = `raw/gateway/${HOUR}/a.ndjson`
  await put(key, lines('1'))
  const broken = ingester({
    openSession: async (signal) => {
      const session = await openSession(signal)
      const run = async (statements: readonly string[]) => {
        if (!String(statements).includes('/raw/')) return session.run(statements)
        await ingester().ingest(signal)
        throw new AppError('engine_failed', 'The session ended')
      }
      return { ...session, run }
    },
  })
  t.match(await broken.ingest(signal), { inputs: 0, failed: [{ key, why: 'The session ended' }] })
  t.same(await eventIds(), ['1'])
})
