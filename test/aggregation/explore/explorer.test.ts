import { join } from 'node:path'
import { test } from 'tap'
import type { ArrivedQuery } from '../../../src/aggregation/explore/arrived-events.ts'
import { countedAs, type ExploreQuery } from '../../../src/aggregation/explore/explore-query.ts'
import { createExplorer } from '../../../src/aggregation/explore/explorer.ts'
import { AppError } from '../../../src/std/errors.ts'
import { exploreOracle } from '../../contracts/explore-oracle.ts'
import { checkedSessions } from '../../fakes/aggregation/sessions.ts'
import { seededEntropy } from '../../fakes/entropy.ts'
import { NOON, type StoredEvent, storedEvent, writeParquet } from '../../fakes/events.ts'
import { HOUR, setUp, signal } from '../ingest/harness.ts'

const QUARTER = 900_000
const LCP = 'browser.web_vital.lcp'
const AS = { grainMs: QUARTER, bots: 'exclude' } as const

const query = (change: Partial<ExploreQuery> = {}): ExploreQuery => ({
  ...{ app: 'shop', metric: LCP, fromMs: NOON, toMs: NOON + 4 * QUARTER },
  ...{ where: [], quantiles: [0.5, 0.75, 0.99], examples: 0, ...change },
})

/** Texts that SQL, JSON and the driver each have a meaning for. */
const HOSTILE = [
  ...[
    "it's",
    '"',
    '\\',
    '~other',
    '~unknown',
    '\ufeffDE',
    'DE',
    'a\u0000b',
    '\u0000',
    "a\u0000'; DROP TABLE kept; --",
  ],
  ...['%', '_', '🙂', '{}', '$1', ' '],
]

/** Of four windows and some time around them: repeated, late, measured anew, of bots and of strangers. */
function randomEvents(seed: number, count: number): readonly StoredEvent[] {
  const chance = seededEntropy(seed)
  const below = (most: number) => Math.floor(chance.uniform() * most)
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T
  const events: StoredEvent[] = []
  for (let at = 0; at < count; at++) {
    const event_time = NOON - 60_000 + below(4 * QUARTER + 120_000)
    events.push(
      storedEvent({
        event_id: `e-${at}`,
        app_id: pick(['shop', 'shop', 'shop', 'lab']),
        name: pick([LCP, LCP, LCP, 'browser.web_vital.ttfb', 'other']),
        value: Math.round(Math.exp(9 * chance.uniform()) * 1000) / 1000,
        unit: pick(['ms', 'ms', 'ms', 'By', '']),
        weight: pick([1, 1, 1, 10, 2.5, 0.0001, 1e7, null]),
        event_time,
        received_time: event_time + pick([200, 200, 8 * QUARTER]),
        measurement_id: pick([undefined, '', `m-${below(count / 4)}`]),
        navigation_type: pick([undefined, 'navigate', 'soft-navigation']),
        device_type: pick(['mobile', 'desktop', 'bot', undefined]),
        country: pick([...HOSTILE, '', undefined]),
        page_route: pick(['/a', '', undefined]),
        page_path: pick(['/a/1', undefined]),
        http_response_status_code: pick([200, 404, undefined]),
        attributes: pick([undefined, { target: pick(HOSTILE) }, { 'a-b.1': 'x' }]),
      }),
    )
  }
  const again = events.filter((_, at) => at % 7 === 0)
  return [
    ...events,
    ...again.map((event) => ({ ...event, received_time: Number(event.received_time) + 5_000, value: 7 })),
    // One id of two metrics: a slip of a client, of which the first counts.
    ...again.slice(0, 40).map((event) => ({ ...event, name: 'other', received_time: NOON - QUARTER })),
  ]
}

const ALL_TAKEN = () => ({ notIngested: 0 })

