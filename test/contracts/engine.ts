import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import type { Test } from 'tap'
import { contentOf } from '../../src/aggregation/rollup/commit/content-hash.ts'
import type { Engine, SortRows, WindowPlan } from '../../src/aggregation/rollup/engines/engine.ts'
import {
  appliesTo,
  DEFAULT_SETS,
  type RollupDefinition,
} from '../../src/aggregation/rollup/model/definition.ts'
import { GAMMA, RELATIVE_ERROR, ZERO_BUCKET } from '../../src/aggregation/rollup/model/measure.ts'
import { MAX_UNITS } from '../../src/aggregation/rollup/model/units.ts'
import type { RollupRow } from '../../src/aggregation/rollup/stores/store.ts'
import { LEDGER_NAME } from '../../src/event/schema/ledger-event.ts'
import { chunks, rowsOf } from '../fakes/aggregation/store.ts'
import { seededEntropy } from '../fakes/entropy.ts'
import { NOON, type StoredEvent, storedEvent } from '../fakes/events.ts'
import { goldenEvents } from '../golden/rollup-events.ts'
import { oracle } from './rollup-oracle.ts'

/** An engine with a lake to read from and write to. */
export interface EngineUnderTest {
  readonly engine: Engine
  readonly sortRows: SortRows
  /** Puts a Parquet object into the lake. */
  putEvents(key: string, events: readonly StoredEvent[]): Promise<void>
  /** Keys below the prefix. */
  list(prefix: string): Promise<readonly string[]>
}

const QUARTER_MS = 900_000
const DEFINITION: RollupDefinition = {
  id: 'standard',
  grainMs: QUARTER_MS,
  sets: [
    ...DEFAULT_SETS,
    { name: 'two', dimensions: ['page_route', 'country'] },
    { name: 'status', dimensions: ['http_response_status_code', 'attributes.a-B.1'], metrics: ['a', 'B*'] },
  ],
  bots: 'exclude',
  maxMetrics: 500,
  maxValues: 500,
}
/** Limits that the golden events reach, with ties. */
const GOLDEN: RollupDefinition = { ...DEFINITION, maxMetrics: 5, maxValues: 12 }
const GOLDEN_SHA256 = new URL('../golden/rollup.sha256', import.meta.url)

