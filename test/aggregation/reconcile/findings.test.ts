import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { quote } from '../../../src/aggregation/ingest/duckdb/sql-text.ts'
import { type Findings, isComplete, reconcile } from '../../../src/aggregation/reconcile/findings.ts'
import { createLedger } from '../../../src/event/ledger/ledger.ts'
import { LEDGER_NAME } from '../../../src/event/schema/ledger-event.ts'
import { startLedgerWriter } from '../../../src/gateway/collect/ledger-writer.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { erasuresOver } from '../../fakes/aggregation/erasures.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { seededEntropy } from '../../fakes/entropy.ts'
import { eventLine, NOON } from '../../fakes/events.ts'
import { recordingJournal } from '../../fakes/gateway.ts'
import { HOUR, setUp, setUpMany, signal } from '../ingest/harness.ts'
import { joiningOver } from '../ingest/joined/small-lake.ts'

const MINUTE_MS = 60_000
const range = { fromMs: NOON, toMs: NOON + 10 * MINUTE_MS }

interface Row {
  readonly app_id: string
  readonly event_id: string
  readonly received_time: number
  readonly name: string
  readonly attributes?: Readonly<Record<string, string>>
}

/** What a gateway writes for three apps within ten minutes: the rows, and the ledger events that tell of them. */
async function tenMinutes(seed: number, instance = `gw-${seed}`): Promise<readonly Row[]> {
  const telemetry = quietTelemetry()
  const [journal, entropy] = [recordingJournal(), seededEntropy(seed)]
  const clock = fakeClock(range.toMs)
  const ledger = createLedger(telemetry.metrics, () => 0)
  const writer = startLedgerWriter({ instance, ledger, journal, clock, entropy, telemetry })
  const rows: Row[] = []
  for (let atMs = range.fromMs; atMs < range.toMs; atMs += 20_000) {
    const app_id = ['shop', 'blog', 'lab'][Math.floor(3 * entropy.uniform())] ?? 'shop'
    const count = 1 + Math.floor(9 * entropy.uniform())
    for (let i = 0; i < count; i++) {
      const event_id = `${instance}-${atMs}-${i}`
      rows.push({ ...JSON.parse(eventLine({ event_id, app_id })), received_time: atMs + 7 })
    }
    ledger.tally.add(app_id, atMs + 7, count)
  }
  await writer.close()
  return [...rows, ...(journal.events() as unknown as Row[])]
}

