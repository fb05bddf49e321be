import type { Test } from 'tap'
import type { CommittedWindow, RollupRow, RollupStore } from '../../src/aggregation/rollup/stores/store.ts'
import { chunks, gathered, writtenRow } from '../fakes/aggregation/store.ts'

const GRAIN_MS = 900_000
const T0 = Date.UTC(2026, 10, 22, 23, 30)

export const row = (over: Partial<RollupRow> = {}): RollupRow => ({
  app: 'shop',
  metric: 'lcp',
  unit: 'ms',
  set: 'app',
  value: '',
  n: 2_000n,
  rows: 2,
  sum: 3_000_000_000n,
  squares: 2_000_000n,
  minMicros: 1_000_000n,
  maxMicros: 2_000_000n,
  histogram: '0:1000,32:1000',
  ...over,
})

export const committed = (over: Partial<CommittedWindow> = {}): CommittedWindow => {
  const fromMs = over.fromMs ?? T0
  const generation = over.generation ?? 1
  return {
    rollup: 'vitals',
    fromMs,
    toMs: fromMs + GRAIN_MS,
    generation,
    contentHash: `hash-${generation}`,
    complete: true,
    late: 0,
    rejected: 0,
    ...over,
  }
}

/**
 * What every store of rollups must do, run against each adapter. `open` gives a handle to the same, at first empty,
 * store each time it is called within one test.
 */