async function lakeOf(events: readonly StoredEvent[]) {
  const it = await setUp()
  // Every second one in lines, in two objects; the rest in Parquet of others.
  const [lines, rows] = [events.filter((_, at) => at % 2 === 0), events.filter((_, at) => at % 2 === 1)]
  const text = (some: readonly StoredEvent[]) =>
    some.map((one) => `${JSON.stringify({ v: 1, ...one })}\n`).join('')
  await it.put(`raw/gateway/${HOUR}/a.ndjson`, text(lines.slice(0, 300)))
  await it.put(`raw/gateway/${HOUR}/b.ndjson`, text(lines.slice(300)))
  if (rows.length > 0)
    await writeParquet(it.session, rows, join(it.places.lakeDir, `raw/theirs/${HOUR}/c.parquet`))
  const arrivals = it.ingester()
  await arrivals.ingest(signal)
  return {
    ...it,
    arrivals,
    ports: {
      lake: it.lake,
      arrivals,
      openSession: it.openSession,
      as: AS,
      askGateway: async () => null,
      lastIngest: ALL_TAKEN,
    },
  }
}

test('what is answered of random events is what each of them says, counted one by one', async (t) => {
  const events = randomEvents(7, 3_000)
  const { ports } = await lakeOf(events)
  const { explore } = createExplorer(ports)
  for (const [rule, change] of [
    ['all of a metric', {}],
    ['a part of windows', { fromMs: NOON + 100_000, toMs: NOON + 2 * QUARTER + 1 }],
    ['another metric, without soft navigations', { metric: 'browser.web_vital.ttfb' }],
    ['bots as well', { bots: 'include' }],
    ['another unit', { unit: 'By' }],
    ['an event without one', { unit: '~unknown' }],
    ['by a text', { by: 'country' }],
    ['by an attribute', { by: 'attributes.target' }],
    ['by an attribute with a hyphen and a dot', { by: 'attributes.a-b.1' }],
    ['by a status', { by: 'http_response_status_code' }],
    ['by a route, or its path', { by: 'page_route' }],
    ['of a value', { where: [{ dimension: 'country', values: ["it's"] }] }],
    [
      'of several, and grouped by one of them',
      {
        by: 'country',
        where: [
          { dimension: 'country', values: ['DE', '\ufeffDE', 'a\u0000b'] },
          { dimension: 'http_response_status_code', values: ['200'] },
        ],
      },
    ],
    ['of a value that none has', { where: [{ dimension: 'country', values: ['AQ'] }] }],
    [
      'with examples',
      { examples: 30, where: [{ dimension: 'device_type', values: ['mobile', '~unknown'] }] },
    ],
  ] as const satisfies readonly (readonly [string, Partial<ExploreQuery>])[]) {
    const asked = query(change)
    const { unit, total, groups, slowest } = exploreOracle(events, asked, QUARTER)
    const answer = await explore(asked, signal)
    t.same(answer.total, total, rule)
    t.equal(answer.unit, unit, `${rule}: unit`)
    t.same(answer.groups, asked.by === undefined ? undefined : groups, `${rule}: groups`)
    t.same(
      answer.examples.map(({ value }) => value),
      slowest,
      `${rule}: examples`,
    )
    t.same(answer.completeness, { notIngested: 0 }, `${rule}: completeness`)
    t.same(answer.scanned, { ...answer.scanned, objects: 2, rows: events.length }, `${rule}: scanned`)
  }
})

test('a quantile is the value of its rank, also where the doubles of a whole rank lie below it', async (t) => {
  const { ports } = await lakeOf(
    Array.from({ length: 101 }, (_, value) => storedEvent({ event_id: `e-${value}`, value })),
  )
  const { total } = await createExplorer(ports).explore(
    query({ quantiles: [0.07, 0.29, 0.57, 0.58, 0.999] }),
    signal,
  )
  t.same(total.q, { 0.07: 7, 0.29: 29, 0.57: 57, 0.58: 58, 0.999: 99 })
})

test('hostile values name what has them, and nothing else', async (t) => {
  const events = HOSTILE.map((text, at) =>
    storedEvent({
      event_id: `e-${at}`,
      value: at + 1,
      country: text,
      app_version: text,
      attributes: { target: text },
    }),
  )
  const { ports } = await lakeOf(events)
  const { explore } = createExplorer(ports)
  for (const [at, text] of HOSTILE.entries())
    for (const dimension of ['country', 'app_version', 'attributes.target'] as const) {
      const { total, groups } = await explore(
        query({ where: [{ dimension, values: [text] }], by: dimension }),
        signal,
      )
      t.match(
        { rows: total.rows, min: total.min },
        { rows: 1, min: at + 1 },
        `${dimension} ${JSON.stringify(text)}`,
      )
      t.same(
        groups?.map(({ value }) => value),
        [text],
      )
    }
  for (const text of HOSTILE) {
    t.equal((await explore(query({ app: text }), signal)).total.rows, 0)
    t.equal((await explore(query({ metric: text }), signal)).total.rows, 0)
    t.equal((await explore(query({ unit: text }), signal)).total.rows, 0)
  }
})

