import type { Test } from 'tap'
import type { RollupRow, RollupStore } from '../../src/aggregation/rollup/stores/store.ts'
import { chunks, gathered } from '../fakes/aggregation/store.ts'
import { committed, row } from './store.ts'

const GRAIN_MS = 900_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const DAY = Date.UTC(2026, 10, 22)
const ALWAYS = [{ fromMs: 0, toMs: 2 * DAY }]
const never = new AbortController().signal
const day = { rollup: 'vitals', fromMs: DAY, toMs: DAY + DAY_MS }
const definition = { sets: [['app', 'a1b2c3d4'] as const] }

const hour = (i: number) => ({ fromMs: DAY + i * HOUR_MS, toMs: DAY + (i + 1) * HOUR_MS })
const quarter = (i: number, generation = 1) =>
  committed({ fromMs: DAY + i * GRAIN_MS, generation, late: i, definition })

/** Rows that say where they are from, by their count. */
const counting = (n: number): RollupRow[] => [
  row({ n: BigInt(n) }),
  row({ set: 'route', value: '/a', n: 1n }),
]

/** What every store must do with days that are merged. */
export function mergedContract(t: Test, name: string, fresh: (t: Test) => () => RollupStore): void {
  const check = (what: string, body: (t: Test, open: () => RollupStore) => Promise<void>) =>
    t.test(`${name}: ${what}`, (t) => body(t, fresh(t)))
  const request = { ...{ rollup: 'vitals', app: 'shop', metric: 'lcp', unit: 'ms', set: 'app' } }
  const range = { fromMs: DAY, toMs: DAY + DAY_MS }

  /** Eight quarters, counting from 1. */
  async function filled(open: () => RollupStore) {
    const store = open()
    for (let i = 0; i < 8; i++) await store.publish(quarter(i), chunks(counting(i + 1)))
    return store
  }
  async function merged(open: () => RollupStore) {
    const store = await filled(open)
    t.equal(await store.merged.merge(day, never), 'merged')
    return open()
  }
  const counts = async (
    t: Test,
    store: RollupStore,
    mergedWithin?: { fromMs: number; toMs: number }[],
    { fromMs, toMs } = range,
  ) => {
    const rows = await gathered(store.series({ ...request, fromMs, toMs, mergedWithin }))
    const windows = await store.contents({ ...request, fromMs, toMs, mergedWithin })
    t.same(
      windows.map((window) => window.fromMs),
      rows.map(({ windowFromMs }) => windowFromMs),
    )
    return rows.map(({ n }) => Number(n))
  }

  check('windows of a day are added up where they lie in one of the spans', async (t, open) => {
    const store = await merged(open)
    const quarters = [1, 2, 3, 4, 5, 6, 7, 8]
    for (const [what, within, expected] of [
      ['unasked', undefined, quarters],
      ['in none', [], quarters],
      ['in one before it', [{ fromMs: DAY - HOUR_MS, toMs: DAY }], quarters],
      ['in spans that are shorter', [{ fromMs: DAY, toMs: DAY + HOUR_MS - 1 }], quarters],
      ['in one that begins within', [{ fromMs: DAY + 1, toMs: DAY + 2 * HOUR_MS }], [1, 2, 3, 4, 26]],
      ['an hour', [hour(0)], [10, 5, 6, 7, 8]],
      ['hours', [hour(0), hour(1)], [10, 26]],
      ['an hour in a longer span', [{ fromMs: DAY - HOUR_MS, toMs: DAY + HOUR_MS + 1 }], [10, 5, 6, 7, 8]],
      ['a day', [range], [36]],
      ['a day in a longer span', ALWAYS, [36]],
    ] as const)
      t.same(await counts(t, store, within && [...within]), expected, what)
    t.same(await counts(t, store, ALWAYS, { fromMs: DAY, toMs: DAY + DAY_MS - 1 }), [10, 26])
    t.same(await counts(t, store, ALWAYS, { fromMs: DAY + GRAIN_MS, toMs: DAY + HOUR_MS }), [2, 3, 4])
    t.same(await counts(t, store, ALWAYS, { fromMs: DAY - 40 * DAY_MS, toMs: DAY + DAY_MS }), [36])
    t.equal((await store.windows('vitals', DAY, DAY + DAY_MS)).length, 8, 'no other question knows of them')
    t.equal((await store.held('vitals', DAY, DAY + DAY_MS)).length, 8)
  })

  check('a sum tells of how many windows it is, since when and how long', async (t, open) => {
    const store = await merged(open)
    t.match(await store.contents({ ...request, ...range, mergedWithin: ALWAYS }), [
      {
        ...{ fromMs: DAY, toMs: DAY + DAY_MS, complete: true, late: 28, rejected: 0, definition },
        merged: { windows: { length: 8, 0: { fromMs: DAY } }, heldMs: 2 * HOUR_MS, isEmpty: false },
        units: [{ unit: 'ms', rows: 16 }],
        hasSet: true,
      },
    ])
    t.match(await store.contents({ ...request, metric: 'none', ...range, mergedWithin: ALWAYS }), [
      { units: [], hasSet: true },
    ])
  })

  check('a question that may read few windows is refused where more are not merged', async (t, open) => {
    const store = await filled(open)
    const few = { ...request, ...range, mergedWithin: ALWAYS, mostWindows: 7 }
    await t.rejects(store.contents(few), {
      code: 'query_too_large',
      message: /more than 7 windows that are not merged/,
    })
    await store.merged.merge(day, never)
    t.equal((await store.contents(few)).length, 1)
  })

  check('a sum counts no longer when one of its windows is another', async (t, open) => {
    const store = await merged(open)
    await open().publish(quarter(7, 2), chunks(counting(9)))
    t.same(await counts(t, store, ALWAYS), [1, 2, 3, 4, 5, 6, 7, 9])
    t.match(await store.merged.days('vitals'), [{ fromMs: DAY, isSettled: false }])
    t.equal(await store.merged.merge(day, never), 'merged')
    t.same(await counts(t, store, ALWAYS), [37])
    await store.merged.tidy('vitals')
    t.same(await counts(t, store, ALWAYS), [37])
    await store.publish(quarter(7, 1), chunks(counting(1)))
    t.same(await counts(t, store, ALWAYS), [37], 'one that is older changes nothing')
    await store.publish(quarter(9), chunks(counting(1)))
    t.same(await counts(t, store, ALWAYS), [1, 2, 3, 4, 5, 6, 7, 9, 1])
  })

  check('a day that is forgotten is read by its windows until it is merged again', async (t, open) => {
    const store = await merged(open)
    await store.merged.forget({ rollup: 'vitals', ...hour(1) })
    t.same(await counts(t, store, ALWAYS), [1, 2, 3, 4, 5, 6, 7, 8])
    t.match(await store.merged.days('vitals'), [{ ...day, isSettled: false }])
    t.equal(await store.merged.merge(day, never), 'merged')
    t.same(await counts(t, open(), ALWAYS), [36])
  })

  check('a day is settled when it is merged, or cannot be', async (t, open) => {
    const store = await filled(open)
    t.same(await store.merged.days('other'), [])
    t.match(await store.merged.days('vitals'), [{ ...day, isSettled: false }])
    await store.merged.merge(day, never)
    t.match(await store.merged.days('vitals'), [{ ...day, isSettled: true }])
    for (const [what, window] of [
      ['one that is not complete', { ...quarter(8), complete: false }],
      ['one of another definition', { ...quarter(8, 2), definition: { sets: [] } }],
      ['one that says nothing of it', committed({ fromMs: DAY + 8 * GRAIN_MS, generation: 3 })],
    ] as const) {
      await store.publish(window, chunks(counting(9)))
      t.match(await store.merged.days('vitals'), [{ isSettled: false }], what)
      t.equal(await store.merged.merge(day, never), 'unlike', what)
      t.match(await store.merged.days('vitals'), [{ isSettled: true }], what)
      t.equal(await store.merged.merge(day, never), 'unlike', what)
      t.same((await counts(t, store, ALWAYS)).length, 9, what)
    }
    t.equal(await store.merged.merge({ ...day, fromMs: 0, toMs: DAY_MS }, never), 'changed', 'there is none')
  })

  check('hours of windows that are as long are these', async (t, open) => {
    const store = open()
    for (const at of [0, 1, 5]) {
      const window = committed({ ...hour(at), definition })
      await store.publish(window, chunks(counting(at + 1)))
    }
    await store.merged.merge(day, never)
    t.same(await counts(t, store, [hour(0), hour(1), hour(5)]), [1, 2, 6])
    t.same(await counts(t, store, ALWAYS), [9])
  })

  check('whoever ends the work early leaves nothing', async (t, open) => {
    const store = await filled(open)
    await t.rejects(store.merged.merge(day, AbortSignal.abort(new Error('ended'))), { message: 'ended' })
    t.match(await store.merged.days('vitals'), [{ isSettled: false }])
  })
}
