import type { Test } from 'tap'
import type { MergedWindow, RollupRow, RollupStore } from '../../src/aggregation/rollup/stores/store.ts'
import { chunks, gathered, rollupRowOf } from '../fakes/aggregation/store.ts'
import { committed, row } from './store.ts'

const GRAIN_MS = 900_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const DAY = Date.UTC(2026, 10, 22)
const ALWAYS = [{ fromMs: 0, toMs: 2 * DAY }]

const span = (fromMs: number, lengthMs: number) => ({ rollup: 'vitals', fromMs, toMs: fromMs + lengthMs })
const hour = (i: number) => span(DAY + i * HOUR_MS, HOUR_MS)
const quarter = (i: number, generation = 1) => committed({ fromMs: DAY + i * GRAIN_MS, generation })

const merged = (of: ReturnType<typeof span>, generation = 1): MergedWindow => ({
  ...committed({ ...of, generation }),
  merged: { digest: `of-${generation}`, windows: 4, firstMs: of.fromMs, heldMs: of.toMs - of.fromMs },
})

/** Rows that say where they are from, by their count. */
const counting = (n: number): RollupRow[] => [
  row({ n: BigInt(n) }),
  row({ set: 'route', value: '/a', n: 1n }),
]

const put = (store: RollupStore, window: MergedWindow, rows: readonly RollupRow[]) =>
  store.merged.put(window, { rows: chunks(rows), finish: async () => window })

