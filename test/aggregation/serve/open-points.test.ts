import { test } from 'tap'
import type { Static } from 'typebox'
import type { SeriesAnswer } from '../../../src/aggregation/serve/api/query-answers.ts'
import type { SeriesQuery } from '../../../src/aggregation/serve/series.ts'
import {
  all,
  HOUR,
  lastHour,
  noon,
  QUARTER,
  quarterly,
  queriesHere,
} from '../../fakes/aggregation/queries.ts'
import { committed, memoryStore, rollupRow } from '../../fakes/aggregation/store.ts'
import { fakeClock } from '../../fakes/clock.ts'

const now = noon + 600_000

/** At ten past twelve: quarters of an hour until noon are committed, and the next one is open. */
async function openAtNoon({ isCommitted = true, generation = now } = {}) {
  const store = memoryStore()
  const openStore = memoryStore()
  const ports = { store, openStore, definitions: [quarterly], clock: fakeClock(now) }
  const queries = queriesHere(ports)
  if (isCommitted) {
    await store.fill(committed(noon - 2 * QUARTER), [
      rollupRow({}, [100, 200]),
      rollupRow({ set: 'route', value: '/a' }, [100, 200]),
    ])
    await store.fill(committed(noon - QUARTER), [
      rollupRow({}, [300]),
      rollupRow({ set: 'route', value: '/a' }, [300]),
    ])
  }
  const open = { complete: false, generation }
  await openStore.fill(committed(noon, open), [
    rollupRow({}, [1_000, 3_000, 5_000]),
    rollupRow({ unit: 's' }, [1]),
    rollupRow({ set: 'route', value: '/b' }, [1_000]),
  ])
  const series = async (its: Partial<SeriesQuery> = {}): Promise<Static<typeof SeriesAnswer>> => {
    const query = { ...lastHour, toMs: noon + QUARTER, quantiles: [0.5], ...its }
    return JSON.parse((await queries.series(query, all)).text)
  }
  return { store, openStore, queries, series }
}

const told = ({ points }: Static<typeof SeriesAnswer>) =>
  points.map(({ t, n, partial }) => [(t - noon) / QUARTER, n, ...(partial ? ['partial'] : [])])

test('a window that is open is told after those that are committed, and is in no total', async (t) => {
  const { series, queries } = await openAtNoon()
  const answer = await series()
  t.same(told(answer), [
    [-2, 2],
    [-1, 1],
    [0, 3, 'partial'],
  ])
  t.match(answer, { total: { n: 3, max: 300 }, completeness: { windows: 2 }, unit: 'ms' })
  t.match(answer.points.at(-1), { min: 1_000, max: 5_000, avg: 3_000 })
  t.same(told(await series({ toMs: noon })), told(answer).slice(0, 2), 'not of a range before it')
  t.equal((await series({ toMs: noon })).dataGen, answer.dataGen, 'the rows that count are the same')
  const histogram = await queries.histogram(
    { ...lastHour, toMs: noon + QUARTER, unit: 'ms', format: 'json' },
    all,
  )
  t.match(JSON.parse(histogram.text), { rows: 3 }, 'no other answer has it')
})

test('the point of a longer step is of all that has come of it', async (t) => {
  const { store, series } = await openAtNoon()
  t.same(told(await series({ step: 2 * HOUR, fromMs: noon - 2 * HOUR })), [
    [-8, 3],
    [0, 3, 'partial'],
  ])
  const day = await series({ step: 'day', fromMs: noon - HOUR })
  t.same(told(day), [[-48, 6, 'partial']])
  t.match(day, { total: { n: 3 } })

  await store.fill(committed(noon, { complete: false }), [rollupRow({}, [50])])
  const asked = await series()
  t.same(told(asked).slice(2), [[0, 3, 'partial']], 'what was committed of a window that is open is older')
  t.match(asked, { total: { n: 4 } })
  const four = [rollupRow({}, [50, 60, 70, 80])]
  await store.fill(committed(noon, { complete: false, generation: 2 }), four)
  t.same(told(await series()).slice(2), [[0, 4]], 'or newer, where it has more')
  await store.fill(committed(noon, { generation: 3 }), [rollupRow({}, [50, 60])])
  t.same(told(await series()).slice(2), [[0, 2]], 'and in the end it is what counts')
})

for (const [what, its, points, notices] of [
  [
    'the values that are asked for',
    { set: 'route', values: ['/a'] },
    [
      [-2, 2],
      [-1, 1],
    ],
    undefined,
  ],
  ['values that are only there', { set: 'route', values: ['/b'] }, [[0, 1, 'partial']], undefined],
  ['a unit', { unit: 's' }, [[0, 1, 'partial']], undefined],
  ['a unit that there is not', { unit: 'By' }, [], [/no rows in By|unit/]],
  ['another metric', { metric: 'checkout' }, [], [/checkout|metric/i]],
] as const) {
  test(`of an open window ${what} are told`, async (t) => {
    const { series } = await openAtNoon()
    const answer = await series(its)
    t.same(told(answer), points)
    t.match(answer.notices, notices)
  })
}

test('what is committed after a window that is open, and between two, is told beside it', async (t) => {
  const { store, openStore, series } = await openAtNoon()
  const at = (quarters: number) => noon + quarters * QUARTER
  for (const quarters of [0, 1, 3])
    await store.fill(committed(at(quarters), { complete: false }), [rollupRow({}, [50])])
  await openStore.fill(committed(at(2), { complete: false, generation: now }), [rollupRow({}, [60, 70])])
  t.same(told(await series({ toMs: at(4) })), [
    [-2, 2],
    [-1, 1],
    [0, 3, 'partial'],
    [1, 1],
    [2, 2, 'partial'],
    [3, 1],
  ])
  t.same(told(await series({ toMs: at(4), step: HOUR })), [
    [-4, 3],
    [0, 7, 'partial'],
  ])
})

test('what was computed long ago is told no more', async (t) => {
  for (const [generation, points] of [
    [now - 300_001, 2],
    [now - 300_000, 3],
  ] as const) {
    const { series } = await openAtNoon({ generation })
    t.equal((await series()).points.length, points)
  }
})

test('what has come is told before anything is committed', async (t) => {
  const { series } = await openAtNoon({ isCommitted: false })
  const answer = await series()
  t.same(told(answer), [[0, 3, 'partial']])
  t.match(answer, { total: null, unit: 'ms', notices: undefined })
})