test('an empty answer says why, and names nothing but what is nearly right', async (t) => {
  const { ports } = await lakeOf([storedEvent(), storedEvent({ event_id: 'e-2', unit: 'By' })])
  const { explore } = createExplorer(ports)
  for (const [rule, change, notices] of [
    ['there is something', {}, undefined],
    [
      'another value',
      { where: [{ dimension: 'country', values: ['AQ'] }] },
      'No event of the metric in this range has these values.',
    ],
    [
      'another unit',
      { unit: 's' },
      'No event of the metric in this range has these values and this unit; otherUnits lists those there are.',
    ],
    [
      'a metric, nearly',
      { metric: 'browser.web_vital.lpc' },
      'The metric is not among those of the app in this range; did you mean "browser.web_vital.lcp"?',
    ],
    [
      'the end of a metric, in other letters',
      { metric: 'LCP' },
      'The metric is not among those of the app in this range; did you mean "browser.web_vital.lcp"?',
    ],
    ['another metric', { metric: 'x' }, 'The metric is not among those of the app in this range.'],
    ['another app', { app: 'blog' }, 'Nothing of this app is in this range, as far as it is in the lake.'],
    [
      'a range without objects',
      { fromMs: NOON + 96 * QUARTER, toMs: NOON + 97 * QUARTER, by: 'country' },
      'Nothing of this app is in this range, as far as it is in the lake.',
    ],
  ] as const satisfies readonly (readonly [string, Partial<ExploreQuery>, string | undefined])[]) {
    const answer = await explore(query(change), signal)
    t.same(answer.notices, notices && [notices], rule)
    if (notices === undefined) continue
    const q = { '0.5': null, '0.75': null, '0.99': null }
    t.same(answer.total, { n: 0, nEff: 0, rows: 0, avg: null, min: null, max: null, q }, rule)
  }
  const answer = await explore(query(), signal)
  t.match(answer, { relError: 0, unit: 'By', otherUnits: ['ms'], from: NOON, to: NOON + 4 * QUARTER })
})

test('what is stored of the slowest events is told, and of a repeated one the copy that counts', async (t) => {
  const whole = {
    ...{ page_url: 'https://shop.example/cart', url_full: 'https://shop.example/api', session_id: 's-1' },
    ...{ page_view_id: 'p-1', attributes: { trace_id: '0af7651916cd43dd8448eb211c80319c' } },
  }
  const { ports } = await lakeOf([
    storedEvent({ event_id: 'a', value: 900, ...whole }),
    storedEvent({ event_id: 'b', value: 100 }),
    storedEvent({ event_id: 'a', value: 5_000, received_time: NOON + 9_000 }),
    storedEvent({ event_id: 'a', value: 900, ...whole }),
    storedEvent({ event_id: 'c', value: 50 }),
  ])
  const { examples } = await createExplorer(ports).explore(query({ examples: 2 }), signal)
  t.same(examples, [
    {
      ...{
        id: 'a',
        t: NOON,
        value: 900,
        url: 'https://shop.example/cart',
        requestUrl: 'https://shop.example/api',
      },
      ...{ sessionId: 's-1', pageViewId: 'p-1', traceId: '0af7651916cd43dd8448eb211c80319c' },
    },
    { id: 'b', t: NOON, value: 100 },
  ])
})