export function storeContract(t: Test, name: string, fresh: (t: Test) => () => RollupStore): void {
  const series = {
    rollup: 'vitals',
    app: 'shop',
    metric: 'lcp',
    unit: 'ms',
    set: 'app',
    fromMs: T0,
    toMs: T0 + GRAIN_MS,
  }
  const routes = { ...series, set: 'route' }
  const check = (what: string, body: (t: Test, open: () => RollupStore) => Promise<void>) =>
    t.test(`${name}: ${what}`, (t) => body(t, fresh(t)))

  check('an empty store has nothing, and says so without an error', async (t, open) => {
    const store = open()
    t.same(await store.windows('vitals', 0, Number.MAX_SAFE_INTEGER), [])
    t.same(await gathered(store.series(series)), [])
    t.same(
      await store.metrics({ rollup: 'vitals', app: 'shop', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }),
      [],
    )
  })

  check(
    'whoever takes rows has those of before or those of after, whatever is published meanwhile',
    async (t, open) => {
      const hour = { ...series, fromMs: T0 - 1_800_000, toMs: T0 + 5_400_000 }
      for (const [generation, before, after] of [
        [1, every(15), [[0, 60]]],
        [3, [[0, 60]], every(5)],
        [5, every(5), [[0, 60]]],
      ] as const) {
        for (const each of before) await publishMinutes(open(), each, generation)
        const rows = open().series(hour)[Symbol.asyncIterator]()
        const first = await rows.next()
        for (const each of after) await publishMinutes(open(), each, generation + 1)
        const taken = [
          ...(first.done ? [] : first.value),
          ...(await gathered({ [Symbol.asyncIterator]: () => rows })),
        ]
        t.equal(
          taken.reduce((sum, { rows }) => sum + rows, 0),
          60,
          `${before.length} become ${after.length}`,
        )
      }
    },
  )

  check('what was published is read back by every handle, each row as it was', async (t, open) => {
    const rows = [row(), row({ set: 'route', value: '/a' }), row({ set: 'route', value: '/b' })]
    t.equal(await open().publish(committed(), chunks(rows.slice(0, 2), [], rows.slice(2))), 'published')
    t.same(await gathered(open().series(series)), [{ ...row(), windowFromMs: T0 }])
    t.same(await gathered(open().series(routes)), [
      { ...rows[1], windowFromMs: T0 },
      { ...rows[2], windowFromMs: T0 },
    ])
    t.same(await gathered(open().series({ ...routes, values: ['/b'] })), [{ ...rows[2], windowFromMs: T0 }])
    t.same(await gathered(open().series({ ...routes, values: ['/c'] })), [])
    t.same(await open().windows('vitals', T0, T0 + 1), [committed()])
  })

  check('rows of another unit are another series, told of beside the first', async (t, open) => {
    const own = [
      row(),
      row({ set: 'route', value: '/a' }),
      row({ unit: 's', n: 1n, rows: 7 }),
      row({ unit: 's', set: 'route', value: '/a', rows: 3 }),
      row({ unit: 's', set: 'route', value: '/b', rows: 4 }),
      row({ metric: 'pure', rows: 1 }),
    ]
    await open().publish(committed(), chunks(own))
    t.same(await gathered(open().series(series)), [{ ...own[0], windowFromMs: T0 }])
    t.same(await gathered(open().series({ ...series, unit: 's' })), [{ ...own[2], windowFromMs: T0 }])
    t.same(await gathered(open().series({ ...routes, unit: 's', values: ['/a'] })), [
      { ...own[3], windowFromMs: T0 },
    ])
    t.same((await gathered(open().series({ ...routes, unit: 's' }))).length, 2)
    t.same(await gathered(open().series({ ...series, unit: 'm' })), [], 'not those of one that it begins')
    const unitsOf = async (request: Parameters<RollupStore['contents']>[0]) =>
      (await open().contents(request)).flatMap(({ units }) => units.map(({ unit, rows }) => [unit, rows]))
    const both = [
      ['ms', 2],
      ['s', 7],
    ]
    t.same(await unitsOf(series), both)
    t.same(await unitsOf(routes), both)
    t.same(await unitsOf({ ...series, metric: 'pure' }), [['ms', 1]])
    t.same(
      new Map(
        (await open().metrics({ rollup: 'vitals', app: 'shop', fromMs: T0, toMs: T0 + 1 })).map(
          ({ metric, units }) => [metric, units],
        ),
      ),
      new Map([
        [
          'lcp',
          [
            { unit: 's', rows: 7 },
            { unit: 'ms', rows: 2 },
          ],
        ],
        ['pure', [{ unit: 'ms', rows: 1 }]],
      ]),
    )
  })

  check('an app, metric, set, value or rollup is never taken for one it begins with', async (t, open) => {
    const store = open()
    await store.publish(
      committed(),
      chunks([
        row({ app: 'shop' }),
        row({ app: 'shop', set: 'route', value: '/a' }),
        row({ app: 'shop', set: 'route', value: '/ab' }),
        row({ app: 'shop', metric: 'lcp2' }),
        row({ app: 'shop2' }),
      ]),
    )
    t.equal((await gathered(store.series(series))).length, 1)
    t.same(
      (await gathered(store.series({ ...routes, values: ['/a'] }))).map(({ value }) => value),
      ['/a'],
    )
    t.same(await gathered(store.series({ ...series, app: 'sho' })), [])
    t.same(await gathered(store.series({ ...series, metric: 'lc' })), [])
    t.same(await gathered(store.series({ ...series, set: 'ap' })), [])
    t.same(await gathered(store.series({ ...series, rollup: 'vital' })), [])
  })

  check('a new generation replaces the window: groups that are gone are gone', async (t, open) => {
    const store = open()
    await store.publish(
      committed(),
      chunks([row(), row({ set: 'route', value: '/a' }), row({ set: 'route', value: '/b' })]),
    )
    const second = committed({ generation: 2, late: 3, rejected: 4, complete: false })
    t.equal(
      await store.publish(second, chunks([row({ n: 5_000n }), row({ set: 'route', value: '/b' })])),
      'published',
    )
    t.same(
      (await gathered(store.series(series))).map(({ n }) => n),
      [5_000n],
    )
    t.same(
      (await gathered(store.series(routes))).map(({ value }) => value),
      ['/b'],
    )
    t.same(await store.windows('vitals', T0, T0 + 1), [second])
  })

  check('the content of a series is that of its own rows, wherever they lie', async (t, open) => {
    const store = open()
    const own = [row(), row({ set: 'route', value: '/a' }), row({ set: 'route', value: '/b' })]
    const range = { ...series, fromMs: T0 - 3_600_000, toMs: T0 + 3_600_000 }
    const contentsOf = async (set: string) => {
      const windows = await store.contents({ ...range, set })
      t.same(
        windows.map(({ units: _, hasSet: __, ...window }) => window),
        await store.windows('vitals', range.fromMs, range.toMs),
      )
      return windows.map(({ units }) => units.map(({ content }) => content).join())
    }
    t.same(await contentsOf('app'), [])
    await store.publish(committed(), chunks(own))
    const before = [...(await contentsOf('app')), ...(await contentsOf('route'))]
    t.equal(new Set(before).size, 2)
    t.same(await contentsOf('country'), [''])
    const others = [row({ app: 'blog' }), row({ app: 'blog', metric: 'x' }), row({ metric: 'a' }), ...own]
    await store.publish(committed({ generation: 2, late: 3 }), chunks([...others, row({ app: 'zoo' })]))
    t.same([...(await contentsOf('app')), ...(await contentsOf('route'))], before, 'others have changed')
    await store.publish(committed({ generation: 3 }), chunks(own.slice(0, 2)))
    t.equal((await contentsOf('app'))[0], before[0])
    t.not((await contentsOf('route'))[0], before[1], 'a value is gone')
    await store.publish(committed({ generation: 4 }), chunks([row({ n: 7n })]))
    t.not((await contentsOf('app'))[0], before[0], 'another count')
    t.same(await contentsOf('route'), [''])
  })

  check('a window has a set of a metric that counts every row of it', async (t, open) => {
    await open().publish(
      committed(),
      chunks([
        row({ metric: 'cls', set: 'route', value: '/a' }),
        row(),
        row({ set: 'country', value: 'DE', rows: 1 }),
        row({ set: 'route', value: '/a', rows: 1 }),
        row({ set: 'route', value: '/b', rows: 1 }),
      ]),
    )
    for (const [rule, its, hasSet] of [
      ['all in one value', {}, true],
      ['in several', { set: 'route' }, true],
      ['some', { set: 'country' }, false],
      ['none', { set: 'device' }, false],
      ['what others have of it is nothing to a metric', { metric: 'cls', set: 'app' }, false],
      ['of nothing, nothing is lacking', { metric: 'inp', set: 'device' }, true],
      ['of another app', { app: 'blog', set: 'device' }, true],
    ] as const)
      t.match(await open().contents({ ...series, ...its }), [{ hasSet }], rule)
  })

  check('an older or equal generation changes nothing', async (t, open) => {
    const store = open()
    await store.publish(committed({ generation: 3 }), chunks([row({ n: 3n })]))
    for (const generation of [1, 2, 3]) {
      t.equal(
        await store.publish(committed({ generation, contentHash: 'other' }), chunks([row()])),
        'unchanged',
      )
    }
    t.same(
      (await gathered(store.series(series))).map(({ n }) => n),
      [3n],
    )
    t.same(await store.windows('vitals', T0, T0 + 1), [committed({ generation: 3 })])
  })

  check(
    'the same content in a new generation changes no row, but what is known of the window',
    async (t, open) => {
      const store = open()
      await store.publish(committed({ complete: false, contentHash: 'same' }), chunks([row()]))
      const second = committed({ generation: 2, complete: true, contentHash: 'same' })
      t.equal(await store.publish(second, chunks([row()])), 'unchanged')
      t.same(await gathered(store.series(series)), [{ ...row(), windowFromMs: T0 }])
      t.same(await store.windows('vitals', T0, T0 + 1), [second])
    },
  )

  check('of publishes at the same time, the highest generation remains', async (t, open) => {
    const store = open()
    await Promise.all(
      [2, 4, 1, 3].map((generation) =>
        store.publish(committed({ generation }), chunks([row({ n: BigInt(generation) })])),
      ),
    )
    t.same(
      (await gathered(store.series(series))).map(({ n }) => n),
      [4n],
    )
  })

  check('a window without rows is a window, not a gap', async (t, open) => {
    const store = open()
    t.equal(await store.publish(committed(), chunks()), 'published')
    t.same(await store.windows('vitals', T0, T0 + 1), [committed()])
    t.same(await gathered(store.series(series)), [])
    t.same(await store.metrics({ rollup: 'vitals', app: 'shop', fromMs: T0, toMs: T0 + GRAIN_MS }), [])
  })

  check('a publish that breaks off leaves the old rows; the next one succeeds', async (t, open) => {
    async function* breaking() {
      yield [row({ n: 9n }), row({ set: 'route', value: '/x' })].map(writtenRow)
      throw new Error('the source broke')
    }
    await t.rejects(open().publish(committed(), breaking()), { message: 'the source broke' })
    t.same(await open().windows('vitals', T0, T0 + 1), [])
    await open().publish(committed(), chunks([row()]))
    await t.rejects(open().publish(committed({ generation: 2 }), breaking()), { message: 'the source broke' })
    t.same(await gathered(open().series(series)), [{ ...row(), windowFromMs: T0 }])
    t.same(await open().windows('vitals', T0, T0 + 1), [committed()])
    t.equal(await open().publish(committed({ generation: 2 }), chunks([row({ n: 2n })])), 'published')
    t.same(
      (await gathered(open().series(series))).map(({ n }) => n),
      [2n],
    )
  })

  check('hostile names and values, and sums of 38 digits, come back exactly', async (t, open) => {
    const store = open()
    const values = [
      '',
      ' ',
      '"',
      '","n":"1"',
      '../../etc/passwd',
      'DROP TABLE rollup;--',
      '[1,2]',
      '\\',
      '\n["shop","lcp"',
      '\n{"value":"x"',
      '\u0000',
      '\u2028',
      'ß',
      '中文',
      '\uffee',
      '\ufeff',
      '\ufeffß',
      '😀',
    ].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    const extremes = {
      sum: 99_999_999_999_999_999_999_999_999_999_999_999_999n,
      n: 9_007_199_254_740_993n,
      minMicros: 0n,
      maxMicros: 1_000_000_000_000_000n,
    }
    const group = { app: 'é"', metric: 'm\n', unit: '{µ","}\n', set: 'route' }
    const rows = values.map((value) => row({ ...group, value, ...extremes }))
    await store.publish(committed(), chunks(rows))
    const all = { ...series, ...group }
    t.same(
      await gathered(store.series(all)),
      rows.map((each) => ({ ...each, windowFromMs: T0 })),
    )
    for (const [i, value] of values.entries()) {
      t.same(
        await gathered(store.series({ ...all, values: [value] })),
        [{ ...row({ ...extremes, ...group, value }), windowFromMs: T0 }],
        `value ${i}`,
      )
    }
    t.same(await store.apps({ rollup: 'vitals', fromMs: T0, toMs: T0 + 1 }), ['é"'])
    t.same(await store.metrics({ rollup: 'vitals', app: 'é"', fromMs: T0, toMs: T0 + 1 }), [
      { metric: 'm\n', units: [{ unit: group.unit, rows: 2 * values.length }] },
    ])
  })

  check('ranges are half-open, in time order, and cross midnight', async (t, open) => {
    const store = open()
    const starts = [0, 1, 2, 3].map((i) => T0 + i * GRAIN_MS)
    for (const fromMs of [...starts].reverse()) {
      await store.publish(committed({ fromMs }), chunks([row({ n: BigInt(fromMs) })]))
    }
    await store.publish(committed({ rollup: 'other' }), chunks([row({ n: 1n })]))
    for (const [fromMs, toMs, expected] of [
      [T0, T0 + 4 * GRAIN_MS, starts],
      [T0 + 1, T0 + 4 * GRAIN_MS, starts.slice(1)],
      [T0, T0 + 3 * GRAIN_MS, starts.slice(0, 3)],
      [T0, T0 + 3 * GRAIN_MS + 1, starts],
      [T0 + GRAIN_MS, T0 + GRAIN_MS, []],
      [0, T0, []],
    ] as const) {
      t.same(
        (await store.windows('vitals', fromMs, toMs)).map((window) => window.fromMs),
        expected,
      )
      t.same(
        (await gathered(store.series({ ...series, fromMs, toMs }))).map(({ windowFromMs, n }) => [
          windowFromMs,
          n,
        ]),
        expected.map((startMs) => [startMs, BigInt(startMs)]),
      )
    }
  })

  check('apps are told once each, those with rows in the range', async (t, open) => {
    const store = open()
    const names = ['blog', 'shop', 'shop",b', 'shop2']
    const groups = names.flatMap((app) => [
      row({ app, metric: 'cls' }),
      row({ app }),
      row({ app, set: 'route' }),
    ])
    await store.publish(committed(), chunks(groups))
    await store.publish(committed({ fromMs: T0 + GRAIN_MS }), chunks([row(), row({ app: 'wiki' })]))
    await store.publish(committed({ rollup: 'other' }), chunks([row({ app: 'other' })]))
    for (const [what, fromMs, toMs, apps] of [
      ['one window', T0, T0 + 1, names],
      ['two', T0, T0 + 2 * GRAIN_MS, [...names, 'wiki']],
      ['none', 0, T0, []],
    ] as const)
      t.same([...(await store.apps({ rollup: 'vitals', fromMs, toMs }))].sort(), apps, what)
  })

  check(
    'metrics are told with the measured rows of each unit, most first, sets not added up',
    async (t, open) => {
      const store = open()
      await store.publish(
        committed(),
        chunks([
          row({ metric: 'cls', unit: '1', rows: 5 }),
          row({ metric: 'fid', rows: 8 }),
          row({ metric: 'lcp', rows: 4 }),
          row({ metric: 'lcp', set: 'country', value: 'CH', rows: 1 }),
          row({ metric: 'lcp', set: 'route', value: '/a', rows: 2 }),
          row({ metric: 'lcp', set: 'route', value: '/b', rows: 1 }),
        ]),
      )
      await store.publish(
        committed({ fromMs: T0 + GRAIN_MS }),
        chunks([row({ metric: 'lcp', unit: 's', rows: 3 }), row({ app: 'shop2', rows: 99 })]),
      )
      const told = async (toMs: number) => {
        const metrics = await store.metrics({ rollup: 'vitals', app: 'shop', fromMs: T0, toMs })
        return new Map(
          metrics.map(({ metric, units }) => [metric, units.map(({ unit, rows }) => [unit, rows])]),
        )
      }
      t.same(
        await told(T0 + 2 * GRAIN_MS),
        new Map([
          ['cls', [['1', 5]]],
          ['fid', [['ms', 8]]],
          [
            'lcp',
            [
              ['ms', 4],
              ['s', 3],
            ],
          ],
        ]),
      )
      t.same(
        await told(T0 + GRAIN_MS),
        new Map([
          ['cls', [['1', 5]]],
          ['fid', [['ms', 8]]],
          ['lcp', [['ms', 4]]],
        ]),
      )
    },
  )

  for (const { what, before, after, counted, held } of GRAIN_CHANGES) {
    check(`windows of two grains: ${what}`, async (t, open) => {
      for (const [i, minutes] of before.entries()) await publishMinutes(open(), minutes, i + 1)
      const all = { ...series, fromMs: HOUR, toMs: HOUR + HOUR_MS }
      for (const [i, minutes] of after.entries()) {
        await publishMinutes(open(), minutes, before.length + i + 1)
        const windows = await open().windows('vitals', HOUR, HOUR + HOUR_MS)
        t.same(windows.map(minutesOf), counted[i], `after ${i + 1} of them`)
        const rows = await gathered(open().series(all))
        t.same(
          rows.map(({ windowFromMs, rows }) => [windowFromMs, rows]),
          windows.map(({ fromMs, toMs }) => [fromMs, (toMs - fromMs) / MINUTE_MS]),
          'rows are of the windows that count',
        )
        t.match(
          await open().metrics({ rollup: 'vitals', app: 'shop', fromMs: HOUR, toMs: HOUR + HOUR_MS }),
          [{ units: [{ rows: (counted[i] ?? []).reduce((sum, [from, to]) => sum + to - from, 0) }] }],
          'and so are metrics',
        )
      }
      t.same((await open().held('vitals', HOUR, HOUR + HOUR_MS)).map(minutesOf), held, 'held in the end')
      t.same(await open().held('vitals', HOUR - HOUR_MS, HOUR), [], 'not before')
      t.same(await open().held('vitals', HOUR + HOUR_MS, HOUR + 2 * HOUR_MS), [], 'nor after')
    })
  }

  check('what is older than a window of another grain changes nothing', async (t, open) => {
    const store = open()
    await publishMinutes(store, [0, 60], 5)
    for (const generation of [4, 5]) t.equal(await publishMinutes(store, [15, 30], generation), 'unchanged')
    t.same((await store.held('vitals', HOUR, HOUR + HOUR_MS)).map(minutesOf), [[0, 60]])
    t.equal(await publishMinutes(store, [15, 30], 6), 'published')
    t.equal(await publishMinutes(store, [0, 60], 6), 'unchanged')
    t.same((await store.held('vitals', HOUR, HOUR + HOUR_MS)).map(minutesOf), [
      [0, 60],
      [15, 30],
    ])
  })

  check(
    'a range that begins within a window of another grain has those that start in it',
    async (t, open) => {
      const store = open()
      await publishMinutes(store, [0, 60], 1)
      await publishMinutes(store, [15, 30], 2)
      const part = { fromMs: HOUR + 15 * MINUTE_MS, toMs: HOUR + 30 * MINUTE_MS }
      t.same(
        await store.windows('vitals', part.fromMs, part.toMs),
        [],
        'the larger one counts, and starts before',
      )
      t.same(await gathered(store.series({ ...series, ...part })), [])
      t.same((await store.held('vitals', part.fromMs, part.toMs)).map(minutesOf), [
        [0, 60],
        [15, 30],
      ])
    },
  )
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const HOUR = T0 + HOUR_MS / 2

export type Minutes = readonly [number, number]
const minutesOf = ({ fromMs, toMs }: CommittedWindow): Minutes => [
  (fromMs - HOUR) / MINUTE_MS,
  (toMs - HOUR) / MINUTE_MS,
]

/** A window of these minutes of the hour, with a measured row for each minute. */
export function publishMinutes(store: RollupStore, [from, to]: Minutes, generation: number) {
  const span = { fromMs: HOUR + from * MINUTE_MS, toMs: HOUR + to * MINUTE_MS }
  return store.publish(committed({ ...span, generation }), chunks([row({ rows: to - from })]))
}

const every = (minutes: number, from = 0, to = 60): readonly Minutes[] =>
  Array.from({ length: (to - from) / minutes }, (_, i) => [from + i * minutes, from + (i + 1) * minutes])

interface GrainChange {
  readonly what: string
  readonly before: readonly Minutes[]
  readonly after: readonly Minutes[]
  /** Windows that count after each of `after`. */
  readonly counted: readonly (readonly Minutes[])[]
  readonly held: readonly Minutes[]
}

/** Windows by their minutes; each is of a newer generation than the one before. */
const GRAIN_CHANGES: readonly GrainChange[] = [
  {
    what: 'a larger one replaces all that it holds',
    before: every(15),
    after: [[0, 60]],
    counted: [[[0, 60]]],
    held: [[0, 60]],
  },
  {
    what: 'a larger one replaces those that it holds, and no others',
    before: every(5),
    after: [
      [15, 30],
      [0, 15],
    ],
    counted: [
      [...every(5, 0, 15), [15, 30], ...every(5, 30)],
      [...every(15, 0, 30), ...every(5, 30)],
    ],
    held: [...every(15, 0, 30), ...every(5, 30)],
  },
  {
    what: 'a larger one replaces the few that are there',
    before: [[30, 45]],
    after: [[0, 60]],
    counted: [[[0, 60]]],
    held: [[0, 60]],
  },
  {
    what: 'smaller ones count when they are all there, the first one last',
    before: [[0, 60]],
    after: [...every(15, 15), [0, 15]],
    counted: [[[0, 60]], [[0, 60]], [[0, 60]], every(15)],
    held: every(15),
  },
  {
    what: 'smaller ones count when they are all there, the first one first',
    before: [[0, 60]],
    after: every(15),
    counted: [[[0, 60]], [[0, 60]], [[0, 60]], every(15)],
    held: every(15),
  },
  {
    what: 'those of one larger window do not wait for those of the next',
    before: every(15),
    after: [...every(5, 15, 30), [0, 5]],
    counted: [
      every(15),
      every(15),
      [[0, 15], ...every(5, 15, 30), ...every(15, 30)],
      [[0, 15], ...every(5, 15, 30), ...every(15, 30)],
    ],
    held: [[0, 15], [0, 5], ...every(5, 15, 30), ...every(15, 30)],
  },
  {
    what: 'a change that is taken back before it is done leaves nothing',
    before: [[0, 60]],
    after: [
      [0, 15],
      [15, 30],
      [0, 60],
    ],
    counted: [[[0, 60]], [[0, 60]], [[0, 60]]],
    held: [[0, 60]],
  },
  {
    what: 'three grains, each change partly done',
    before: [
      [0, 60],
      [0, 15],
      [15, 30],
    ],
    after: [[0, 5], [5, 10], [10, 15], [30, 45], [45, 60], ...every(5, 15, 30)],
    counted: [
      [[0, 60]],
      [[0, 60]],
      [[0, 60]],
      [[0, 60]],
      [...every(5, 0, 15), ...every(15, 15)],
      [...every(5, 0, 15), ...every(15, 15)],
      [...every(5, 0, 15), ...every(15, 15)],
      [...every(5, 0, 30), ...every(15, 30)],
    ],
    held: [...every(5, 0, 30), ...every(15, 30)],
  },
]