const isLedger = ({ name }: Row) => name === LEDGER_NAME
const text = (rows: readonly Row[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
const minuteOf = ({ received_time }: Row) => Math.floor(received_time / MINUTE_MS) * MINUTE_MS

/** What rows that are gone should look like: by app and minute, in order, neighbouring minutes as one. */
function shortOf(gone: readonly Row[], app: string) {
  const own = gone.filter((row) => row.app_id === app).sort((a, b) => a.received_time - b.received_time)
  const ranges: { fromMs: number; toMs: number; events: number }[] = []
  for (const row of own) {
    const last = ranges.at(-1)
    const fromMs = minuteOf(row)
    if (last && fromMs <= last.toMs) {
      last.toMs = fromMs + MINUTE_MS
      last.events += 1
    } else ranges.push({ fromMs, toMs: fromMs + MINUTE_MS, events: 1 })
  }
  return ranges
}

async function findings(
  { lake, ingester, openSession }: Awaited<ReturnType<typeof setUp>>,
  within = range,
): Promise<Findings> {
  return reconcile(within, { lake, arrivals: ingester(), openSession }, signal)
}

const appOf = ({ apps }: Findings, name: string) => apps.find(({ app }) => app === name)
const totalOf = ({ apps }: Findings, what: 'missing' | 'accepted' | 'found' | 'copies' | 'untold') =>
  apps.reduce((sum, app) => sum + app[what], 0)

test('where all is there, all is found, from several gateways and in whatever files', async (t) => {
  const setup = await setUp()
  const written = [...(await tenMinutes(1)), ...(await tenMinutes(2))]
  for (const [at, part] of [written.slice(0, 50), written.slice(50, 51), written.slice(51)].entries())
    await setup.put(`raw/gateway/${HOUR}/${at}.ndjson`, text(part))
  const found = await findings(setup)
  const rows = written.filter((row) => !isLedger(row))
  t.ok(isComplete(found))
  t.match(found, { ...range, goneObjects: [] })
  t.same(
    found.apps.map(({ app }) => app),
    ['blog', 'lab', 'shop'],
  )
  for (const { app, ...counts } of found.apps) {
    const own = rows.filter(({ app_id }) => app_id === app).length
    t.match(counts, { accepted: own, found: own, missing: 0, copies: 0, untold: 0, short: [], gaps: [] })
  }
})

test('what others call a ledger event, and is none, keeps nobody from what is found', async (t) => {
  const setup = await setUp()
  const written = await tenMinutes(3)
  await setup.put(`raw/gateway/${HOUR}/a.ndjson`, text(written))
  const before = await findings(setup)
  const attributes = { instance: 'i', run: 'r', sequence: '1', total: '1' }
  const none = [
    { attributes: {} },
    { attributes: { ...attributes, sequence: 'x' } },
    { attributes: { ...attributes, total: '1e99' } },
    ...[1e300, -1e300].map((value) => ({ attributes, value })),
    {},
  ].map((change, at): Row => {
    const row = JSON.parse(eventLine({ name: LEDGER_NAME, event_id: `none-${at}`, received_time: NOON }))
    return { ...row, ...change }
  })
  await setup.put(`raw/backfill/${HOUR}/b.ndjson`, text(none))
  t.same(await findings(setup), before)
})

test('rows that were erased are not missing, and are told', async (t) => {
  const setup = await setUp()
  const written = await tenMinutes(5)
  const isWhom = ({ event_id }: Row) => /[05]$/.test(event_id)
  const rows = written.map((row) => ({
    ...row,
    session_id: isWhom(row) && !isLedger(row) ? 'whom' : 'other',
  }))
  await setup.put(`raw/gateway/${HOUR}/a.ndjson`, text(rows))
  await setup.put(`raw/direct-shop/${HOUR}/b.ndjson`, text(rows.filter((row) => !isLedger(row))))
  const before = await findings(setup)
  const { lake, openSession, clock, places } = setup
  const over = { lake, openSession, clock, tempDir: places.tempDir, arrivals: setup.ingester() }
  const { erasures } = erasuresOver(over)
  for (const dryRun of [true, false]) {
    const { id } = await erasures.submit({ app: 'shop', by: 'session', id: 'whom', dryRun }, 'ops')
    t.equal((await erasures.finish(id, signal)).state, 'done')
  }
  const after = await findings(setup)
  t.ok(isComplete(after))
  const gone = rows.filter((row) => row.app_id === 'shop' && row.session_id === 'whom').length
  t.ok(gone > 0)
  t.same(
    after.apps,
    before.apps.map((each) =>
      each.app === 'shop' ? { ...each, found: each.found - gone, erased: gone } : each,
    ),
  )
  // Where a record cannot be read, nobody takes it that nothing went.
  const [, record = ''] = await lake.keys('erasures/')
  await lake.put(record, Buffer.from('{'))
  const unsure = await findings(setup)
  t.match(unsure, { unreadableErasures: [record] })
  t.notOk(isComplete({ ...unsure, apps: [] }))
})

test('attributes of others that are no JSON keep nobody from what is found', async (t) => {
  const setup = await setUp()
  await setup.put(`raw/gateway/${HOUR}/a.ndjson`, text(await tenMinutes(4)))
  const before = await findings(setup)
  const path = join(setup.places.lakeDir, `raw/backfill/${HOUR}/theirs.parquet`)
  mkdirSync(dirname(path), { recursive: true })
  await setup.session.run([
    `COPY (SELECT 'e' AS event_id, ${NOON} AS event_time, ${range.toMs} AS received_time, 'shop' AS app_id, 'm' AS name,
      1.5::DOUBLE AS value, 'ms' AS unit, '{broken' AS attributes) TO ${quote(path)} (FORMAT parquet)`,
  ])
  t.same(await findings(setup), before)
})

test('rows that are gone are missed by app, minute and number; an oracle says which', async (t) => {
  const lakes = await setUpMany(t)
  for (let seed = 1; seed <= 12; seed++) {
    const setup = await lakes(`seed-${seed}`)
    const chance = seededEntropy(1_000 + seed)
    const written = await tenMinutes(seed)
    const gone = written.filter((row) => !isLedger(row) && chance.uniform() < 0.1)
    const kept = written.filter((row) => !gone.includes(row))
    // Delivery repeats some of what it delivers, and one client sends again what was accepted already.
    const repeated = kept.filter(() => chance.uniform() < 0.2)
    await setup.put(`raw/gateway/${HOUR}/a.ndjson`, text(kept))
    await setup.put(`raw/fallback-x/${HOUR}/b.ndjson`, text(repeated))
    const found = await findings(setup)
    t.equal(totalOf(found, 'missing'), gone.length, `seed ${seed}: ${gone.length} are gone`)
    t.equal(totalOf(found, 'copies'), repeated.filter((row) => !isLedger(row)).length)
    t.equal(totalOf(found, 'untold'), 0)
    t.equal(isComplete(found), gone.length === 0)
    for (const app of ['shop', 'blog', 'lab'])
      t.same(appOf(found, app)?.short ?? [], shortOf(gone, app), `seed ${seed}: ${app}`)
  }
})

test('a ledger event that is lost is named, with what it would have told of', async (t) => {
  const setup = await setUp()
  const written = await tenMinutes(3)
  const ledgers = written.filter((row) => isLedger(row) && row.app_id === 'shop')
  const [before, lost, alsoLost, after] = ledgers
  const kept = written.filter((row) => row !== lost && row !== alsoLost)
  await setup.put(`raw/gateway/${HOUR}/a.ndjson`, text(kept))
  const found = await findings(setup)
  const events = [lost, alsoLost].reduce((sum, row) => sum + Number(Object(row).value), 0)
  t.match(appOf(found, 'shop'), {
    ...{ missing: 0, untold: events },
    gaps: [
      {
        ...{ instance: 'gw-3', run: lost?.attributes?.['run'], first: 2, last: 3, events },
        ...{ fromMs: before?.received_time, toMs: (after?.received_time ?? 0) + MINUTE_MS },
      },
    ],
  })
  t.notOk(isComplete(found))
  t.same(appOf(found, 'blog')?.gaps, [])
})

test('rows that are lost together with the ledger event that told of them are missed all the same', async (t) => {
  const setup = await setUp()
  const written = await tenMinutes(4)
  const [, lost] = written.filter((row) => isLedger(row) && row.app_id === 'shop')
  const gone = written.filter(
    (row) => row === lost || (row.app_id === 'shop' && minuteOf(row) === lost?.received_time),
  )
  await setup.put(`raw/gateway/${HOUR}/a.ndjson`, text(written.filter((row) => !gone.includes(row))))
  t.match(appOf(await findings(setup), 'shop'), { missing: gone.length - 1, untold: 0, short: [] })
})

test('rows of a process that was killed before it wrote its ledger are no loss', async (t) => {
  const setup = await setUp()
  const written = await tenMinutes(5)
  const lastMinute = range.toMs - MINUTE_MS
  const kept = written.filter((row) => !isLedger(row) || row.received_time < lastMinute)
  await setup.put(`raw/gateway/${HOUR}/a.ndjson`, text(kept))
  const found = await findings(setup)
  t.ok(isComplete(found))
  t.equal(
    totalOf(found, 'untold'),
    written.filter((row) => !isLedger(row) && row.received_time >= lastMinute).length,
  )
})

test('what a client sends twice is accepted twice and found twice', async (t) => {
  const setup = await setUp()
  const ledger = { name: LEDGER_NAME, received_time: NOON, value: 2, event_id: 'l-1' }
  const attributes = { instance: 'a', run: 'b', sequence: '1', total: '2' }
  const lines = [
    eventLine({ event_id: 'same', received_time: NOON + 1_000 }),
    eventLine({ event_id: 'same', received_time: NOON + 9_000 }),
    eventLine({ ...ledger, attributes }),
  ]
  await setup.put(`raw/gateway/${HOUR}/a.ndjson`, lines.map((line) => `${line}\n`).join(''))
  t.match(appOf(await findings(setup), 'shop'), { accepted: 2, found: 2, copies: 0, missing: 0 })
})

test('dead letters are found, what went past the gateway is not asked for, what is no event is lost', async (t) => {
  const setup = await setUp()
  const written = await tenMinutes(6)
  const shop = written.filter((row) => row.app_id === 'shop' && !isLedger(row))
  const [poison, mangled] = [shop.slice(0, 2), shop.slice(2, 3)]
  const kept = written.filter((row) => !poison.includes(row) && !mangled.includes(row))
  await setup.put(`raw/gateway/${HOUR}/a.ndjson`, `${text(kept)}{"v":1,"event_id":"mang\n`)
  await setup.put(`dead/gateway/${HOUR}/b-too_large.ndjson`, `${text(poison)}no event\n`)
  await setup.put(`dead/gateway/elsewhere.ndjson`, text(mangled))
  await setup.put(`raw/direct-shop/${HOUR}/c.ndjson`, `${eventLine({ app_id: 'direct-only' })}\n`)
  await setup.put(`raw/import-old/${HOUR}/d.ndjson`, `${eventLine({ app_id: 'import-only' })}\n`)
  const found = await findings(setup)
  t.equal(appOf(found, 'direct-only'), undefined)
  t.equal(appOf(found, 'import-only'), undefined)
  t.match(appOf(found, 'shop'), {
    ...{ accepted: shop.length, found: shop.length - 1, deadLettered: 2, missing: 1 },
    short: shortOf(mangled, 'shop'),
  })
})

test('an object that is gone is named, and its rows are missing', async (t) => {
  const setup = await setUp()
  const written = await tenMinutes(7)
  const half = written.filter((row) => isLedger(row) || minuteOf(row) < NOON + 5 * MINUTE_MS)
  const other = written.filter((row) => !half.includes(row))
  await setup.put(`raw/gateway/${HOUR}/a.ndjson`, text(half))
  await setup.put(`raw/fallback-x/${HOUR}/b.ndjson`, text(other))
  t.ok(isComplete(await findings(setup)))
  const [key = ''] = await setup.keys('raw/fallback-x/')
  await setup.lake.remove([key])
  const found = await findings(setup)
  t.same(found.goneObjects, [key])
  t.equal(totalOf(found, 'missing'), other.length)
  t.notOk(isComplete(found))
})

test('a range of hours is worked through hour by hour, and only it is looked at', async (t) => {
  const setup = await setUp()
  const written = await tenMinutes(8)
  await setup.put(`raw/gateway/${HOUR}/a.ndjson`, text(written))
  const progress: unknown[] = []
  const options = { lake: setup.lake, arrivals: setup.ingester(), openSession: setup.openSession }
  const minutes = { fromMs: NOON + 2 * MINUTE_MS, toMs: NOON + 3 * MINUTE_MS }
  const within = await reconcile(minutes, options, signal)
  const wanted = written.filter((row) => !isLedger(row) && minuteOf(row) === minutes.fromMs)
  t.equal(totalOf(within, 'found'), wanted.length)
  t.ok(isComplete(within))
  const day = { fromMs: NOON - 90 * MINUTE_MS, toMs: NOON + 60 * MINUTE_MS }
  const whole = await reconcile(day, { ...options, onProgress: (step) => progress.push(step) }, signal)
  t.equal(totalOf(whole, 'found'), written.filter((row) => !isLedger(row)).length)
  t.same(progress, [
    { done: 1, of: 3 },
    { done: 2, of: 3 },
    { done: 3, of: 3 },
  ])
  const empty = await reconcile({ fromMs: 0, toMs: MINUTE_MS }, options, signal)
  t.same(empty, { fromMs: 0, toMs: MINUTE_MS, apps: [], goneObjects: [], unreadableErasures: [] })
})

test('an object that spans years of hours, as a clock jumped, is not read for each of them', async (t) => {
  const setup = await setUp()
  const days = 400 * 24 * 60 * MINUTE_MS
  const written = await tenMinutes(9)
  const ahead = written.slice(0, 1).map((row) => ({ ...row, event_id: 'ahead', received_time: NOON + days }))
  await setup.put(`raw/gateway/${HOUR}/a.ndjson`, text([...written, ...ahead]))
  let opened = 0
  const open = (key: string) => {
    opened += 1
    return setup.lake.open(key)
  }
  const { lake, openSession } = setup
  const options = { lake: { ...lake, open }, arrivals: setup.ingester(), openSession }
  const years = { fromMs: NOON - 60 * MINUTE_MS, toMs: NOON + days + 60 * MINUTE_MS }
  const found = await reconcile(years, options, signal)
  t.equal(totalOf(found, 'found'), written.filter((row) => !isLedger(row)).length + 1)
  t.equal(totalOf(found, 'missing'), 0)
  t.equal(opened, 1)
})

test('a range of all the years there may be costs what is there, not what it is long', async (t) => {
  const setup = await setUp()
  const years = { fromMs: 0, toMs: Date.UTC(9999, 11, 31) }
  const written = await tenMinutes(11)
  const far = written
    .slice(0, 1)
    .map((row) => ({ ...row, event_id: 'far', received_time: years.toMs - MINUTE_MS }))
  await setup.put(`raw/gateway/${HOUR}/a.ndjson`, text(written))
  await setup.put(`raw/gateway/${HOUR}/b.ndjson`, text(far))
  const progress: unknown[] = []
  const { lake, openSession } = setup
  const options = {
    lake,
    openSession,
    arrivals: setup.ingester(),
    onProgress: (step: unknown) => progress.push(step),
  }
  const found = await reconcile(years, options, signal)
  t.equal(totalOf(found, 'found'), written.filter((row) => !isLedger(row)).length + 1)
  t.equal(totalOf(found, 'missing'), 0)
  const [of, noon] = [years.toMs / 3_600_000, NOON / 3_600_000]
  t.same(
    progress,
    [noon, of].map((done) => ({ done, of })),
  )
})

test('what was joined is found all the same, each row once, and nothing of it is gone', async (t) => {
  const lakes = joiningOver(await setUp())
  const rows = await tenMinutes(1)
  for (const part of [0, 1, 2]) {
    const some = rows.filter((_, at) => at % 3 === part)
    await lakes.put(`raw/gateway/${HOUR}/${part}.ndjson`, text(some))
    await lakes.ingester().ingest(signal)
  }
  const before = await findings(lakes)
  t.equal(isComplete(before), true)
  lakes.over()
  await lakes.pass()
  t.same(await findings(lakes), before)
  await lakes.passes(1)
  t.same(await lakes.small(), [])
  t.same(await findings(lakes), before)
  await lakes.lake.remove(await lakes.joined())
  const lost = await findings(lakes)
  t.match(lost.goneObjects, [/\/j-/])
  t.equal(isComplete(lost), false)
})