test('of very many groups those of most occurrences are told', async (t) => {
  const events = Array.from({ length: 1_010 }, (_, at) =>
    storedEvent({
      event_id: `e-${at}`,
      attributes: { build: `b${at % 505}` },
      weight: at % 505 === 7 ? 3 : 1,
    }),
  )
  const { ports } = await lakeOf(events)
  const {
    groups = [],
    total,
    notices,
  } = await createExplorer(ports).explore(query({ by: 'attributes.build' }), signal)
  t.equal(groups.length, 500)
  t.match(groups[0], { value: 'b7', n: 6, rows: 2 })
  t.equal(total.rows, 1_010)
  t.same(notices, ['These are the 500 groups of most occurrences, of 505.'])
})

test('however many units and names there are, few are compared, and those of most rows', async (t) => {
  const many = (count: number, change: (at: number) => StoredEvent) =>
    Array.from({ length: count }, (_, at) => storedEvent({ event_id: `e-${at}`, ...change(at) }))
  const names = many(1_000, (at) => ({ event_id: `n-${at}`, name: `metric.${at % 505}` }))
  const units = many(60, (at) => ({ unit: at % 2 === 0 ? `u${at}` : `v${at % 25}` }))
  const { ports } = await lakeOf([...names, ...units, storedEvent({ event_id: 'rare', name: 'metrik.rare' })])
  const rowsOf: number[] = []
  const openSession: typeof ports.openSession = async (opened) => {
    const session = await ports.openSession(opened)
    return {
      ...session,
      async *rows(query) {
        let rows = 0
        for await (const chunk of session.rows(query)) {
          rows += chunk.length
          yield chunk
        }
        rowsOf.push(rows)
      },
    }
  }
  const { explore } = createExplorer({ ...ports, openSession })
  const { unit, otherUnits, total } = await explore(query({ unit: 's' }), signal)
  t.match({ unit, rows: total.rows, units: otherUnits?.length }, { unit: 's', rows: 0, units: 20 })
  t.match(otherUnits?.slice(0, 2), ['v1', 'v3'], 'those of most rows first')
  const told = async (metric: string) => (await explore(query({ metric }), signal)).notices
  const none = 'The metric is not among those of the app in this range'
  t.same(await told('metrc.1'), [`${none}; did you mean "metric.1"?`])
  t.same(await told('metrik.raer'), [`${none}.`], 'too rare to be compared')
  t.equal(Math.max(...rowsOf), 100, 'so many rows came over')
})

test('an answer is named by its events', async (t) => {
  const of = async (events: readonly StoredEvent[]) => {
    const { ports } = await lakeOf(events)
    return (await createExplorer(ports).explore(query(), signal)).dataGen
  }
  const [one, other] = [storedEvent(), storedEvent({ event_id: 'e-2' })]
  const named = await of([one, other])
  t.match(named, /^[0-9a-f]{16}$/)
  t.equal(await of([one, storedEvent({ app_id: 'blog', event_id: 'e-3' }), other]), named, 'of no other app')
  t.not(await of([one]), named)
  t.not(await of([one, { ...other, value: 1 }]), named)
})

test('objects that came to lie elsewhere are read there', async (t) => {
  const { ports } = await lakeOf([storedEvent()])
  const asked: boolean[] = []
  const arrivals = {
    ...ports.arrivals,
    async locate(keys: readonly string[], { anew = false } = {}) {
      asked.push(anew)
      return anew ? ports.arrivals.locate(keys) : keys.map((key) => `${key}.moved`)
    },
  }
  t.equal((await createExplorer({ ...ports, arrivals }).explore(query(), signal)).total.rows, 1)
  t.same(asked, [false, true])
  const gone = { ...arrivals, locate: async () => ['raw/gone.parquet'] }
  await t.rejects(createExplorer({ ...ports, arrivals: gone }).explore(query(), signal), {
    code: 'input_missing',
  })
})

test('events that need more memory than there is are too many, and a range that holds too much is refused', async (t) => {
  const { ports } = await lakeOf([storedEvent()])
  const openSession = checkedSessions(ports.openSession, (statement) => {
    if (statement.includes(' kept ')) throw new AppError('engine_out_of_memory', 'of a test')
  })
  await t.rejects(createExplorer({ ...ports, openSession }).explore(query(), signal), {
    code: 'query_too_large',
    cause: { code: 'engine_out_of_memory' },
  })
  const [object] = await ports.arrivals.touching(NOON, NOON + QUARTER)
  const arrivals = {
    ...ports.arrivals,
    touching: async () => (object === undefined ? [] : [{ ...object, rows: 1e9 }]),
  }
  await t.rejects(createExplorer({ ...ports, arrivals }).explore(query(), signal), {
    code: 'range_too_large',
  })
})

