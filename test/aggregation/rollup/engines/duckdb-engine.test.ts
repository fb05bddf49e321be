import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { OpenSqlSession } from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { contentOf } from '../../../../src/aggregation/rollup/commit/content-hash.ts'
import { duckdbEngine, duckdbRows } from '../../../../src/aggregation/rollup/engines/duckdb-engine.ts'
import type { WindowPlan } from '../../../../src/aggregation/rollup/engines/engine.ts'
import { DEFAULT_SETS } from '../../../../src/aggregation/rollup/model/definition.ts'
import { MAX_UNITS } from '../../../../src/aggregation/rollup/model/units.ts'
import type { RollupRow } from '../../../../src/aggregation/rollup/stores/store.ts'
import { fsLake } from '../../../../src/lake/fs.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { engineContract } from '../../../contracts/engine.ts'
import { openDuckdb, placesIn, sharedSession } from '../../../fakes/aggregation/sessions.ts'
import { chunks, rowsOf } from '../../../fakes/aggregation/store.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'
import { NOON, storedEvent, writeParquet } from '../../../fakes/events.ts'
import { goldenEvents } from '../../../golden/rollup-events.ts'

const INPUT = 'raw/gateway/dt=2026-11-22/hr=12/a.parquet'
const plan: WindowPlan = {
  definition: {
    id: 'd',
    grainMs: 900_000,
    sets: DEFAULT_SETS,
    bots: 'exclude',
    maxMetrics: 500,
    maxValues: 500,
  },
  fromMs: NOON,
  toMs: NOON + 900_000,
  lateAfterMs: NOON + 1_000_000,
  inputs: [INPUT],
  outputPrefix: 'rollups/run=1/',
}
const signal = new AbortController().signal

async function setUp(t: Test, memoryLimitBytes = 512_000_000) {
  const places = placesIn(t.testdir())
  const openSession = await sharedSession(t, places)
  const lake = fsLake(places.lakeDir)
  const session = await openSession(signal)
  const options = {
    lake,
    openSession,
    tempDir: places.tempDir,
    memoryLimitBytes,
    entropy: seededEntropy(),
    manyFromRows: 0,
  }
  return { places, lake, session, options }
}

async function keepsTheContract(t: Test, manyFromRows: number): Promise<void> {
  await engineContract(t, 'duckdb', async (t) => {
    const { places, lake, session, options } = await setUp(t)
    const cancellable: OpenSqlSession = async (signal) =>
      signal.aborted ? openDuckdb(places)(signal) : options.openSession(signal)
    return {
      engine: duckdbEngine({ ...options, manyFromRows, openSession: cancellable }),
      sortRows: duckdbRows(options),
      putEvents: (key, events) => writeParquet(session, events, join(places.lakeDir, key)),
      list: async (prefix) => (await lake.list(prefix)).map(({ key }) => key),
    }
  })
}

test('DuckDB keeps the contract of engines', async (t) => {
  await keepsTheContract(t, 0)
})

test('so it does of few rows, which it computes otherwise', async (t) => {
  await keepsTheContract(t, 1_000_000)
})

const rowsIn = (options: Parameters<typeof duckdbRows>[0], keys: readonly string[]): Promise<RollupRow[]> =>
  rowsOf(duckdbRows(options)(keys, signal))

async function contentIn(options: Parameters<typeof duckdbRows>[0], keys: readonly string[]) {
  const rows = await duckdbRows(options)(keys, signal)
  return contentOf(rows.read()).finally(rows.release)
}

test('little memory means more and smaller parts with the same rows, and no temporary file stays', async (t) => {
  const { places, session, options } = await setUp(t)
  await writeParquet(session, goldenEvents(), join(places.lakeDir, INPUT))
  const whole = await duckdbEngine(options).compute(plan, signal)
  t.equal(whole.outputs.length, DEFAULT_SETS.length, 'one object a set')
  const small = duckdbEngine({ ...options, memoryLimitBytes: 200_000 })
  const parts = await small.compute({ ...plan, outputPrefix: 'rollups/run=2/' }, signal)
  t.ok(parts.outputs.length > 20)
  t.same(parts.counts, whole.counts)
  const keysOf = ({ outputs }: typeof whole) => outputs.map(({ key }) => key)
  t.same(await rowsIn(options, keysOf(parts)), await rowsIn(options, keysOf(whole)))
  t.same(
    readdirSync(places.tempDir).filter((name) => !name.startsWith('duckdb-')),
    [],
  )
})

