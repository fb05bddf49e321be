import { join } from 'node:path'
import { test } from 'tap'
import {
  committedWindow,
  createManifests,
  inputsDigest,
  type Manifest,
} from '../../../../src/aggregation/rollup/commit/manifest.ts'
import { definitionPrefix, windowKey } from '../../../../src/aggregation/rollup/commit/manifest-keys.ts'
import { sweepOutputs } from '../../../../src/aggregation/rollup/commit/orphan-sweep.ts'
import { keptDefinition, type RollupDefinition } from '../../../../src/aggregation/rollup/model/definition.ts'
import { fsLake } from '../../../../src/lake/fs.ts'
import { manifestKey } from '../../../../src/lake/layout.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry, quietTelemetry } from '../../../../src/std/telemetry.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { HUGE_BYTES, putZeros } from '../../../fakes/files/sparse-files.ts'

const { log } = quietTelemetry()
const nobody = new Set<string>()
const GRAIN = 900_000
const DAY = 86_400_000
const T0 = Date.UTC(2026, 10, 22, 23, 45)
const definition: RollupDefinition = {
  id: 'vitals',
  grainMs: GRAIN,
  sets: [],
  bots: 'exclude',
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
    bots: 0,
    softNavigations: 0,
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
  const manifests = createManifests(lake, log)
  t.equal(await manifests.commit(definition, manifest()), 'stored')
  t.equal(await manifests.commit(definition, manifest({ runId: 'run-2' })), 'exists')
  t.match(
    [...lake.objects.keys()],
    [/^rollups\/vitals\/[0-9a-f]{16}\/15m\/dt=2026-11-22\/w=\d+\/gen-000001\.json$/],
  )
  t.equal(
    (await createManifests(lake, log).newest(definition, T0, T0 + GRAIN)).manifests.get(T0)?.runId,
    'run-1',
  )
})

