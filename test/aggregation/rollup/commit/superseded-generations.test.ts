import { test } from 'tap'
import type { Hold } from '../../../../src/aggregation/rollup/commit/hold-lease.ts'
import { removeSuperseded } from '../../../../src/aggregation/rollup/commit/superseded-generations.ts'
import type { RollupSpan } from '../../../../src/aggregation/rollup/stores/store.ts'
import { manifestKey, rollupWindowPrefix } from '../../../../src/lake/layout.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { memoryStore } from '../../../fakes/aggregation/store.ts'

const HOUR = 3_600_000
const QUARTER = 900_000
const T0 = Date.UTC(2026, 10, 22, 12)
const { signal } = new AbortController()

function scene() {
  const lake = memoryLake()
  const held: string[] = []
  const forgotten: RollupSpan[] = []
  const hold: Hold = async ({ name }, work) => {
    held.push(name)
    return work(signal, { name, token: 1n, renew: async () => true, release: async () => {} })
  }
  const store = memoryStore()
  const merged = { ...store.merged, forget: async (span: RollupSpan) => void forgotten.push(span) }
  const windowOf = (at: number, [rollup, hash, grain]: readonly [string, string, string]) =>
    ({ rollup, hash, grain, windowFromMs: T0 + at * QUARTER }) as const
  async function commit(window: ReturnType<typeof windowOf>, generation: number, runId: string) {
    const output = `${rollupWindowPrefix(window)}run=${runId}.x/rows.parquet`
    const fromMs = window.windowFromMs
    const counts = { negative: 0, outOfRange: 0, notANumber: 0, late: 0 }
    const manifest = {
      ...{ version: 1, rollup: window.rollup, fromMs, toMs: fromMs + QUARTER, generation, runId },
      ...{ complete: true, inputs: { keys: [], rows: 0 }, counts, outputs: [{ key: output }] },
      ...{ contentHash: '', rows: 0, createdMs: 0 },
    }
    await lake.put(output, Buffer.from('rows'))
    await lake.put(manifestKey(window, generation), Buffer.from(JSON.stringify(manifest)))
  }
  const remove = (minutes: readonly number[], runs: readonly string[]) =>
    removeSuperseded({ minutes, runs }, { lake, stores: [{ merged }], hold, runId: 'erasure', signal })
  /** Below the folder of each window. */
  const names = async () =>
    (await lake.keys('rollups/')).map((key) => key.replace(/^rollups\/|dt=[^/]+\//g, ''))
  return { lake, held, forgotten, windowOf, commit, remove, names }
}

const NOW = ['web', 'new', '15m'] as const
const HOURS = ['web', 'old', '60m'] as const

test('of a window that was computed anew nothing stays but what came of that, and since', async (t) => {
  const { lake, held, forgotten, windowOf, commit, remove, names } = scene()
  const window = windowOf(0, NOW)
  for (const [at, run] of ['first', 'second', 'anew', 'since'].entries()) await commit(window, at + 1, run)
  await lake.put(`${rollupWindowPrefix(window)}run=died.x/rows.parquet`, Buffer.from('rows'))
  await commit(windowOf(1, NOW), 1, 'first')
  t.same(await remove([T0 + 60_000, T0 + 2 * 60_000], ['other', 'anew']), [])
  const kept = [
    ...['gen-000003.json', 'gen-000004.json'].map((name) => `web/new/15m/w=${T0}/${name}`),
    ...['anew', 'since'].map((run) => `web/new/15m/w=${T0}/run=${run}.x/rows.parquet`),
    `web/new/15m/w=${T0 + QUARTER}/gen-000001.json`,
    `web/new/15m/w=${T0 + QUARTER}/run=first.x/rows.parquet`,
  ]
  t.same(await names(), kept)
  t.same(held, [`web.new.${T0}`])
  t.same(forgotten, [{ rollup: 'web', fromMs: T0, toMs: T0 + HOUR }])
  t.same(await remove([T0 + 60_000], ['anew']), [], 'as often as it is asked')
  t.same(await names(), kept)
})

test('windows of another definition go when others hold all of their time', async (t) => {
  const { windowOf, commit, remove, names } = scene()
  await commit(windowOf(0, HOURS), 1, 'first')
  await commit(windowOf(0, ['web', 'older', '15m']), 2, 'first')
  for (const at of [0, 1, 2, 3]) await commit(windowOf(at, NOW), 3, 'anew')
  t.same(await remove([T0], ['anew']), [])
  t.same(
    (await names()).filter((name) => !name.startsWith('web/new/')),
    [],
  )
})

test('a window that counts and that nothing computed anew stays, and is told', async (t) => {
  for (const [what, prepare] of [
    [
      'of a rollup that nobody configures',
      ({ commit, windowOf }) => commit(windowOf(0, ['gone', 'h', '15m']), 1, 'a'),
    ],
    ['that is larger than what was computed', ({ commit, windowOf }) => commit(windowOf(0, HOURS), 1, 'a')],
    [
      'whose newest manifest cannot be read',
      async ({ lake, commit, windowOf }) => {
        await commit(windowOf(0, NOW), 1, 'anew')
        await lake.put(manifestKey(windowOf(0, NOW), 2), Buffer.from('{'))
      },
    ],
  ] as readonly [string, (here: ReturnType<typeof scene>) => Promise<void>][]) {
    const here = scene()
    await prepare(here)
    const before = await here.names()
    const left = await here.remove([T0], ['anew'])
    t.match(left, [{ key: /^rollups\/.*\/$/, why: /^it counts, and no run computed it anew/ }], what)
    t.equal(left.length, 1)
    t.same(await here.names(), before, what)
  }
})

test('what an attempt left of a window that nobody ever committed goes', async (t) => {
  const { lake, windowOf, remove, names } = scene()
  await lake.put(`${rollupWindowPrefix(windowOf(0, NOW))}run=died.x/rows.parquet`, Buffer.from('rows'))
  t.same(await remove([T0], []), [])
  t.same(await names(), [])
})