/** What every engine does, whatever it runs on. The golden hash is the same for all of them. */
export async function engineContract(
  t: Test,
  name: Engine['name'],
  open: (t: Test) => Promise<EngineUnderTest>,
): Promise<void> {
  const { engine, sortRows, putEvents, list } = await open(t)
  const signal = new AbortController().signal
  let runs = 0

  async function compute(files: readonly (readonly StoredEvent[])[], change: Partial<WindowPlan> = {}) {
    runs += 1
    const inputs = files.map((_, index) => `raw/gateway/dt=2026-11-22/hr=12/run${runs}-${index}.parquet`)
    for (const [index, events] of files.entries()) await putEvents(inputs[index] ?? '', events)
    const plan = {
      definition: DEFINITION,
      fromMs: NOON,
      toMs: NOON + QUARTER_MS,
      lateAfterMs: NOON + QUARTER_MS + 120_000,
      inputs,
      outputPrefix: `rollups/standard/h/15m/dt=2026-11-22/w=${NOON}/run=${runs}/`,
      ...change,
    }
    const result = await engine.compute(plan, signal)
    const keys = result.outputs.map(({ key }) => key)
    const sorted = await sortRows(keys, signal)
    const content = await contentOf(sorted.read())
    const rows = await rowsOf(Promise.resolve(sorted))
    t.same(await contentOf(chunks(rows)), content, 'rows are as they would be written again')
    return { plan, result, rows, hash: content.hash }
  }

  t.equal(engine.name, name)

  await t.test('the golden events give the golden rows, to the last digit', async (t) => {
    const events = goldenEvents()
    const { plan, result, rows, hash } = await compute([events], { definition: GOLDEN })
    const expected = oracle(events, plan)
    t.same(result.counts, expected.counts)
    t.same(rows.map(text), expected.rows.map(text))
    t.equal(hash, readFileSync(GOLDEN_SHA256, 'utf8').trim())
    t.equal(sum(result.outputs.map((output) => output.rows)), rows.length)
    t.ok(result.outputs.every(({ bytes }) => bytes > 0))
    t.same(await list(plan.outputPrefix), result.outputs.map(({ key }) => key).sort())
  })

  await t.test(
    'each set is a complete partition of the metrics that it is kept of, to the last bucket',
    async (t) => {
      const { rows } = await compute([goldenEvents()], { definition: GOLDEN })
      const sums = (set: string) => {
        const groups = new Map<
          string,
          Pick<RollupRow, 'n' | 'rows' | 'sum' | 'squares'> & { buckets: Map<string, bigint> }
        >()
        for (const row of rows.filter((each) => each.set === set)) {
          const key = JSON.stringify([row.app, row.metric, row.unit])
          const into = groups.get(key) ?? { n: 0n, rows: 0, sum: 0n, squares: 0n, buckets: new Map() }
          const buckets = new Map(into.buckets)
          for (const [index = '', weight = ''] of row.histogram.split(',').map((each) => each.split(':')))
            buckets.set(index, (buckets.get(index) ?? 0n) + BigInt(weight))
          groups.set(key, {
            ...{ n: into.n + row.n, rows: into.rows + row.rows, sum: into.sum + row.sum },
            ...{ squares: into.squares + row.squares, buckets },
          })
        }
        return groups
      }
      const whole = sums('app')
      t.ok(whole.size > 20)
      for (const set of GOLDEN.sets) {
        const own = [...whole].filter(([key]) => appliesTo(set, JSON.parse(key)[1]))
        t.ok(own.length > 0, set.name)
        t.same(sums(set.name), new Map(own), set.name)
      }
      const values = rows.flatMap(({ set, value }) => (set === 'route' ? [value] : []))
      t.ok(
        values.includes('~other') && values.includes('~unknown'),
        'what is beyond the limit, and what says nothing',
      )
    },
  )

  await t.test(
    'a set of attributes, and of some metrics, which others may have stored in any form',
    async (t) => {
      const sets = [
        { name: 'target', dimensions: ['attributes.target'], metrics: ['browser.web_vital.*'] },
        { name: 'status', dimensions: ['http_response_status_code'], metrics: ['fetch'] },
      ] as const
      const events = [
        ['a', { target: '#hero' }],
        ['b', { target: '' }],
        ['c', { Target: '#other' }],
        ['d', null],
        ['e', { target: '🙂'.repeat(300) }],
      ] as const
      const fetched = [200, 404, 404, null].map((status, i) =>
        storedEvent({ event_id: `s-${i}`, name: 'fetch', http_response_status_code: status }),
      )
      const { rows } = await compute(
        [[...events.map(([event_id, attributes]) => storedEvent({ event_id, attributes })), ...fetched]],
        { definition: { ...DEFINITION, sets } },
      )
      t.same(
        rows.map(({ metric, set, value, rows: measured }) => [metric, set, value, measured]),
        [
          ['browser.web_vital.lcp', 'target', '#hero', 1],
          ['browser.web_vital.lcp', 'target', '~unknown', 3],
          ['browser.web_vital.lcp', 'target', '🙂'.repeat(256), 1],
          ['fetch', 'status', '200', 1],
          ['fetch', 'status', '404', 2],
          ['fetch', 'status', '~unknown', 1],
        ],
      )
    },
  )

  await t.test(
    'order, split and repetition of deliveries change nothing but the count of duplicates',
    async (t) => {
      const events = goldenEvents()
      const once = await compute([events])
      const again = await compute([events])
      t.equal(again.hash, once.hash, 'the same run twice')
      const chance = seededEntropy(7)
      const repeated = [...events, ...events.filter((_, index) => index % 20 === 0)]
      const shuffled = repeated
        .map((event) => ({ event, place: chance.uniform() }))
        .sort((a, b) => a.place - b.place)
        .map(({ event }) => event)
      const split = await compute([
        shuffled.slice(0, 1_000),
        shuffled.slice(1_000, 1_001),
        shuffled.slice(1_001),
      ])
      t.equal(split.hash, once.hash)
      t.equal(split.result.counts.kept, once.result.counts.kept)
      t.ok(split.result.counts.duplicates > once.result.counts.duplicates)
    },
  )

  await t.test('what gateways tell of themselves is no measurement', async (t) => {
    const events = goldenEvents()
    const once = await compute([events])
    const ledger = { name: LEDGER_NAME, value: 2_000, unit: '{event}' }
    const told = ['l-1', 'l-2', 'l-2'].map((event_id) => storedEvent({ ...ledger, event_id }))
    const both = await compute([[...events, ...told], told])
    t.equal(both.hash, once.hash)
    t.same(both.result.counts, once.result.counts)
  })

  await t.test('any events give the rows of the oracle, and every row read is counted once', async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyEvent, { minLength: 1, maxLength: 120 }),
        anyLimits,
        async (events, limits) => {
          const half = Math.ceil(events.length / 2)
          const files = [events.slice(0, half), events.slice(half)].filter((file) => file.length > 0)
          const { plan, result, rows } = await compute(files, {
            definition: { ...DEFINITION, ...limits },
            lateAfterMs: NOON + 300_000,
          })
          const expected = oracle(events, plan)
          t.same(rows.map(text), expected.rows.map(text))
          t.same(result.counts, expected.counts)
          const { read: all, kept, late: _, ...dropped } = result.counts
          t.equal(sum(Object.values(dropped)) + kept, all)
        },
      ),
      { numRuns: 30, seed: 42 },
    )
  })

  await t.test('a percentile of the histogram is within 1.083 % of the exact order statistic', async (t) => {
    const chance = seededEntropy(3)
    const values = Array.from({ length: 2_000 }, () => Math.exp(12 * chance.uniform() - 3))
    const events = values.map((value, index) => storedEvent({ event_id: `e-${index}`, value }))
    const { rows } = await compute([events])
    const row = rows.find(({ set }) => set === 'app')
    const exact = values.sort((a, b) => a - b)
    const errors = [0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1].map((q) => {
      const x = exact[Math.floor(q * (exact.length - 1))] ?? 0
      return Math.abs(estimate(row?.histogram ?? '', q) - x) / x
    })
    t.ok(Math.max(...errors) <= RELATIVE_ERROR + 1e-9, `largest error ${Math.max(...errors)}`)
    t.ok(Math.max(...errors) > 0, 'it is an estimate')
  })

  await t.test('the largest values of the largest weight are added up to the last digit', async (t) => {
    const events = [1e9 + 0.5, 2_147_483_648, 123_456_789_012.25, 1e12 - 16, 1e12, 1e12].map((value, index) =>
      storedEvent({ event_id: `e-${index}`, value, weight: 1e6 }),
    )
    const refused = [1e12 + 2 ** -12, -1, Number.NaN, Infinity, -Infinity].map((value, index) =>
      storedEvent({ event_id: `r-${index}`, value }),
    )
    const { rows, result } = await compute([events, refused])
    t.match(result.counts, { kept: 6, outOfRange: 2, negative: 2, notANumber: 1 })
    const row = rows.find(({ set }) => set === 'app')
    const micros = 1_000_000_000_500_000n + 2_147_483_648_000_000n + 123_456_789_012_250_000n
    t.equal(row?.sum, (micros + 999_999_999_984_000_000n + 2n * 10n ** 18n) * 10n ** 9n)
    t.match(row, {
      n: 6n * 10n ** 9n,
      squares: 6n * 10n ** 18n,
      minMicros: 1_000_000_000_500_000n,
      maxMicros: 10n ** 18n,
    })
    const of = (value: number) => Math.ceil(Math.log(value) / Math.log(GAMMA) - 1e-9)
    t.match(row?.histogram, `${of(1e12)}:3000000000`, 'what is nearly equal shares a bucket')
  })

  await t.test('a weight that is none stands for the one row that it is', async (t) => {
    const none = [Number.NaN, Infinity, -Infinity, -1, -5e-324, 0, -0, 1e6 + 2 ** -33, 1e300, null, undefined]
    const cases = new Map<number | null | undefined, bigint>([
      ...none.map((weight) => [weight, 1_000n] as const),
      ...([
        [1e6, 10n ** 9n],
        [0.0004, 1n],
        [0.0015, 2n],
        [2.5, 2_500n],
      ] as const),
    ])
    const events = [...cases.keys()].map((weight, index) =>
      storedEvent({ event_id: `e-${index}`, page_route: `/${index}`, weight }),
    )
    const { rows, result } = await compute([events])
    t.equal(result.counts.kept, events.length)
    const counted = new Map(rows.flatMap(({ set, value, n }) => (set === 'route' ? [[value, n]] : [])))
    for (const [index, [weight, n]] of [...cases].entries())
      t.equal(counted.get(`/${index}`), n, String(weight))
  })

  await t.test('texts that only others store are cut, and a name that is too long is none', async (t) => {
    const long = 'é🙂'.repeat(1_500)
    const cut = `${'é🙂'.repeat(127)}é…`
    const fitting = '🙂'.repeat(256)
    const events = [
      storedEvent({ event_id: 'cut', page_route: long, country: long, device_type: long, unit: long }),
      storedEvent({ event_id: 'path', page_path: `/${'y'.repeat(2_048)}`, device_type: `${fitting}x` }),
      storedEvent({ event_id: '🙂'.repeat(128), measurement_id: 'm'.repeat(128), page_route: fitting }),
      storedEvent({ event_id: long }),
      storedEvent({ event_id: 'name', name: long }),
      storedEvent({ event_id: 'app', app_id: long }),
      storedEvent({ event_id: 'measurement', measurement_id: long }),
    ]
    const { rows, result } = await compute([events, [storedEvent({ event_id: 'own', page_route: '/a' })]])
    t.match(result.counts, { read: 8, kept: 4, notANumber: 4, duplicates: 0, superseded: 0 })
    for (const [set, values] of [
      ['route', ['/a', `/${'y'.repeat(2_047)}`, cut, fitting]],
      ['country', ['~unknown', cut]],
      ['device', ['~unknown', cut, `${'🙂'.repeat(255)}…`]],
    ] as const) {
      const found = rows.filter((row) => row.set === set)
      t.same(new Set(found.map(({ value }) => value)), new Set(values), set)
    }
    t.same(new Set(rows.map(({ unit }) => unit)), new Set(['ms', cut]))
  })

  await t.test('a value that others call as the rest is called is the rest', async (t) => {
    const events = ['~other', '~other', '/a', '/a', '/a', '/b', '/c'].map((page_route, i) =>
      storedEvent({ event_id: `${i}`, page_route }),
    )
    for (const maxValues of [1, 2, 3, 500]) {
      const { plan, rows } = await compute([events], { definition: { ...DEFINITION, maxValues } })
      t.same(rows.map(text), oracle(events, plan).rows.map(text), `${maxValues} values`)
    }
  })

  await t.test('texts that only others store empty are texts as well', async (t) => {
    const events = [
      storedEvent({ event_id: 'a' }),
      storedEvent({ event_id: 'b', name: '' }),
      storedEvent({ event_id: 'c', app_id: '' }),
      storedEvent({ event_id: 'd', unit: '', page_route: '', device_type: '' }),
    ]
    for (const maxMetrics of [500, 1]) {
      const { plan, result, rows } = await compute([events], { definition: { ...DEFINITION, maxMetrics } })
      const expected = oracle(events, plan)
      t.same(result.counts, expected.counts)
      t.equal(result.counts.kept, events.length)
      t.same(rows.map(text), expected.rows.map(text))
    }
  })

  await t.test('columns that a writer left out are unknown, not an error', async (t) => {
    const { rows } = await compute([
      [{ ...storedEvent(), page_path: '/a' }],
      [storedEvent({ event_id: 'e-2' })],
    ])
    t.match(
      rows
        .filter(({ set }) => set === 'route' || set === 'country')
        .map(({ set, value, rows }) => ({ set, value, rows })),
      [
        { set: 'country', value: '~unknown', rows: 2 },
        { set: 'route', value: '/a', rows: 1 },
        { set: 'route', value: '~unknown', rows: 1 },
      ],
    )
  })

  await t.test('rows of two units are never added up, in no set and no value', async (t) => {
    let made = 0
    const event = (its: StoredEvent) => storedEvent({ event_id: `e-${++made}`, ...its })
    const measured = (name: string, ...units: readonly (string | null | undefined)[]) =>
      units.map((unit) => event({ name, unit, page_route: '/a' }))
    const { rows, result } = await compute([
      [
        ...measured('wait', 'minutes', 'minutes', 'minutes', 'ms', 'frames'),
        ...measured('partly', 'ms', undefined, null, ''),
        event({ name: 'wait', app_id: 'blog', unit: 'ms', page_route: '/a' }),
        // One measurement, sent in another unit again.
        event({ name: 'again', measurement_id: 'm', unit: 's' }),
        event({ name: 'again', measurement_id: 'm', unit: 'ms', event_time: NOON + 1 }),
        // What does not count says nothing.
        event({ name: 'wait', unit: 'h', value: -1 }),
      ],
    ])
    t.equal(result.counts.kept, 11)
    for (const set of ['app', 'route', 'two'])
      t.same(
        rows.flatMap((row) => (row.set === set ? [[row.app, row.metric, row.unit, row.rows]] : [])),
        [
          ['blog', 'wait', 'ms', 1],
          ['shop', 'again', 'ms', 1],
          ['shop', 'partly', 'ms', 1],
          ['shop', 'partly', '~unknown', 3],
          ['shop', 'wait', 'frames', 1],
          ['shop', 'wait', 'minutes', 3],
          ['shop', 'wait', 'ms', 1],
        ],
        set,
      )
  })

  await t.test(
    'units that somebody makes up are one, beyond the most frequent, of each metric',
    async (t) => {
      let made = 0
      const event = (name: string, unit: string) => storedEvent({ event_id: `e-${++made}`, name, unit })
      const many = Array.from({ length: 40 }, (_, i) => event('wait', `u${String(i).padStart(2, '0')}`))
      const { rows, plan } = await compute([
        [...many, event('wait', 'ms'), event('wait', 'ms'), event('pure', 'u39'), event('pure', 'ms')],
      ])
      const unitsOf = (its: readonly RollupRow[], metric: string) =>
        its.flatMap((row) => (row.metric === metric && row.set === 'app' ? [[row.unit, row.rows]] : []))
      t.same(unitsOf(rows, 'wait'), [
        ['ms', 2],
        ...Array.from({ length: MAX_UNITS - 1 }, (_, i) => [`u0${i}`, 1]),
        ['~other', 40 - MAX_UNITS + 1],
      ])
      t.same(unitsOf(rows, 'pure'), [
        ['ms', 1],
        ['u39', 1],
      ])
      const limited = {
        ...plan,
        definition: { ...DEFINITION, maxMetrics: 1 },
        outputPrefix: 'rollups/limited/',
      }
      const { outputs } = await engine.compute(limited, signal)
      const keys = outputs.map(({ key }) => key)
      const others = await rowsOf(sortRows(keys, signal))
      t.same(unitsOf(others, '~other'), unitsOf(rows, 'pure'), 'also of all the other metrics together')
    },
  )

  await t.test(
    'rows of declared bots are counted, and in a number where the definition includes them',
    async (t) => {
      const events = [
        storedEvent({ event_id: 'a', device_type: 'mobile', value: 100 }),
        storedEvent({ event_id: 'b', device_type: 'bot', value: 900 }),
        storedEvent({ event_id: 'b', device_type: 'bot', value: 900 }),
        storedEvent({ event_id: 'c', device_type: 'bot', value: -1 }),
        storedEvent({ event_id: 'd', device_type: 'bot', event_time: NOON - 1 }),
        storedEvent({ event_id: 'e', device_type: 'other', value: 200 }),
      ]
      const without = await compute([events])
      t.match(without.result.counts, {
        read: 6,
        bots: 2,
        negative: 1,
        outsideWindow: 1,
        kept: 2,
        duplicates: 0,
      })
      t.match(
        without.rows.filter(({ set }) => set === 'app'),
        [{ rows: 2, maxMicros: 200_000_000n }],
      )
      t.same(
        without.rows.flatMap(({ set, value }) => (set === 'device' ? [value] : [])),
        ['mobile', 'other'],
      )
      const definition = { ...DEFINITION, bots: 'include' as const }
      const within = await compute([events], { definition })
      t.match(within.result.counts, { read: 6, bots: 0, kept: 3, duplicates: 1 })
      t.match(
        within.rows.filter(({ set }) => set === 'app'),
        [{ rows: 3, maxMicros: 900_000_000n }],
      )
    },
  )

  await t.test('the time to first byte of a soft navigation, which has none, is in no number', async (t) => {
    const ttfb = (navigation_type: string | null, value: number) =>
      storedEvent({ event_id: `${navigation_type}`, name: 'browser.web_vital.ttfb', navigation_type, value })
    const { rows, result } = await compute([
      [
        ...[ttfb('navigate', 300), ttfb('soft-navigation', 0), ttfb('soft_navigation', 0), ttfb(null, 0)],
        storedEvent({ event_id: 'lcp', navigation_type: 'soft-navigation', value: 50 }),
      ],
    ])
    t.match(result.counts, { read: 5, softNavigations: 2, kept: 3 })
    t.match(
      rows.filter(({ set }) => set === 'app'),
      [
        { metric: 'browser.web_vital.lcp', rows: 1 },
        { metric: 'browser.web_vital.ttfb', rows: 2, maxMicros: 300_000_000n },
      ],
    )
  })

  await t.test('a window without inputs, and one without events, have no outputs', async (t) => {
    const none = await compute([])
    t.same(none.result.outputs, [])
    t.equal(sum(Object.values(none.result.counts)), 0)
    const outside = await compute([[storedEvent({ event_time: NOON - 1 })]])
    t.same(outside.result.outputs, [])
    t.match(outside.result.counts, { read: 1, outsideWindow: 1, kept: 0 })
    t.same(outside.rows, [])
  })

  await t.test(
    'an input that is not there, or a run that is cancelled, is refused with its code',
    async (t) => {
      const inputs = ['raw/gateway/dt=2026-11-22/hr=12/absent.parquet']
      await t.rejects(compute([[storedEvent()]], { inputs }), { code: 'input_missing' })
      const { plan } = await compute([[storedEvent()]])
      const cancelled = AbortSignal.abort()
      await t.rejects(engine.compute({ ...plan, outputPrefix: 'rollups/x/' }, cancelled), {
        code: 'cancelled',
      })
    },
  )
}

