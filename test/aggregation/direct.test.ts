import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { allRows } from '../../src/aggregation/ingest/duckdb/sql-session.ts'
import { readParquet } from '../../src/aggregation/ingest/duckdb/sql-text.ts'
import { createRecordVerifier } from '../../src/aggregation/ingest/quarantine/record-verifier.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { createRecordSigner } from '../../src/gateway/credentials/record-signer.ts'
import { parseQuarantineKey } from '../../src/lake/layout.ts'
import { createTelemetry } from '../../src/std/telemetry.ts'
import { wireAggregation } from '../../src/wiring/aggregation.ts'
import { openLake } from '../../src/wiring/open-lake.ts'
import { ANN, BOB, recordKeys } from '../fakes/aggregation/records.ts'
import { openDuckdb } from '../fakes/aggregation/sessions.ts'
import { gathered } from '../fakes/aggregation/store.ts'
import { fakeClock } from '../fakes/clock.ts'
import { credentialsOf } from '../fakes/credentials/vending.ts'
import { seededEntropy } from '../fakes/entropy.ts'
import { eventLine, NOON } from '../fakes/events.ts'

const HOUR = 'dt=2026-11-22/hr=12'
const METRIC = 'browser.web_vital.lcp'
const MINUTE_MS = 60_000
const keys = recordKeys()
const lines = (...values: readonly (object | string)[]) =>
  values.map((value) => `${typeof value === 'string' ? value : JSON.stringify(value)}\n`).join('')

const FILE = {
  aws: { region: 'eu-west-1' },
  gateway: { credentials: { subjectKeyEnv: 'SUBJECT_KEY' } },
}

/** A Headgate with two apps that write past the gateway, and one that does not. */
async function setUp(t: Test, name: string) {
  const dataDir = join(t.testdirName, name)
  const config = parseConfig(
    {
      dataDir,
      ...FILE,
      aggregation: { recordKeys: [keys.publicKey] },
      apps: [
        { id: 'shop', credentials: credentialsOf('shop') },
        { id: 'bank', credentials: credentialsOf('bank') },
        { id: 'site' },
      ],
    },
    {},
  )
  const clock = fakeClock(NOON + 2 * 3_600_000)
  const lake = await openLake(config, clock)
  const telemetry = createTelemetry('silent')
  const system = { clock, entropy: seededEntropy(), telemetry, lake, askGateway: async () => null }
  let { apps } = config
  const { runs, store, definitions } = await wireAggregation(config, { ...system, apps: () => apps })
  const keysBelow = async (prefix: string) => (await lake.list(prefix)).map(({ key }) => key)

  return {
    ...{ lake, keysBelow },
    put: (key: string, body: string | Buffer) => lake.put(key, Buffer.from(body)),
    metrics: () => telemetry.metrics.metrics(),
    /** As a reload does. */
    replaceApp(changed: object) {
      const [shop] = parseConfig(
        { ...FILE, apps: [{ id: 'shop', keys: [{ sha256: 'a'.repeat(64) }], ...changed }] },
        {},
      ).apps
      apps = apps.map((app) => (app.id === 'shop' && shop ? shop : app))
    },
    async aggregate() {
      const { id } = await runs.submit({ from: NOON, to: NOON + 3_600_000, reprocess: 'all' }, 'test')
      const run = await runs.finish(String(id), new AbortController().signal)
      t.equal(run.state, 'succeeded')
    },
    /** Everything that the store holds of the app, but the ids of its generations. */
    async rollups(app: string) {
      const [definition] = definitions
      const rows = await Promise.all(
        (definition?.sets ?? []).map(({ name: set }) =>
          gathered(
            store.series({
              rollup: 'default',
              app,
              metric: METRIC,
              unit: 'ms',
              set,
              fromMs: 0,
              toMs: NOON * 2,
            }),
          ),
        ),
      )
      return rows.flat()
    },
    /** All rows that an engine could read. */
    async rows(columns = 'app_id, value, user_id') {
      const session = await openDuckdb({ lakeDir: join(dataDir, 'lake'), tempDir: join(dataDir, 'tmp') })(
        new AbortController().signal,
      )
      try {
        const files = (await keysBelow('raw/')).map((key) => join(dataDir, 'lake', key))
        const query = `SELECT ${columns} FROM ${readParquet(files)} ORDER BY app_id, value`
        return await allRows(session, query)
      } finally {
        await session.close()
      }
    },
  }
}

/** What the bank has sent: through the gateway, and to its own stream. */
async function deliverBank({ put }: Awaited<ReturnType<typeof setUp>>) {
  const bank = (id: string, value: number) => eventLine({ app_id: 'bank', event_id: id, value })
  await put(`raw/gateway/${HOUR}/g.ndjson`, lines(bank('b-1', 100), bank('b-2', 200)))
  const direct = { name: METRIC, unit: 'ms', event_time: NOON + MINUTE_MS }
  const recordToken = await keys.token(BOB, { app: 'bank' })
  await put(
    `quarantine/direct-bank/${HOUR}/b.ndjson`,
    lines({ recordToken, events: [{ ...direct, event_id: 'b-3', value: 300, measurement_id: 'm-3' }] }),
  )
}