test('rollups count as most of them do', (t) => {
  const [without, having] = [AS, { grainMs: 3_600_000, bots: 'include' }] as const
  t.same(countedAs([without, having]), { grainMs: 3_600_000, bots: 'exclude' })
  t.same(countedAs([having]), having)
  t.end()
})

test('events are told as they arrived, whether they count or not', async (t) => {
  const late = { received_time: NOON + 60_000 }
  const { ports } = await lakeOf([
    storedEvent({ event_id: 'a', value: 5, page_url: 'https://shop.example/', ...late }),
    storedEvent({ event_id: 'a', value: 5, received_time: NOON + 70_000 }),
    storedEvent({ event_id: 'bot', value: 9, device_type: 'bot' }),
    storedEvent({
      event_id: 'ttfb',
      name: 'browser.web_vital.ttfb',
      value: 0,
      navigation_type: 'soft-navigation',
    }),
    storedEvent({ event_id: 'other', app_id: 'blog' }),
    storedEvent({ event_id: 'before', event_time: NOON - 1 }),
  ])
  const explorer = createExplorer(ports)
  const ask = async (change: Partial<ArrivedQuery> = {}) => {
    const asked = {
      app: 'shop',
      order: 'newest',
      limit: 10,
      fromMs: NOON,
      toMs: NOON + 1,
      ...change,
    } as const
    return explorer.arrived(asked, signal)
  }
  const { events, scanned } = await ask()
  const usual = { t: NOON, name: LCP, unit: 'ms', receivedMs: NOON + 250 }
  t.same(events, [
    { ...usual, id: 'a', value: 5, outcome: 'kept', receivedMs: NOON + 70_000 },
    { ...usual, id: 'a', value: 5, outcome: 'kept', url: 'https://shop.example/', receivedMs: NOON + 60_000 },
    { ...usual, id: 'bot', value: 9, outcome: 'bot' },
    { ...usual, id: 'ttfb', value: 0, name: 'browser.web_vital.ttfb', outcome: 'soft_navigation' },
  ])
  t.match(scanned, { rows: 6 })
  const ids = async (change: Partial<ArrivedQuery>) => (await ask(change)).events.map(({ id }) => id)
  t.same(await ids({ order: 'slowest', limit: 1 }), ['bot'])
  t.same(await ids({ metric: 'browser.web_vital.ttfb' }), ['ttfb'])
  t.same(await ids({ app: 'a\u0000b' }), [])
  t.same(await ask({ fromMs: NOON + 96 * QUARTER, toMs: NOON + 97 * QUARTER }), {
    events: [],
    scanned: { objects: 0, bytes: 0, rows: 0 },
  })
})

test('rows of others that can be no events are told as far as they say something', async (t) => {
  const it = await setUp()
  const rows: StoredEvent[] = [
    storedEvent({ event_id: 'none', value: Number.NaN, unit: null, received_time: null }),
    storedEvent({ event_id: null, value: null }),
  ]
  await writeParquet(it.session, rows, join(it.places.lakeDir, `raw/theirs/${HOUR}/c.parquet`))
  const arrivals = it.ingester()
  await arrivals.ingest(signal)
  const { lake, openSession } = it
  const explorer = createExplorer({
    lake,
    arrivals,
    openSession,
    as: AS,
    askGateway: async () => null,
    lastIngest: () => ({}),
  })
  const { completeness } = await explorer.explore(query(), signal)
  t.same(completeness, {}, 'nobody knows before an ingest of this process')
  const asked = { app: 'shop', order: 'newest', limit: 10, fromMs: NOON, toMs: NOON + 1 } as const
  const { events } = await explorer.arrived(asked, signal)
  t.same(
    events.map(({ id, value, unit, receivedMs, outcome }) => [id, value, unit, receivedMs, outcome]),
    [
      [null, null, 'ms', NOON + 250, 'not_a_number'],
      ['none', null, null, null, 'not_a_number'],
    ],
  )
})
