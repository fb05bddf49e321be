import { test } from 'tap'
import { contentOf } from '../../../../src/aggregation/rollup/commit/content-hash.ts'
import { summedCounts } from '../../../../src/aggregation/rollup/engines/engine.ts'
import { mergeRows } from '../../../../src/aggregation/rollup/merge/merge-rows.ts'
import type { RollupDefinition } from '../../../../src/aggregation/rollup/model/definition.ts'
import type { RollupRow } from '../../../../src/aggregation/rollup/stores/store.ts'
import { oracle } from '../../../contracts/rollup-oracle.ts'
import { row } from '../../../contracts/store.ts'
import { chunks, gathered, rollupRowOf } from '../../../fakes/aggregation/store.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'
import { NOON, type StoredEvent, storedEvent } from '../../../fakes/events.ts'

const MINUTE_MS = 60_000
const GRAIN_MS = 15 * MINUTE_MS
const never = new AbortController().signal
/** So few that every window has others beyond the limits, and others in each. */
const definition: RollupDefinition = {
  id: 'few',
  grainMs: GRAIN_MS,
  sets: [
    { name: 'app', dimensions: [] },
    { name: 'route', dimensions: ['page_route'] },
    { name: 'route-device', dimensions: ['page_route', 'device_type'] },
  ],
  bots: 'exclude',
  maxMetrics: 3,
  maxValues: 4,
}

function events(seed: number, many: number): readonly StoredEvent[] {
  const entropy = seededEntropy(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(entropy.uniform() ** 2 * from.length)] as T
  const names = ['lcp', 'cls', 'inp', 'a\u0000', 'a', 'b"', 'é', '\uffee', '😀']
  return Array.from({ length: many }, (_, i) => {
    const eventTime = NOON + Math.floor(entropy.uniform() * 8 * GRAIN_MS)
    return storedEvent({
      ...{
        event_id: `e-${i}`,
        event_time: eventTime,
        received_time: eventTime + 200_000 * entropy.uniform(),
      },
      ...{
        app_id: pick(['shop', 'blog\u0000', 'blog']),
        name: pick(names),
        unit: pick(['ms', 's', 'frames']),
      },
      ...{
        page_route: pick(names.map((name) => `/${name}`)),
        device_type: pick(['mobile', 'bot', 'desktop']),
      },
      value: pick([0, 1e-7, 12.345678, 1e12, 1e3 * entropy.uniform(), -1]),
      weight: pick([1, 0.0001, 1e6, 10 * entropy.uniform()]),
    })
  })
}

const windows = (all: readonly StoredEvent[]) =>
  Array.from({ length: 8 }, (_, i) => {
    const fromMs = NOON + i * GRAIN_MS
    return oracle(all, { definition, fromMs, toMs: fromMs + GRAIN_MS, lateAfterMs: fromMs + GRAIN_MS })
  })

const mergedOf = (parts: readonly (readonly RollupRow[])[]) =>
  mergeRows(
    parts.map((rows, at) => chunks(rows.slice(0, at), [], rows.slice(at))),
    never,
  )

const merge = async (parts: readonly (readonly RollupRow[])[]) =>
  (await gathered(mergedOf(parts))).map(rollupRowOf)

/** By name, in arithmetic of its own. */
function summed(rows: readonly RollupRow[], of: (row: RollupRow) => readonly string[]) {
  const sums = new Map<string, { numbers: (number | bigint)[]; buckets: Map<string, bigint> }>()
  for (const each of rows) {
    const { n, rows: many, sum, squares, minMicros, maxMicros, histogram } = each
    const key = JSON.stringify(of(each))
    const { numbers, buckets } = sums.get(key) ?? {
      numbers: [0n, 0, 0n, 0n, 10n ** 30n, 0n],
      buckets: new Map(),
    }
    const [a, b, c, d, least, most] = numbers as [bigint, number, bigint, bigint, bigint, bigint]
    const bounds = [[least, minMicros].sort(byValue)[0] ?? 0n, [most, maxMicros].sort(byValue)[1] ?? 0n]
    for (const bucket of histogram.split(',')) {
      const [index = '', weight = ''] = bucket.split(':')
      buckets.set(index, (buckets.get(index) ?? 0n) + BigInt(weight))
    }
    sums.set(key, { numbers: [a + n, b + many, c + sum, d + squares, ...bounds], buckets })
  }
  return new Map([...sums].sort().map(([key, { numbers, buckets }]) => [key, [numbers, [...buckets].sort()]]))
}