test('whatever an app writes to its own stream, the numbers of another do not change', async (t) => {
  t.testdir({})
  const control = await setUp(t, 'control')
  await deliverBank(control)
  await control.aggregate()
  const expected = await control.rollups('bank')
  t.equal(Math.max(...expected.map(({ rows }) => rows)), 3)

  const attacked = await setUp(t, 'attacked')
  await deliverBank(attacked)
  const valid = { name: METRIC, unit: 'ms', event_time: NOON + MINUTE_MS }
  const [stolen, own] = [await keys.token(BOB, { app: 'bank' }), await keys.token(ANN)]
  // The row of the bank as it is stored: whoever could have it taken for the bank's would double or replace it.
  const [bankLine = ''] = lines(eventLine({ app_id: 'bank', event_id: 'b-1', value: 1e6 })).split('\n')
  await attacked.put(
    `quarantine/direct-shop/${HOUR}/a.ndjson`,
    lines(
      { ...valid, value: 1, app: 'bank', app_id: 'bank', event_id: 'b-1' },
      { ...valid, value: 2, app_id: 'bank', event_id: 'b-3', measurement_id: 'm-3', recordToken: stolen },
      {
        recordToken: own,
        app: 'bank',
        context: { app_id: 'bank' },
        events: [{ ...valid, value: 3, user_id: BOB }],
      },
      bankLine,
      `${bankLine}${bankLine}`,
      '{"name":"half',
      '"value":1}',
      `{"name":"${METRIC}","value":9,"app_id":"bank"`,
      '{'.repeat(1_048_576),
      `{"app_id":"bank","__proto__":{"app_id":"bank"},"name":"${METRIC}","unit":"ms","value":5,"event_time":${NOON}}`,
      { name: 'headgate.ledger', value: 99, app_id: 'bank', attributes: { instance: 'i', run: 'r' } },
      { ...valid, value: 4 },
    ),
  )
  await attacked.put(`quarantine/direct-shop/${HOUR}/b.ndjson.gz`, gzipSync(lines({ ...valid, value: 6 })))
  // Of apps without credentials, and beside all folders.
  for (const folder of ['direct-site', 'direct-bank/x', 'direct-shop,bank', 'gateway'])
    await attacked
      .put(`quarantine/${folder}/${HOUR}/a.ndjson`.replace(',', '-'), lines(bankLine))
      .catch(String)
  await attacked.aggregate()

  t.same(await attacked.rollups('bank'), expected)
  t.same(await attacked.rollups('site'), [])
  const shop = await attacked.rollups('shop')
  t.match(
    shop.filter(({ set }) => set === 'app'),
    // Of those that call themselves b-1 one counts: to the shop they are copies.
    [{ rows: 6, maxMicros: 1_000_000_000_000n }],
  )
  t.same(await attacked.rows(), [
    ['bank', 100, null],
    ['bank', 200, null],
    ['bank', 300, BOB],
    ['shop', 1, null],
    ['shop', 2, null],
    ['shop', 3, ANN],
    ['shop', 4, null],
    ['shop', 5, null],
    ['shop', 6, null],
    // The line of the bank, and the one that has it twice.
    ['shop', 1e6, null],
    ['shop', 1e6, null],
    ['shop', 1e6, null],
  ])
  t.same(await attacked.keysBelow('quarantine/'), [
    `quarantine/direct-bank/x/${HOUR}/a.ndjson`,
    `quarantine/direct-shop-bank/${HOUR}/a.ndjson`,
    `quarantine/direct-site/${HOUR}/a.ndjson`,
    `quarantine/gateway/${HOUR}/a.ndjson`,
  ])
  const [dead = '', ...others] = await attacked.keysBelow('dead/')
  t.match(dead, /^dead\/ingest-direct-shop\//)
  t.same(others, [])
  const letters = String(await attacked.lake.get(dead))
    .trimEnd()
    .split('\n')
  t.same(
    letters.map((letter) => JSON.parse(letter)).map(({ line, reason }) => [line, reason]),
    [
      [6, 'malformed_line'],
      [7, 'malformed_line'],
      [8, 'malformed_line'],
      [9, 'malformed_line'],
      [11, 'invalid_field'],
    ],
  )
  const metrics = await attacked.metrics()
  for (const row of [
    'headgate_direct_events_total{app="shop",record_token="none"} 7',
    'headgate_direct_events_total{app="shop",record_token="other_app"} 1',
    'headgate_direct_events_total{app="shop",record_token="valid"} 1',
    'headgate_direct_events_total{app="bank",record_token="valid"} 1',
    'headgate_direct_refused_total{app="shop",reason="malformed_line"} 4',
    'headgate_direct_waiting_objects{reason="unknown_app"} 2',
  ]) {
    t.ok(metrics.includes(`${row}\n`), row)
  }
})

test('records with ids that were put twice, and objects that were taken twice, count once', async (t) => {
  t.testdir({})
  const { put, aggregate, rollups, keysBelow, lake } = await setUp(t, 'twice')
  const recordToken = await keys.token(ANN)
  const event = { name: METRIC, unit: 'ms', event_time: NOON, value: 1 }
  const body = lines({ recordToken, events: [event, { ...event, event_id: 'e', value: 2 }] })
  const key = `quarantine/direct-shop/${HOUR}/a.ndjson`
  await put(key, body)
  await put(`quarantine/direct-shop/dt=2026-11-22/hr=13/b.ndjson`, body)
  await aggregate()
  const once = (await rollups('shop')).filter(({ set }) => set === 'app')
  t.match(once, [{ rows: 3 }], 'the one without an id is another one each time')
  const indexed = await keysBelow('')
  // As after a crash before the quarantine was emptied, when the lines were compacted already.
  await put(key, body)
  await aggregate()
  // A file of lines under a key that was taken in before may hold something else: it takes a slot of its own.
  const later = (await keysBelow('')).filter(
    (each) => !each.startsWith('rollups/') && !indexed.includes(each),
  )
  t.match(later, [/hr=12\/c-direct-shop-000002\.json$/, /hr=12\/c-000002-[0-9a-f]{16}\.parquet$/])
  t.match(
    (await rollups('shop')).filter(({ set }) => set === 'app'),
    [{ rows: 3 }],
  )
  t.equal(await lake.get(key), undefined)
})

test('direct records are judged by the apps that are configured when they are taken', async (t) => {
  t.testdir({})
  const { put, aggregate, rows, replaceApp, keysBelow } = await setUp(t, 'reloaded')
  const recordToken = await keys.token(ANN)
  const page_url = 'https://x.example/p?customer=meier'
  const credentials = credentialsOf('shop')
  const isPublic = { mode: 'public', iUnderstandAnyoneCanWrite: true, issuers: [] }
  for (const [value, change] of Object.entries([
    { credentials, privacy: { allowQuery: ['customer'] } },
    { credentials, privacy: { allowQuery: [] } },
    { credentials: { ...credentials, ...isPublic } },
    { credentials },
    {},
  ])) {
    replaceApp(change)
    const event = { name: METRIC, unit: 'ms', event_time: NOON, value: Number(value), page_url }
    await put(`quarantine/direct-shop/${HOUR}/${value}.ndjson`, lines({ recordToken, events: [event] }))
    await aggregate()
  }
  t.same(await rows('app_id, value, user_id, page_url'), [
    ['shop', 0, ANN, page_url],
    ['shop', 1, ANN, 'https://x.example/p'],
    ['shop', 2, null, 'https://x.example/p'],
    ['shop', 3, ANN, 'https://x.example/p'],
  ])
  t.same(await keysBelow('quarantine/'), [`quarantine/direct-shop/${HOUR}/4.ndjson`])
})

test('what the documentation says of Firehose and of keys is what is read here', async (t) => {
  const page = readFileSync('docs/operations.md', 'utf8')
  const [, example = ''] = /```json\n(\{\n {2}"DeliveryStreamName".*?)```/s.exec(page) ?? []
  const { DeliveryStreamName, ExtendedS3DestinationConfiguration: s3 } = JSON.parse(example)
  const prefix = s3.Prefix.replace('<PREFIX>', '')
    .replace('!{timestamp:yyyy-MM-dd}', '2026-11-22')
    .replace('!{timestamp:HH}', '12')
  const name = `${DeliveryStreamName}-1-2026-11-22-12-00-07-8b27e0a3-7bd1-4d6f-9c0e-2f1b7a6c5d4e`
  t.same(parseQuarantineKey(`${prefix}${name}${s3.FileExtension}`), {
    ...{ source: 'direct-shop', arrivalMs: NOON, name, extension: 'ndjson.gz' },
  })
  t.notMatch(s3.ErrorOutputPrefix, /^(raw|quarantine)\//)

  const [, command = ''] = /^node -e "(.*)"$/m.exec(page) ?? []
  const [privateJwk = '', publicJwk = ''] = execFileSync(process.execPath, ['-e', command])
    .toString()
    .split('\n')
  const { aggregation } = parseConfig({ aggregation: { recordKeys: [JSON.parse(publicJwk)] } }, {})
  const signer = await createRecordSigner(privateJwk)
  const token = await signer.sign({ app: 'shop', subHash: ANN, vendId: 'v' }, NOON)
  t.match(await createRecordVerifier(aggregation.recordKeys).verify(token), { subHash: ANN })
})