test('a run that is out of memory is tried once more in four times as many parts', async (t) => {
  const { places, session, options } = await setUp(t)
  await writeParquet(session, goldenEvents(), join(places.lakeDir, INPUT))
  const outOfMemory = new AppError('engine_out_of_memory', 'full')
  const failing =
    (failures: Error[]): OpenSqlSession =>
    async (signal) => {
      const opened = await options.openSession(signal)
      const failure = failures.shift()
      if (!failure) return opened
      return { ...opened, run: async () => Promise.reject(failure) }
    }
  const recovered = await duckdbEngine({ ...options, openSession: failing([outOfMemory]) }).compute(
    plan,
    signal,
  )
  t.ok(recovered.outputs.some(({ key }) => key.endsWith('-3.parquet')))
  const engine = (...failures: Error[]) => duckdbEngine({ ...options, openSession: failing(failures) })
  await t.rejects(engine(outOfMemory, outOfMemory).compute(plan, signal), { code: 'engine_out_of_memory' })
  await t.rejects(engine(new AppError('engine_failed', 'x')).compute(plan, signal), { code: 'engine_failed' })
  await t.rejects(engine(new TypeError('x')).compute(plan, signal), TypeError)
})

test('a large window under a small memory limit completes in parts', async (t) => {
  const { places, options, session } = await setUp(t)
  await writeParquet(session, [storedEvent({ page_route: '' })], join(places.lakeDir, INPUT))
  await session.run([
    `COPY (SELECT * REPLACE ('e' || i AS event_id, i % 9973 + 0.5 AS value, '/' || i % 40000 AS page_route)
      FROM read_parquet('${join(places.lakeDir, INPUT)}'), range(200000) r(i))
      TO '${join(places.lakeDir, 'raw/many.parquet')}' (FORMAT parquet)`,
  ])
  const definition = { ...plan.definition, maxValues: 100_000 }
  const many = { ...plan, definition, inputs: ['raw/many.parquet'] }
  const memoryLimitBytes = 50_000_000
  const openSession = openDuckdb(places, memoryLimitBytes)
  const engine = duckdbEngine({ ...options, openSession, memoryLimitBytes })
  const { counts, outputs } = await engine.compute(many, signal)
  t.equal(counts.kept, 200_000)
  const routes = outputs.filter(({ key }) => /\/route-\d/.test(key))
  t.ok(routes.length > 1)
  t.equal(
    routes.reduce((rows, output) => rows + output.rows, 0),
    40_000,
  )
})

test('names, units and routes that somebody makes up fit into a small memory limit', async (t) => {
  const { places, options, session } = await setUp(t)
  await writeParquet(session, [storedEvent({ page_route: '' })], join(places.lakeDir, INPUT))
  const made = (what: string) => `'${what}' || md5('a' || i) || md5('b' || i)`
  await session.run([
    `COPY (SELECT * REPLACE ('e' || i AS event_id, ${made('m')} AS name, ${made('u')} AS unit, ${made('/')} AS page_route)
      FROM read_parquet('${join(places.lakeDir, INPUT)}'), range(150000) r(i))
      TO '${join(places.lakeDir, 'raw/made-up.parquet')}' (FORMAT parquet, ROW_GROUP_SIZE 10240)`,
  ])
  const memoryLimitBytes = 50_000_000
  const engine = duckdbEngine({
    ...options,
    openSession: openDuckdb(places, memoryLimitBytes),
    memoryLimitBytes,
  })
  const { counts, outputs } = await engine.compute({ ...plan, inputs: ['raw/made-up.parquet'] }, signal)
  t.equal(counts.kept, 150_000)
  const rows = await rowsIn(
    options,
    outputs.map(({ key }) => key),
  )
  const ofApp = rows.filter(({ set }) => set === 'app')
  t.equal(
    ofApp.length,
    plan.definition.maxMetrics + MAX_UNITS + 1,
    'each in a unit of its own, the others in nine',
  )
  t.equal(
    ofApp.reduce((sum, row) => sum + row.rows, 0),
    150_000,
  )
})

test('rows that are there twice have no hash', async (t) => {
  const { places, session, options } = await setUp(t)
  await writeParquet(session, goldenEvents(), join(places.lakeDir, INPUT))
  const engine = duckdbEngine(options)
  const keys = (await engine.compute(plan, signal)).outputs.map(({ key }) => key)
  await t.rejects(contentIn(options, [...keys, ...keys.slice(0, 1)]), {
    code: 'engine_failed',
    message: /of the window is there twice/,
  })
})