const byValue = (a: bigint, b: bigint) => Number(a - b)

const namesOf = ({ app, metric, unit, set, value }: RollupRow) => [app, metric, unit, set, value]

test('rows of windows add up by name, exactly, and stay in order', async (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const parts = windows(events(seed, 400)).map(({ rows }) => rows)
    const found = await merge(parts)
    t.same(summed(found, namesOf), summed(parts.flat(), namesOf), `seed ${seed}`)
    t.equal(new Set(found.map((each) => JSON.stringify(namesOf(each)))).size, found.length)
    const inOrder = [...found].sort((a, b) => {
      const orders = namesOf(a).map((name, at) =>
        Buffer.compare(Buffer.from(name), Buffer.from(namesOf(b)[at] ?? '')),
      )
      return orders.find((order) => order !== 0) ?? 0
    })
    t.same(found.map(namesOf), inOrder.map(namesOf))
    t.ok(found.some(({ value }) => value === '~other') && found.some(({ metric }) => metric === '~other'))
  }
})

test('each set of the sum counts every event once, as those of its windows do', async (t) => {
  const all = events(7, 2_000)
  const parts = windows(all)
  const found = await merge(parts.map(({ rows }) => rows))
  const ofMetric = ({ app, metric, unit }: RollupRow) => [app, metric, unit]
  const setSums = definition.sets.map(({ name }) =>
    summed(
      found.filter(({ set }) => set === name),
      ofMetric,
    ),
  )
  for (const sums of setSums) t.same(sums, setSums[0])
  const counts = summedCounts(parts.map((part) => part.counts))
  const kept = all.filter(({ value, device_type: device }) => Number(value) >= 0 && device !== 'bot')
  t.equal(counts.kept, kept.length)
  t.equal(
    counts.bots,
    all.filter(({ value, device_type: device }) => Number(value) >= 0 && device === 'bot').length,
  )
  t.equal(counts.negative, all.filter(({ value }) => Number(value) < 0).length)
  const ofApp = found.filter(({ set }) => set === 'app')
  t.equal(
    ofApp.reduce((sum, { rows }) => sum + rows, 0),
    kept.length,
  )
  const micros = (value: number) => BigInt(Math.floor(value * 1e6 + 0.5))
  const weight = (of: number) => BigInt(Math.max(1, Math.floor(of * 1_000 + 0.5)))
  t.equal(
    ofApp.reduce((sum, each) => sum + each.sum, 0n),
    kept.reduce((sum, each) => sum + micros(Number(each.value)) * weight(Number(each.weight)), 0n),
    'the sum of all events, to the last digit',
  )
})

test('the hash of a sum is the same however it was merged', async (t) => {
  const parts = windows(events(3, 600)).map(({ rows }) => rows)
  const hashOf = async (of: readonly (readonly RollupRow[])[]) => (await contentOf(mergedOf(of))).hash
  const whole = await hashOf(parts)
  t.equal(await hashOf([...parts].reverse()), whole)
  t.equal(await hashOf([await merge(parts.slice(0, 4)), await merge(parts.slice(4))]), whole)
  t.equal(await hashOf([await merge(parts)]), whole)
  t.equal(await hashOf([[], ...parts, []]), whole)
  t.same(await merge([]), [])
  t.same(await merge([[], []]), [])
})

test('rows that are not in order are never added up, and a merge that breaks off lets go of its windows', async (t) => {
  for (const rows of [
    [row({ set: 'route', value: '/b' }), row({ set: 'route', value: '/a' })],
    [row({ metric: 'b' }), row({ metric: 'a' })],
    [row(), row()],
  ])
    await t.rejects(merge([rows]), { code: 'internal', message: /not in order/ })
  let open = 0
  async function* endless() {
    open += 1
    try {
      for (let i = 0; ; i++) yield await gathered(chunks([row({ metric: `m${String(i).padStart(9, '0')}` })]))
    } finally {
      open -= 1
    }
  }
  const gone = new AbortController()
  const taking = gathered(mergeRows([endless(), endless()], gone.signal))
  gone.abort(new Error('stopped'))
  await t.rejects(taking, { message: 'stopped' })
  t.equal(open, 0)
})
