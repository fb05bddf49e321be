import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { MAX_VALUE, MAX_WEIGHT } from '../../../../src/event/schema/event.ts'
import { LEDGER_NAME } from '../../../../src/event/schema/ledger-event.ts'
import { scales } from '../../../../src/event/values/unit.ts'
import { DAY_MS } from '../../../../src/std/durations.ts'
import { MAX_INSTANT_MS } from '../../../../src/std/input/instant.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { eventLine, NOON, storedEvent, writeParquet } from '../../../fakes/events.ts'
import { HOUR, setUp, signal } from '../harness.ts'

const inSeconds =
  'unit is s, which is not converted here: gateways store it as ms, as in "value": 1000, "unit": "ms" for 1 s'

test('lines in a unit that a gateway would have converted are counted as they say, and told with the remedy', async (t) => {
  const { put, ingester, eventIds, keys } = await setUp()
  const lines: string[] = []
  const telemetry = createTelemetry('warn', { write: (line) => lines.push(line) })
  const arrivals = ingester({ telemetry })
  const units = ['s', 's', 'KiBy', 'ms', 'By', '1', '{view}', 'minutes']
  const events = units.map((unit, at) => `${eventLine({ event_id: `${at}`, unit })}\n`)
  await put(`raw/backfill/${HOUR}/a.ndjson`, events.join(''))
  const { doubtful, rows } = await arrivals.ingest(signal)
  const [key = ''] = await keys('raw/')
  const inKibibytes =
    'unit is KiBy, which is not converted here: gateways store it as By, as in "value": 1024, "unit": "By" for 1 KiBy'
  t.same(doubtful, [
    { key, why: inKibibytes, rows: 1 },
    { key, why: inSeconds, rows: 2 },
  ])
  t.same([rows, (await eventIds()).length], [8, 8])
  t.match(
    lines.map((line) => JSON.parse(line)),
    [
      { key, why: inKibibytes, rows: 1, msg: 'rows are counted as they say, which was hardly meant' },
      { key, rows: 2 },
    ],
  )
  t.match(await telemetry.metrics.metrics(), /^headgate_ingest_doubtful_total 3$/m)
  t.same((await arrivals.ingest(signal)).doubtful, [], 'once')
})

test('each unit that is converted elsewhere is told', async (t) => {
  const { put, ingester } = await setUp()
  const units = [...scales.keys()].map(String)
  const events = units.map((unit, at) => `${eventLine({ event_id: `${at}`, unit })}\n`)
  await put(`raw/backfill/${HOUR}/a.ndjson`, events.join(''))
  const { doubtful } = await ingester().ingest(signal)
  t.same(doubtful.map(({ why }) => why.replace(/^unit is (\S+), .*$/, '$1')).sort(), units.sort())
})

test('values that no rollup counts are told', async (t) => {
  const { put, ingester, keys } = await setUp()
  const values = [-1, MAX_VALUE + 1, 0, MAX_VALUE]
  const events = values.map((value, at) => `${eventLine({ event_id: `${at}`, value })}\n`)
  await put(`raw/backfill/${HOUR}/a.ndjson`, events.join(''))
  const { doubtful } = await ingester().ingest(signal)
  const [key = ''] = await keys('raw/')
  const why = 'value does not lie between 0 and 1000000000000: it is kept, and in no number'
  t.same(doubtful, [{ key, why, rows: 2 }])
})

test('names and weights that no gateway would have stored are told, and how the rows count', async (t) => {
  const { put, ingester, keys } = await setUp()
  const change = [
    ...['bad name', '', '1st', 'm<script>'].map((name) => ({ name })),
    ...[-1, 0, MAX_WEIGHT + 1, 1e300].map((weight) => ({ weight })),
    ...[{ name: `m${'x'.repeat(127)}` }, { weight: MAX_WEIGHT }, { weight: 1e-9 }, { name: LEDGER_NAME }],
  ]
  const events = change.map((each, at) => `${eventLine({ event_id: `${at}`, ...each })}\n`)
  await put(`raw/backfill/${HOUR}/a.ndjson`, events.join(''))
  const { doubtful, rows } = await ingester().ingest(signal)
  const [key = ''] = await keys('raw/')
  t.equal(rows, change.length)
  t.same(doubtful, [
    {
      key,
      why: 'name is none that a gateway takes, which is 1 to 128 of A-Z, a-z, 0-9 and _ . : / -, beginning with a letter: counted under it',
      rows: 4,
    },
    { key, why: 'weight is not above 0 and up to 1000000: the row counts as 1', rows: 4 },
  ])
})