test('sorted rows are read as often as is asked, and leave no file behind, sorted or not', async (t) => {
  const { places, session, options } = await setUp(t)
  await writeParquet(session, goldenEvents(), join(places.lakeDir, INPUT))
  const keys = (await duckdbEngine(options).compute(plan, signal)).outputs.map(({ key }) => key)
  const left = () => readdirSync(places.tempDir).filter((name) => name.startsWith('rollup-'))
  const rows = await duckdbRows(options)(keys, signal)
  t.equal(left().length, 1)
  t.same(await contentOf(rows.read()), await contentOf(rows.read()))
  await rows.release()
  t.same(left(), [])
  const openSession: OpenSqlSession = async (signal) => {
    const opened = await options.openSession(signal)
    const run = (statements: readonly string[]) => opened.run([...statements, 'SELECT error()'])
    return { ...opened, run }
  }
  await t.rejects(duckdbRows({ ...options, openSession })(keys, signal), { code: 'engine_failed' })
  t.same(left(), [])
})

test('a window has one content, by any number of threads, in parts, and after others in a session', async (t) => {
  const { places, session, options } = await setUp(t)
  const one = storedEvent({ measurement_id: 'm', device_type: 'd', page_route: '/', weight: 1 })
  await writeParquet(session, [one], join(places.lakeDir, 'raw/one.parquet'))
  await writeParquet(session, goldenEvents(), join(places.lakeDir, INPUT))
  await session.run([
    `COPY (SELECT * REPLACE ('e' || i % 48000 AS event_id, 'm' || i % 45000 AS measurement_id, i % 4001 + 0.5 AS value,
        (i % 3 + 1) / 2 AS weight, 'app-' || i % 3 AS app_id, 'metric-' || i % 5 AS name, '/' || i % 300 AS page_route,
        event_time + i % 997 AS event_time, received_time + i % 991 AS received_time, 'd' || i % 2 AS device_type)
      FROM read_parquet('${join(places.lakeDir, 'raw/one.parquet')}'), range(50000) r(i))
      TO '${join(places.lakeDir, 'raw/many.parquet')}' (FORMAT parquet, ROW_GROUP_SIZE 4096)`,
  ])
  const contents = new Map<string, Set<string>>([INPUT, 'raw/many.parquet'].map((key) => [key, new Set()]))
  for (const [threads, memoryLimitBytes] of [
    [1, 512_000_000],
    [2, 512_000_000],
    [4, 512_000_000],
    [4, 4_000_000],
  ] as const) {
    const opened = await openDuckdb(places, 512_000_000, threads)(signal)
    const openSession: OpenSqlSession = async () => ({ ...opened, close: async () => {} })
    const engine = duckdbEngine({ ...options, openSession, memoryLimitBytes })
    for (const [input, hashes] of [...contents, ...[...contents].slice(0, 1)]) {
      const { outputs, counts } = await engine.compute({ ...plan, inputs: [input] }, signal)
      const keys = outputs.map(({ key }) => key)
      hashes.add(JSON.stringify([await contentIn({ ...options, openSession }, keys), counts]))
    }
    await opened.close()
  }
  for (const [input, hashes] of contents) t.equal(hashes.size, 1, `${input}: ${[...hashes].join(' ')}`)
})

test('every character of a text is hashed and read as it is, whatever JSON makes of it', async (t) => {
  const { places, session, options } = await setUp(t)
  const texts = Array.from({ length: 0xa0 }, (_, code) => `${String.fromCharCode(code)}\\u000B"é🙂`)
  const events = texts.map((page_route, at) => storedEvent({ event_id: `e${at}`, page_route }))
  await writeParquet(session, events, join(places.lakeDir, INPUT))
  const engine = duckdbEngine(options)
  const keys = (await engine.compute(plan, signal)).outputs.map(({ key }) => key)
  const rows = await rowsIn(options, keys)
  t.same(new Set(rows.flatMap(({ set, value }) => (set === 'route' ? [value] : []))), new Set(texts))
  t.same(await contentIn(options, keys), await contentOf(chunks(rows)))
})

test('reading no keys opens nothing', async (t) => {
  const openSession: OpenSqlSession = async () => {
    throw new Error('opened')
  }
  const options = { lake: fsLake(t.testdir()), openSession, tempDir: '', entropy: seededEntropy() }
  t.same(await rowsIn(options, []), [])
  t.same(await contentIn(options, []), await contentOf(chunks()))
  await t.rejects(rowsIn(options, ['rollups/absent.parquet']), { code: 'input_missing' })
})