test('the newest generation of each window is found, over days, half-open', async (t) => {
  const manifests = createManifests(memoryLake(), log)
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
    [...(await manifests.newest(definition, fromMs, toMs)).manifests].map(([startMs, { generation }]) => [
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
    (await manifests.newest({ ...definition, maxValues: 1 }, T0, T0 + DAY)).manifests,
    new Map(),
    'of another definition',
  )
})

test('a manifest is read once: it never changes', async (t) => {
  const lake = memoryLake()
  const manifests = createManifests(lake, log)
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
  t.equal((await manifests.newest(minutely, T0, T0 + 2_049 * 60_000)).manifests.size, 2_049)
  await manifests.newest(definition, T0, T0 + GRAIN)
  t.equal(reads, 1 + 2_049 + 1, 'the oldest made room for newer ones')
})

test('a manifest that cannot be read fails its window by name, and no other', async (t) => {
  const whole = JSON.stringify(manifest({ generation: 2 }))
  for (const [what, body, why, forGood] of [
    ['empty', '', /damaged/, true],
    ['cut off', whole.slice(0, whole.length / 2), /damaged/, true],
    ['bytes of something else', '\0\u0001\u0002', /damaged/, true],
    ['null', 'null', /damaged/, true],
    ['JSON of another kind', '{"version":1}', /damaged/, true],
    [
      'of a later version',
      JSON.stringify({ ...manifest(), version: 2 }),
      /version 2, and this Headgate knows version 1/,
      false,
    ],
    ['gone since it was listed', undefined, /not there/, false],
    [
      'no file',
      new AppError('lake_failed', 'Lake get failed: /a is a folder', {
        cause: Object.assign(new Error('/a is a folder'), { code: 'EISDIR' }),
      }),
      /cannot be read \(Lake get failed: \/a is a folder\): the next run computes its window again/,
      true,
    ],
    [
      'what the disk does not give back',
      new AppError('lake_failed', 'EIO'),
      /cannot be read \(EIO\): its window stays as it is .*`headgate aggregate` over its time/,
      false,
    ],
  ] as const) {
    const lines: string[] = []
    const { log: telling } = createTelemetry('error', { write: (line) => lines.push(line) })
    const lake = memoryLake()
    const manifests = createManifests(lake, telling)
    await manifests.commit(definition, manifest())
    await manifests.commit(definition, manifest({ fromMs: T0 - GRAIN }))
    await manifests.commit(definition, manifest({ generation: 2, runId: 'run-2' }))
    const [damagedKey = ''] = [...lake.objects.keys()].filter((key) => key.includes('gen-000002'))
    const { get } = lake
    lake.get = async (key) => {
      if (key !== damagedKey) return get(key)
      if (body instanceof AppError) throw body
      return body === undefined ? undefined : Buffer.from(body)
    }
    for (const look of ['first', 'second']) {
      const found = await manifests.newest(definition, T0 - DAY, T0 + DAY)
      t.same([...found.manifests.keys()].sort(), [T0 - GRAIN, T0], `${what}, ${look} look: the rest is there`)
      t.equal(found.manifests.get(T0)?.runId, 'run-1', 'and so is the generation before')
      t.match([...found.damaged], [[T0, { key: damagedKey, generation: 2, message: why, forGood }]], what)
    }
    t.equal(lines.length, 1, 'told of once')
    t.match(lines[0], damagedKey)
  }
})

for (const [what, bytes] of Object.entries(HUGE_BYTES)) {
  test(`${what} in the place of a manifest are damage of that one, and its window is computed again`, async (t) => {
    const root = t.testdir()
    const manifests = createManifests(fsLake(root), log)
    await manifests.commit(definition, manifest())
    await manifests.commit(definition, manifest({ generation: 2 }))
    await manifests.commit(definition, manifest({ fromMs: T0 - GRAIN }))
    const key = manifestKey(windowKey(definition, T0), 2)
    putZeros(join(root, key), bytes)
    const found = await createManifests(fsLake(root), log).newest(definition, T0 - DAY, T0 + DAY)
    t.same([...found.manifests.keys()].sort(), [T0 - GRAIN, T0], 'the rest is there')
    t.match([...found.damaged], [[T0, { key, generation: 2, message: /is too large/, forGood: true }]])
  })
}

test('a window of which no manifest can be read has none', async (t) => {
  const lake = memoryLake()
  await createManifests(lake, log).commit(definition, manifest())
  lake.get = async () => Buffer.alloc(0)
  const { manifests, damaged } = await createManifests(lake, log).newest(definition, T0, T0 + GRAIN)
  t.same([manifests.size, damaged.get(T0)?.generation], [0, 1])
})

test('a failure that is none of the lake is not taken for damage', async (t) => {
  const lake = memoryLake()
  await createManifests(lake, log).commit(definition, manifest())
  lake.get = async () => {
    throw new RangeError('a mistake of ours')
  }
  await t.rejects(createManifests(lake, log).newest(definition, T0, T0 + GRAIN), RangeError)
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
  const kept = keptDefinition(definition)
  t.same(committedWindow(manifest({ definition: kept })).definition, kept)
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
  await createManifests(lake, log).commit(definition, manifest({ outputs }))
  nowMs += DAY
  await lake.put(`${window}run=busy/part-0.parquet`, Buffer.from('x'))
  t.equal(await sweepOutputs(lake, definition, { atWork: nobody, nowMs, log }), 0)
  t.equal(await sweepOutputs(lake, definition, { atWork: nobody, nowMs: nowMs + 1, log }), 1)
  t.same(
    (await lake.list('')).map(({ key }) => key.replace(window, '')),
    ['raw/gateway/x', 'gen-000001.json', 'run=busy/part-0.parquet', 'run=good/part-0.parquet'],
  )
})

test('of a window with a manifest that cannot be read everything stays', async (t) => {
  let nowMs = T0
  const lake = memoryLake(() => nowMs)
  const windowOf = (fromMs: number) => `${definitionPrefix(definition)}dt=2026-11-22/w=${fromMs}/`
  for (const fromMs of [T0, T0 - GRAIN])
    await lake.put(`${windowOf(fromMs)}run=a/part-0.parquet`, Buffer.from('x'))
  await lake.put(`${windowOf(T0)}gen-000001.json`, Buffer.from('{'))
  await lake.put(`${windowOf(T0)}note.txt`, Buffer.from('x'))
  nowMs += DAY + 1
  t.equal(await sweepOutputs(lake, definition, { atWork: nobody, nowMs, log }), 1)
  t.same(
    [...lake.objects.keys()].sort(),
    ['gen-000001.json', 'note.txt', 'run=a/part-0.parquet'].map((name) => `${windowOf(T0)}${name}`),
  )
})

const FIVE = GRAIN / 3
const grained = (grainMs: number): RollupDefinition => ({ ...definition, grainMs })
const withMore: RollupDefinition = { ...definition, maxValues: 7 }
type Committed = readonly [under: RollupDefinition, at: number, generation: number]

for (const [what, committed, counting] of [
  ['nothing', [], []],
  ['a window of its own', [[definition, 0, 1]], ['15m 0 1']],
  [
    'the newest, of whatever definition',
    [
      [definition, 0, 1],
      [withMore, 0, 2],
      [withMore, 0, 3],
      [definition, 1, 9],
    ],
    ['15m 0 3'],
  ],
  [
    'its own again, when the definition came back',
    [
      [definition, 0, 1],
      [withMore, 0, 2],
      [definition, 0, 3],
    ],
    ['15m 0 3'],
  ],
  [
    'a larger one, until newer ones hold all of its time',
    [
      [grained(4 * GRAIN), -3, 1],
      [definition, -3, 2],
      [definition, -2, 2],
      [definition, 0, 2],
    ],
    ['60m -3 1', '15m 0 2'],
  ],
  [
    'none that newer ones hold all the time of',
    [[grained(4 * GRAIN), -3, 1], ...[-3, -2, -1, 0].map((at): Committed => [definition, at, 2])],
    ['15m 0 2'],
  ],
  [
    'smaller ones, and not those beside it',
    [
      [grained(FIVE), -1 / 3, 1],
      [grained(FIVE), 0, 1],
      [grained(FIVE), 2 / 3, 4],
      [grained(FIVE), 1, 1],
    ],
    ['5m 0 1', '5m 0.67 4'],
  ],
  [
    'each of several that are equally new, as a store was lost in between',
    [
      [definition, 0, 1],
      [withMore, 0, 1],
    ],
    ['15m 0 1', '15m 0 1'],
  ],
] as const satisfies readonly (readonly [string, readonly Committed[], readonly string[]])[]) {
  test(`the time of a window is counted by: ${what}`, async (t) => {
    const manifests = createManifests(memoryLake(), log)
    for (const [under, at, generation] of committed) {
      const fromMs = T0 + at * GRAIN
      await manifests.commit(under, manifest({ fromMs, toMs: fromMs + under.grainMs, generation }))
    }
    const found = await manifests.counting('vitals', { fromMs: T0, toMs: T0 + GRAIN })
    const named = found.map(
      ({ fromMs, toMs, generation }) =>
        `${(toMs - fromMs) / 60_000}m ${Math.round(((fromMs - T0) / GRAIN) * 100) / 100} ${generation}`,
    )
    t.strictSame(new Set(named), new Set(counting))
    t.equal(named.length, counting.length)
    t.strictSame(await manifests.counting('others', { fromMs: T0, toMs: T0 + GRAIN }), [])
  })
}

test('of a window that counted and cannot be read the one before is taken, and it is told of once', async (t) => {
  const lines: string[] = []
  const telling = createTelemetry('error', { write: (line) => lines.push(line) }).log
  const lake = memoryLake()
  const manifests = createManifests(lake, telling)
  await manifests.commit(withMore, manifest())
  await lake.put(manifestKey(windowKey(withMore, T0), 2), Buffer.from('{'))
  await lake.put(manifestKey(windowKey(grained(4 * GRAIN), T0 - 3 * GRAIN), 1), Buffer.from('{'))
  for (const _ of [1, 2]) {
    const found = await manifests.counting('vitals', { fromMs: T0, toMs: T0 + GRAIN })
    t.match(found, [{ generation: 1 }])
    t.equal(found.length, 1)
  }
  t.equal(lines.length, 2)
  t.match(lines[0], /nobody knows what its window was counted from/)
})