/** What every store must do with windows that are sums of others. */
export function mergedContract(t: Test, name: string, fresh: (t: Test) => () => RollupStore): void {
  const check = (what: string, body: (t: Test, open: () => RollupStore) => Promise<void>) =>
    t.test(`${name}: ${what}`, (t) => body(t, fresh(t)))
  const request = { ...{ rollup: 'vitals', app: 'shop', metric: 'lcp', unit: 'ms', set: 'app' } }
  const range = { fromMs: DAY, toMs: DAY + DAY_MS }

  /** Eight quarters, counting from 1; their first hour counts 100, and the day 1000. */
  async function filled(open: () => RollupStore) {
    const store = open()
    for (let i = 0; i < 8; i++) await store.publish(quarter(i), chunks(counting(i + 1)))
    t.equal(await put(store, merged(hour(0)), counting(100)), 'published')
    t.equal(await put(store, merged(span(DAY, DAY_MS)), counting(1_000)), 'published')
    return open()
  }
  const counts = async (
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

  check(
    'merged windows count where they lie in one of the spans, and only when asked for',
    async (t, open) => {
      const store = await filled(open)
      const quarters = [1, 2, 3, 4, 5, 6, 7, 8]
      for (const [what, within, expected] of [
        ['unasked', undefined, quarters],
        ['in none', [], quarters],
        ['in one before it', [span(DAY - HOUR_MS, HOUR_MS)], quarters],
        ['in spans that are shorter', [{ fromMs: DAY, toMs: DAY + HOUR_MS - 1 }], quarters],
        ['in one that begins within', [{ fromMs: DAY + 1, toMs: DAY + 2 * HOUR_MS }], quarters],
        ['an hour', [hour(0), hour(1)], [100, 5, 6, 7, 8]],
        ['an hour in a longer span', [span(DAY - HOUR_MS, 3 * HOUR_MS)], [100, 5, 6, 7, 8]],
        ['a day', [span(DAY, DAY_MS)], [1_000]],
        ['a day in a longer span', ALWAYS, [1_000]],
      ] as const)
        t.same(await counts(store, within && [...within]), expected, what)
      t.same(
        await counts(store, ALWAYS, { fromMs: DAY, toMs: DAY + DAY_MS - 1 }),
        [100, 5, 6, 7, 8],
        'not beyond the range',
      )
      t.same(await counts(store, ALWAYS, { fromMs: DAY + GRAIN_MS, toMs: DAY + HOUR_MS }), [2, 3, 4])
      t.same(
        await counts(store, ALWAYS, { fromMs: DAY - 40 * DAY_MS, toMs: DAY + DAY_MS }),
        [1_000],
        'of a long range',
      )
      t.equal(
        (await store.windows('vitals', DAY, DAY + DAY_MS)).length,
        8,
        'they are windows of no other question',
      )
      t.equal((await store.held('vitals', DAY, DAY + DAY_MS)).length, 8)
    },
  )

  check('merged windows are told by their length', async (t, open) => {
    const store = await filled(open)
    t.same(await store.merged.windows({ rollup: 'vitals', ...range }, HOUR_MS), [merged(hour(0))])
    t.same(await store.merged.windows({ rollup: 'vitals', ...range }, DAY_MS), [merged(span(DAY, DAY_MS))])
    t.same(await store.merged.windows(hour(1), HOUR_MS), [])
    await store.publish(quarter(200), chunks([]))
    t.same(await store.merged.days('vitals'), [DAY, DAY + 2 * DAY_MS])
    t.same(await store.merged.days('other'), [])
  })

  check(
    'a window that is published takes those away that hold its time, whatever its rows',
    async (t, open) => {
      const store = await filled(open)
      await store.publish(quarter(6, 2), chunks(counting(7)))
      t.same(await counts(store, ALWAYS), [100, 5, 6, 7, 8], 'the day, and not the other hour')
      await store.publish(quarter(6, 1), chunks(counting(7)))
      t.same(await counts(store, ALWAYS), [100, 5, 6, 7, 8], 'an older one changes nothing')
      await store.publish(quarter(3, 2), chunks(counting(9)))
      t.same(await counts(store, ALWAYS), [1, 2, 3, 9, 5, 6, 7, 8])
    },
  )

  check('one is replaced by a newer generation alone, and removed', async (t, open) => {
    const store = await filled(open)
    t.equal(await put(store, merged(hour(0), 2), counting(200)), 'published')
    t.equal(await put(store, merged(hour(0), 2), counting(300)), 'unchanged')
    t.equal(await put(store, merged(hour(0), 1), counting(300)), 'unchanged')
    t.same(await counts(store, [hour(0)]), [200, 5, 6, 7, 8])
    await store.merged.remove(hour(0))
    await store.merged.remove(hour(0))
    t.same(await counts(store, [hour(0)]), [1, 2, 3, 4, 5, 6, 7, 8])
  })

  check('where its end is not told, nothing changes', async (t, open) => {
    const store = await filled(open)
    const finish = async () => {
      throw new Error('it is not to be')
    }
    const content = { rows: chunks(counting(200)), finish }
    await t.rejects(store.merged.put(hour(0), content), { message: 'it is not to be' })
    t.same(await counts(store, [hour(0)]), [100, 5, 6, 7, 8])
    t.same(await store.merged.windows(hour(0), HOUR_MS), [merged(hour(0))])
  })

  check('all rows of a window are read back in their order, as they were written', async (t, open) => {
    const store = open()
    const long = Array.from({ length: 300 }, (_, i) => `${i}:1000`).join(',')
    const names = [
      '"',
      '\u0000',
      '\n',
      'ß',
      '\uffee',
      '😀',
      ...Array.from({ length: 300 }, (_, i) => `/r${i}`),
    ]
    const rows = ['a', 'b"', 'c\u0000', 'd\n'].flatMap((app) => [
      row({ app }),
      ...[...names].sort(byBytes).map((value) => row({ app, set: 'route', value, histogram: long })),
    ])
    const many = Array.from({ length: 1_500 }, (_, i) =>
      row({ app: 'e', metric: `m${1_000 + i}`.padEnd(40, 'x') }),
    )
    await store.publish(quarter(0), chunks([...rows, ...many]))
    const read = await gathered(open().merged.rowsOf(quarter(0)))
    t.same(read.map(rollupRowOf), [...rows, ...many])
    t.same(read, await gathered(chunks([...rows, ...many])))
    await store.publish(quarter(1), chunks())
    t.same(await gathered(store.merged.rowsOf(quarter(1))), [])
  })

  check(
    'a window that was replaced is not read for the one before, nor one that has gone',
    async (t, open) => {
      const store = await filled(open)
      await store.publish(quarter(0, 2), chunks(counting(9)))
      await t.rejects(gathered(store.merged.rowsOf(quarter(0, 1))), { code: 'run_conflict' })
      await t.rejects(gathered(store.merged.rowsOf(quarter(50))))
      const stopped = AbortSignal.abort(new Error('stopped'))
      await t.rejects(gathered(store.merged.rowsOf(quarter(0, 2), stopped)), { message: 'stopped' })
    },
  )

  check('where a merged window lacks a set, its windows tell which of them do', async (t, open) => {
    const store = await filled(open)
    await put(store, merged(hour(1)), [row()])
    const asked = { ...request, ...range, mergedWithin: [hour(1)], set: 'route' }
    t.equal((await store.contents(asked)).length, 8)
    t.equal((await store.contents({ ...asked, set: 'app' })).length, 5)
  })

  check('more windows than may be read end the question', async (t, open) => {
    const store = await filled(open)
    const asked = { ...request, ...range, mergedWithin: [hour(0)] }
    t.equal((await store.contents({ ...asked, mostWindows: 5 })).length, 5)
    await t.rejects(store.contents({ ...asked, mostWindows: 4 }), {
      code: 'query_too_large',
      message: /more than 4 windows that are not merged/,
    })
  })
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