test('what is no number where one may stand is told, as it is not in what is counted', async (t) => {
  const { put, ingester, keys } = await setUp()
  const values: readonly unknown[] = ['much', '7', 7, null, [1], {}, true, 1e12]
  const lines = ['weight', 'http_response_status_code'].flatMap((name) =>
    values.map((value) => ({ v: 1, ...storedEvent({ event_id: `${name} ${value}` }), [name]: value })),
  )
  await put(`raw/backfill/${HOUR}/a.ndjson`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const { doubtful, rows, malformed } = await ingester().ingest(signal)
  const [key = ''] = await keys('raw/')
  t.same([rows, malformed], [lines.length, 0])
  const left = 'is no number that fits there and was left out'
  t.same(doubtful, [
    { key, why: 'weight is not above 0 and up to 1000000: the row counts as 1', rows: 1 },
    { key, why: `weight ${left}: the event counts as 1`, rows: 3 },
    { key, why: `http_response_status_code ${left}`, rows: 4 },
  ])
})

test('attributes of a line that are no object are told, as nothing is found in them', async (t) => {
  const { put, ingester, keys } = await setUp()
  const values: readonly unknown[] = [
    '{"plan":"pro"}',
    7,
    [1],
    'x'.repeat(100_000),
    { plan: 'pro' },
    {},
    null,
  ]
  const lines = values.map((attributes, at) => ({ v: 1, ...storedEvent({ event_id: `${at}` }), attributes }))
  await put(`raw/backfill/${HOUR}/a.ndjson`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const { doubtful, rows } = await ingester().ingest(signal)
  const [key = ''] = await keys('raw/')
  const why = 'attributes is no JSON object: the row counts as one without'
  t.same([doubtful, rows], [[{ key, why, rows: 4 }], values.length])
})

test('fields that are nearly ours are told with the one that was meant, of how many events', async (t) => {
  const nearly = (name: string, column: string) =>
    `"${name}" is no field of an event and was left out; did you mean "${column}"?`
  const line = (more: Readonly<Record<string, unknown>>, at: number) => {
    const { page_route, country, ...event } = storedEvent({ event_id: `${at}` })
    return `${JSON.stringify({ v: 1, ...event, ...more })}\n`
  }
  const lines = [
    { pageRoute: '/' },
    { pageRoute: '/', contry: 'DE' },
    { pageRoute: '/', page_route: '/' },
    { pageRoute: '/', page_route: null },
    { pageRoute: null },
    { mine: 1 },
    { 'cou\u001bntry': 'DE' },
    {},
  ]
  const whys = [nearly('pageRoute', 'page_route'), nearly('contry', 'country')]
  for (const [way, more] of [
    ['lines that are all events', ''],
    ['lines of which one is none', 'none\n'],
    ['lines of which one is none, and has it', line({ pageRoute: '/', name: null }, 9)],
  ] as const) {
    const { put, ingester, keys } = await setUp()
    await put(`raw/backfill/${HOUR}/a.ndjson`, `${lines.map(line).join('')}${more}`)
    await put(`raw/backfill/${HOUR}/b.ndjson`, line({ pageRoute: '/' }, 7))
    const { doubtful, rows } = await ingester().ingest(signal)
    const [key = ''] = await keys('raw/')
    t.same([rows, doubtful], [9, whys.map((why, at) => ({ key, why, rows: at === 0 ? 4 : 1 }))], way)
  }
})

test('a field that is nearly ours is told of whichever line of the first 64 KiB has it', async (t) => {
  const { page_route, ...event } = storedEvent({})
  const line = (more: object, at: number) =>
    `${JSON.stringify({ v: 1, ...event, event_id: `${at}`, ...more })}\n`
  const { put, ingester } = await setUp()
  const lines = Array.from({ length: 60 }, (_, at) =>
    line(at < 20 ? {} : at < 59 ? { mine: at } : { pageRoute: '/' }, at),
  )
  await put(`raw/backfill/${HOUR}/a.ndjson`, lines.join(''))
  const { doubtful } = await ingester().ingest(signal)
  t.match(doubtful, [{ why: /^"pageRoute" is no field of an event/, rows: 1 }])
  t.equal(doubtful.length, 1)
})

test('times of Parquet that can hardly be meant are told, as no row of it can be set aside', async (t) => {
  const { session, places, ingester, clock } = await setUp()
  const nowMs = clock.nowMs()
  for (const [what, change, why] of [
    ['seconds', { event_time: NOON / 1_000 }, 'event_time is before 1973, and looks like epoch seconds'],
    ['microseconds', { event_time: NOON * 1_000 }, /^event_time is after 9999, .* micro- or nanoseconds$/],
    [
      'the last of 9999',
      { event_time: MAX_INSTANT_MS, received_time: MAX_INSTANT_MS },
      /^event_time is more than a day from now/,
    ],
    ['after tomorrow', { event_time: nowMs + DAY_MS + 1, received_time: nowMs + DAY_MS }, /a day from now/],
    [
      'before it happened',
      { event_time: NOON, received_time: NOON - DAY_MS - 1 },
      /^event_time is more than a day after rec/,
    ],
    ['tomorrow', { event_time: nowMs + DAY_MS, received_time: nowMs }, undefined],
    ['seconds as a unit', { unit: 's' }, inSeconds],
  ] as const) {
    const key = `raw/backfill/${HOUR}/${what.replaceAll(' ', '-')}.parquet`
    await writeParquet(session, [storedEvent(change)], join(places.lakeDir, key))
    const { doubtful } = await ingester().ingest(signal)
    t.match(doubtful, why === undefined ? [] : [{ key, why, rows: 1 }], what)
    t.equal(doubtful.length, why === undefined ? 0 : 1, what)
  }
})

test('rows of Parquet without what each event has are told, as no rollup counts them', async (t) => {
  const { session, places, ingester } = await setUp()
  const apps = () => ['shop-web']
  const arrivals = ingester({ work: { tempDir: places.tempDir, apps } })
  const needed = ['event_id', 'app_id', 'name', 'value'] as const
  for (const name of needed) {
    const key = `raw/backfill/${HOUR}/${name}.parquet`
    const [whole, without] = [0, 1].map((at) => storedEvent({ event_id: `${name}${at}`, app_id: 'shop-web' }))
    const source = join(places.lakeDir, 'whole.parquet')
    await writeParquet(
      session,
      [whole, without].flatMap((event) => event ?? []),
      source,
    )
    await mkdir(dirname(join(places.lakeDir, key)), { recursive: true })
    const replaced = `* REPLACE (CASE WHEN event_id = '${name}0' THEN ${name} END AS ${name})`
    await session.run([
      `COPY (SELECT ${replaced} FROM '${source}') TO '${join(places.lakeDir, key)}' (FORMAT parquet)`,
    ])
    const { doubtful, rows } = await arrivals.ingest(signal)
    t.equal(rows, 2, name)
    t.same(doubtful, [{ key, why: `${name} is null: the row is kept, and in no number`, rows: 1 }])
  }
})

test('rows of an app that is not configured are told, with the one that was most likely meant', async (t) => {
  const { put, ingester, places } = await setUp()
  let apps: readonly string[] = ['shop', 'shop-web']
  const arrivals = ingester({ work: { tempDir: places.tempDir, apps: () => apps } })
  const unknown = 'app_id is none of the apps that are configured, so that no list and no dashboard shows it'
  const meant = `${unknown}; did you mean "shop-web"?`
  const others = Array.from('abcdefghijklmnopqrst', (letter) => `app-of-${letter}`)
  let objects = 0
  for (const [what, lines, configured, told] of [
    ['all are right', [{ app_id: 'shop' }, { app_id: 'shop-web' }], apps, []],
    [
      'a slip, beside another doubt',
      [{ app_id: 'shopweb' }, { app_id: 'shopweb', unit: 's' }, { app_id: 'shop' }],
      apps,
      [
        [meant, 1],
        [inSeconds, 1],
      ],
    ],
    [
      'slips behind one that is near to none',
      ['aaa', 'shopweb', 'shopweb', 'shop_web'].map((app_id) => ({ app_id })),
      apps,
      [
        [meant, 3],
        [unknown, 1],
      ],
    ],
    [
      'a slip behind as many apps as are asked of',
      ['shopweb', ...others, ...others].map((app_id) => ({ app_id })),
      apps,
      [[unknown, 41]],
    ],
    ['nothing near', [{ app_id: 'zebra' }], apps, [[unknown, 1]]],
    ['taken in by a reload', [{ app_id: 'zebra' }], ['zebra'], []],
    ['what gateways tell of an app that was removed', [{ app_id: 'old', name: LEDGER_NAME }], apps, []],
    ['no apps are configured where it is looked', [{ app_id: 'zebra' }], [], []],
  ] as const) {
    apps = configured
    const events = lines.map((change, at) => `${eventLine({ event_id: `${objects}-${at}`, ...change })}\n`)
    await put(`raw/backfill/${HOUR}/${objects++}.ndjson`, events.join(''))
    const { doubtful, rows } = await arrivals.ingest(signal)
    t.equal(rows, lines.length, what)
    t.same(
      doubtful.map(({ why, rows }) => [why, rows]),
      told,
      what,
    )
  }
})

test('columns of Parquet that are nearly ours are told with the one that was meant, of how many rows', async (t) => {
  const { places, ingester, session } = await setUp()
  const key = `raw/backfill/${HOUR}/theirs.parquet`
  const path = join(places.lakeDir, key)
  await mkdir(dirname(path), { recursive: true })
  const rows = `SELECT * FROM (SELECT 'e' || i AS event_id, ${NOON} AS event_time, ${NOON} AS received_time, 'shop' AS app_id,
    'm' AS "NAME", 1.5 AS value, 'ms' AS unit, CASE WHEN i > 0 THEN '/a' END AS pageRoute, 'DE' AS contry, 'DE' AS Country,
    NULL AS "app-version", 1 AS mine FROM range(3) t(i)) q`
  await session.run([`COPY (${rows}) TO '${path}' (FORMAT parquet)`])
  const { doubtful } = await ingester().ingest(signal)
  const why = '"pageRoute" is no field of an event and was left out; did you mean "page_route"?'
  t.same(doubtful, [{ key, why, rows: 2 }])
})
