import { test } from 'tap'
import type { RollupDefinition } from '../../../src/aggregation/rollup/definition.ts'
import {
  committedWindow,
  createManifests,
  definitionPrefix,
  inputsDigest,
  type Manifest,
} from '../../../src/aggregation/rollup/manifest.ts'
import { sweepOutputs } from '../../../src/aggregation/rollup/sweep.ts'
import { memoryLake } from '../../fakes/lake.ts'

const GRAIN = 900_000
const DAY = 86_400_000
const T0 = Date.UTC(2026, 10, 22, 23, 45)
const definition: RollupDefinition = {
  id: 'vitals',
  grainMs: GRAIN,
  sets: [],
  maxMetrics: 500,
  maxValues: 500,
}

const manifest = (over: Partial<Manifest> = {}): Manifest => ({
  version: 1,
  rollup: 'vitals',
  definitionHash: 'abc',
  fromMs: T0,
  toMs: T0 + GRAIN,
  generation: 1,
  runId: 'run-1',
  engine: 'duckdb',
  complete: true,
  inputs: { keys: ['a'], bytes: 1, rows: 1, digest: inputsDigest(['a']) },
  counts: {
    read: 10,
    outsideWindow: 1,
    duplicates: 1,
    superseded: 0,
    negative: 1,
    outOfRange: 2,
    notANumber: 3,
    kept: 2,
    late: 1,
  },
  outputs: [],
  contentHash: 'hash',
  rows: 1,
  createdMs: T0 + GRAIN,
  ...over,
})

test('a generation is committed by creating its object, which the first one alone can do', async (t) => {
  const lake = memoryLake()
  const manifests = createManifests(lake)
  t.equal(await manifests.commit(definition, manifest()), 'stored')
  t.equal(await manifests.commit(definition, manifest({ runId: 'run-2' })), 'exists')
  t.match(
    [...lake.objects.keys()],
    [/^rollups\/vitals\/[0-9a-f]{16}\/15m\/dt=2026-11-22\/w=\d+\/gen-000001\.json$/],
  )
  t.equal((await createManifests(lake).newest(definition, T0, T0 + GRAIN)).get(T0)?.runId, 'run-1')
})

test('the newest generation of each window is found, over days, half-open', async (t) => {
  const manifests = createManifests(memoryLake())
  for (const [i, generation] of [
    [0, 1],
    [0, 9],
    [0, 10],
    [1, 2],
    [2, 1],
  ] as const) {
    await manifests.commit(definition, manifest({ fromMs: T0 + i * GRAIN, generation }))
  }
  const newest = async (fromMs: number, toMs: number) =>
    [...(await manifests.newest(definition, fromMs, toMs))].map(([startMs, { generation }]) => [
      (startMs - T0) / GRAIN,
      generation,
    ])
  t.same(await newest(T0, T0 + GRAIN), [[0, 10]])
  t.same(await newest(T0 - DAY, T0 + DAY), [
    [0, 10],
    [1, 2],
    [2, 1],
  ])
  t.same(await newest(T0 + GRAIN, T0 + 2 * GRAIN), [[1, 2]])
  t.same(await newest(T0 - DAY, T0), [])
  t.same(
    await manifests.newest({ ...definition, maxValues: 1 }, T0, T0 + DAY),
    new Map(),
    'of another definition',
  )
})

test('a manifest is read once: it never changes', async (t) => {
  const lake = memoryLake()
  const manifests = createManifests(lake)
  await manifests.commit(definition, manifest())
  let reads = 0
  const { get } = lake
  lake.get = (key) => {
    reads++
    return get(key)
  }
  await manifests.newest(definition, T0, T0 + GRAIN)
  await manifests.newest(definition, T0, T0 + GRAIN)
  t.equal(reads, 1)
  const minutely = { ...definition, grainMs: 60_000 }
  for (let i = 0; i < 2_049; i++) {
    await manifests.commit(minutely, manifest({ fromMs: T0 + i * 60_000 }))
  }
  t.equal((await manifests.newest(minutely, T0, T0 + 2_049 * 60_000)).size, 2_049)
  await manifests.newest(definition, T0, T0 + GRAIN)
  t.equal(reads, 1 + 2_049 + 1, 'the oldest made room for newer ones')
})

test('a manifest that is unknown to this version, or gone, is an error', async (t) => {
  const lake = memoryLake()
  await createManifests(lake).commit(definition, manifest({ version: 2 as 1 }))
  await t.rejects(createManifests(lake).newest(definition, T0, T0 + GRAIN), {
    code: 'lake_failed',
    message: /version 2, not 1/,
  })
  lake.get = async () => undefined
  await t.rejects(createManifests(lake).newest(definition, T0, T0 + GRAIN), {
    code: 'lake_failed',
    message: /not there/,
  })
})

test('a store is told what it needs of a manifest', async (t) => {
  t.same(committedWindow(manifest()), {
    rollup: 'vitals',
    fromMs: T0,
    toMs: T0 + GRAIN,
    generation: 1,
    contentHash: 'hash',
    complete: true,
    late: 1,
    rejected: 6,
  })
})

test('the digest of inputs tells sets of keys apart', async (t) => {
  const digests = [['a', 'b'], ['a,b'], ['ab'], []].map(inputsDigest)
  t.equal(new Set(digests).size, 4)
})

test('what no manifest names is swept after a day', async (t) => {
  let nowMs = T0
  const lake = memoryLake(() => nowMs)
  const window = `${definitionPrefix(definition)}dt=2026-11-22/w=${T0}/`
  const outputs = [{ key: `${window}run=good/part-0.parquet`, bytes: 1, rows: 1 }]
  await lake.put(`${window}run=good/part-0.parquet`, Buffer.from('x'))
  await lake.put(`${window}run=dead/part-0.parquet`, Buffer.from('x'))
  await lake.put('raw/gateway/x', Buffer.from('x'))
  await createManifests(lake).commit(definition, manifest({ outputs }))
  nowMs += DAY
  await lake.put(`${window}run=busy/part-0.parquet`, Buffer.from('x'))
  t.equal(await sweepOutputs(lake, definition, nowMs), 0)
  t.equal(await sweepOutputs(lake, definition, nowMs + 1), 1)
  t.same(
    (await lake.list('')).map(({ key }) => key.replace(window, '')),
    ['raw/gateway/x', 'gen-000001.json', 'run=busy/part-0.parquet', 'run=good/part-0.parquet'],
  )
})