const hostile = fc.constantFrom(
  null,
  '',
  'a',
  'A',
  'ä',
  "it's",
  '"',
  '\n',
  '🙂',
  '\uffee',
  ' | ',
  '~other',
  '~unknown',
  '\\',
)
const anyEvent: fc.Arbitrary<StoredEvent> = fc.record({
  event_id: fc
    .constantFrom('1', '2', '3', '4', '5', '6', '7', '8')
    .chain((id) => fc.constantFrom(id, `${id}${id}`, `x${id}`)),
  app_id: fc.constantFrom('a', 'b', "c'"),
  name: fc.constantFrom('lcp', 'cls', 'Inp', 'browser.web_vital.ttfb', 'B.x', 'a'),
  navigation_type: fc.constantFrom(null, 'navigate', 'soft-navigation', 'soft_navigation'),
  event_time: fc.oneof(
    fc.integer({ min: NOON - 2, max: NOON + 5 }),
    fc.integer({ min: NOON + 899_995, max: NOON + 900_002 }),
  ),
  received_time: fc.integer({ min: NOON + 299_997, max: NOON + 300_002 }),
  value: fc.oneof(
    fc.constantFrom(
      0,
      -0,
      1,
      2,
      1024,
      0.5,
      1e-6,
      1e-7,
      1e9,
      1e12,
      1e12 + 1,
      -1,
      Number.NaN,
      Infinity,
      -Infinity,
      null,
    ),
    fc.double({ min: 0, max: 1e12, noNaN: true }),
  ),
  unit: fc.constantFrom(
    'ms',
    'ms',
    'ms',
    '1',
    null,
    '',
    'By',
    'A',
    'a',
    'ä',
    '~other',
    '~unknown',
    's',
    'Z',
    '\n',
  ),
  weight: fc.oneof(
    fc.constantFrom(1, 0.0001, 0.5, 1e6, 1e6 + 1, 0, -1, Number.NaN, Infinity, -Infinity, null),
    fc.double({ min: 0.001, max: 1e6, noNaN: true }),
  ),
  measurement_id: fc.constantFrom(null, '', 'm1', 'm2'),
  attributes: fc.constantFrom(
    null,
    {},
    { target: 'a' },
    { target: 'ä', 'a-B.1': '' },
    { 'a-B.1': '1', 'a-b.1': '2' },
  ),
  http_response_status_code: fc.constantFrom(null, 0, 200, 404),
  page_route: hostile,
  page_path: hostile,
  country: hostile,
  device_type: fc.constantFrom(null, 'mobile', 'bot', 'Bot'),
  user_agent_name: fc.constantFrom(null, 'Firefox'),
})
const anyLimits = fc.record({
  bots: fc.constantFrom('exclude' as const, 'include' as const),
  maxMetrics: fc.constantFrom(1, 2, 500),
  maxValues: fc.constantFrom(1, 3, 500),
})

/** What the query API answers for a quantile. */
function estimate(histogram: string, q: number): number {
  const buckets = histogram.split(',').map((bucket) => bucket.split(':').map(Number))
  const last = sum(buckets.map(([, weight = 0]) => weight)) / 1_000 - 1
  let seen = 0
  for (const [index = 0, weight = 0] of buckets) {
    seen += weight / 1_000
    if (seen > Math.floor(q * last)) return index === ZERO_BUCKET ? 0 : (2 * GAMMA ** index) / (1 + GAMMA)
  }
  return Number.NaN
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

const text = (row: RollupRow) =>
  JSON.stringify([
    ...[
      row.app,
      row.metric,
      row.unit,
      row.set,
      row.value,
      String(row.n),
      row.rows,
      String(row.sum),
      String(row.squares),
    ],
    ...[String(row.minMicros), String(row.maxMicros), row.histogram],
  ])
