import { readdirSync } from 'node:fs'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { type Test, test } from 'tap'
import type { DirectApp } from '../../../../src/aggregation/ingest/quarantine/attribution.ts'
import { MAX_DEAD_LETTERS } from '../../../../src/aggregation/ingest/quarantine/dead-letters.ts'
import {
  createQuarantine,
  type QuarantineOptions,
} from '../../../../src/aggregation/ingest/quarantine/quarantine.ts'
import { createRecordVerifier } from '../../../../src/aggregation/ingest/quarantine/record-verifier.ts'
import { parseEventLine } from '../../../../src/event/schema/ndjson.ts'
import type { Lake } from '../../../../src/lake/lake.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { ANN, recordKeys } from '../../../fakes/aggregation/records.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { NOON, TOO_LARGE } from '../../../fakes/events.ts'
import { HOUR, interrupted, signal } from '../harness.ts'

const keys = recordKeys()
const appOf = (id: string): DirectApp => ({ id, isPublic: false, allowQuery: new Set() })
const least = { name: 'app.start', value: 1 }
const line = (more: object = {}) => `${JSON.stringify({ ...least, ...more })}\n`
const KEY = `quarantine/direct-shop/${HOUR}/headgate-direct-shop-1-2026-11-22-12-00-07-b3da.ndjson`
const RAW = new RegExp(`^raw/direct-shop/${HOUR}/q-[0-9a-f]{32}-\\d+\\.ndjson$`)

type Change = (lake: Lake) => Partial<QuarantineOptions>

function setUp(t: Test, change: Change = () => ({})) {
  let nowMs = NOON + 60_000
  const lake = memoryLake(() => nowMs)
  const tempDir = t.testdir()
  let said = ''
  const telemetry = createTelemetry('info', { write: (text) => (said += text) })
  const options = {
    ...{ lake, tempDir, telemetry, clock: fakeClock() },
    apps: () => [appOf('shop'), appOf('lab')],
    verifier: createRecordVerifier([keys.publicKey]),
  }
  const below = (prefix: string) => [...lake.objects.keys()].filter((key) => key.startsWith(prefix)).sort()
  return {
    ...{ lake, below },
    said: () => said,
    at: (ms: number) => {
      nowMs = ms
    },
    put: (key: string, body: string | Buffer) => lake.put(key, Buffer.from(body)),
    quarantine: createQuarantine({ ...options, ...change(lake) }),
    another: (change: Partial<QuarantineOptions> = {}) =>
      createQuarantine({ ...options, telemetry: createTelemetry('silent'), ...change }),
    stored: () =>
      lake
        .textOf('raw/')
        .split('\n')
        .filter((text) => text !== '')
        .map((text) => parseEventLine(text) ?? text),
    dead: () =>
      lake
        .textOf('dead/')
        .split('\n')
        .filter((text) => text !== '')
        .map((text) => JSON.parse(text)),
    temporary: () => readdirSync(tempDir),
    /** The counters of direct records that are not zero. */
    async metrics() {
      const text = await telemetry.metrics.metrics()
      return text.split('\n').filter((row) => row.startsWith('headgate_direct') && !row.endsWith(' 0'))
    },
  }
}

test('an object becomes lines of its app in the same hour, and what is rejected a dead letter', async (t) => {
  const { put, quarantine, stored, dead, below, metrics, temporary } = setUp(t)
  const token = await keys.token(ANN)
  const late = line({ event_time: 0 })
  await put(
    KEY,
    `${line({ app_id: 'lab', recordToken: token })}\n{"name":"app.start","val\r\n${late}${'x'.repeat(1_048_577)}\n\r\n`,
  )
  await put(KEY.replace('.ndjson', '.ndjson.gz'), gzipSync(line({ recordToken: 'x' })))
  await put(KEY.replaceAll('shop', 'lab'), '')
  await quarantine.empty(signal)
  const [first = '', second = '', ...others] = below('raw/')
  for (const key of [first, second]) t.match(key, RAW)
  t.same(others, [])
  t.same(below('quarantine/'), [])
  const facts = stored().map((event) => typeof event === 'object' && [event.app_id, event.user_id])
  t.same(
    facts.sort(),
    [
      ['shop', undefined],
      ['shop', undefined],
      ['shop', ANN],
    ].sort(),
  )
  t.match(dead(), [
    { reason: 'malformed_line', line: 3, text: '{"name":"app.start","val', events: 1 },
    { reason: 'line_too_long', line: 5, text: 'x'.repeat(1_024), events: 1 },
  ])
  t.match(below('dead/'), [new RegExp(`^dead/ingest-direct-shop/${HOUR}/q-[0-9a-f]{32}\\.ndjson$`)])
  t.same((await metrics()).sort(), [
    'headgate_direct_clock_replaced_total{app="shop"} 1',
    'headgate_direct_events_total{app="shop",record_token="invalid"} 1',
    'headgate_direct_events_total{app="shop",record_token="none"} 1',
    'headgate_direct_events_total{app="shop",record_token="valid"} 1',
    'headgate_direct_refused_total{app="shop",reason="line_too_long"} 1',
    'headgate_direct_refused_total{app="shop",reason="malformed_line"} 1',
  ])
  t.same(temporary(), [])
  await quarantine.empty(signal)
  t.equal(stored().length, 3)
})

for (const [what, key, pack, objects, steps] of [
  ['an object', KEY, (text: string) => text, 2, 'list, open, dead letters, lines, removal'],
  [
    ...(['one that breaks off', `${KEY}.gz`, (text: string) => gzipSync(text).subarray(0, -4), 3] as const),
    'list, open, dead letters, open, whole, lines, removal',
  ],
] as const) {
  test(`a crash at any step of ${what}, before or after it, gives the same objects again`, async (t) => {
    const { put, lake, another, below } = setUp(t)
    const body = pack(`${line({ event_id: '1' }) + line({ event_time: 5 })}no event\n`)
    await put(key, body)
    await another().empty(signal)
    const done = new Map(lake.objects)
    t.equal(done.size, objects)
    let reached = 0
    for (const when of ['before', 'after'] as const) {
      for (let at = 1; at < 20; at++) {
        lake.objects.clear()
        await put(key, body)
        const what = async () => {
          throw new Error('killed')
        }
        const disturbed = interrupted(lake, { at, when, what })
        await another({ lake: disturbed }).empty(signal).catch(String)
        if (disturbed.operations < at) break
        reached++
        await another().empty(signal)
        t.same([...lake.objects].sort(), [...done].sort(), `${when} step ${at}`)
        t.same(below('quarantine/'), [])
      }
    }
    t.equal(reached, 2 * steps.split(', ').length, steps)
  })
}

test('records arrived in the hour of their object or while it was open, and not after it was stored', async (t) => {
  for (const [what, storedMs, receivedMs] of [
    ['at once', NOON + 60_000, NOON + 60_000],
    ['by Firehose, which kept it open beyond the hour', NOON + 4_400_000, NOON + 4_400_000],
    ['days later', NOON + 9 * 86_400_000, NOON + 4_500_000],
    ['by a clock that is late', NOON - 5_000, NOON],
  ] as const) {
    const { put, at, quarantine, stored } = setUp(t)
    at(storedMs)
    await put(KEY, line())
    await quarantine.empty(signal)
    t.match(stored(), [{ received_time: receivedMs, event_time: receivedMs }], what)
  }
})

test('what is not for us to judge stays where it is, and is counted', async (t) => {
  const { put, quarantine, below, metrics } = setUp(t)
  const stay = [
    `quarantine/direct-bank/${HOUR}/a.ndjson`,
    `quarantine/direct-shop/${HOUR}/a.parquet`,
    `quarantine/direct-shop/${HOUR}/a.json`,
    `quarantine/direct-shop/2026/11/22/12/a.ndjson`,
    `quarantine/direct-/${HOUR}/a.ndjson`,
    `quarantine/other/${HOUR}/a.ndjson`,
  ]
  for (const key of stay) await put(key, line())
  await quarantine.empty(signal)
  t.same(below(''), [...stay].sort())
  t.same((await metrics()).sort(), [
    'headgate_direct_waiting_objects{reason="not_lines"} 1',
    'headgate_direct_waiting_objects{reason="unknown_app"} 2',
    'headgate_direct_waiting_objects{reason="unreadable_name"} 2',
  ])
})

test('which apps there are is asked at each look; until there is one there is none', async (t) => {
  let ids: readonly string[] = []
  let looks = 0
  const { put, quarantine, below, metrics } = setUp(t, (lake) => ({
    apps: () => ids.map(appOf),
    lake: {
      ...lake,
      list: async (prefix) => {
        looks++
        return lake.list(prefix)
      },
    },
  }))
  const [shop, lab] = [KEY, KEY.replaceAll('shop', 'lab')]
  for (const [what, now, left, waiting] of [
    ['none has had credentials', [], [lab, shop], []],
    ['the first', ['shop'], [lab], ['headgate_direct_waiting_objects{reason="unknown_app"} 1']],
    ['another in its place', ['lab'], [shop], ['headgate_direct_waiting_objects{reason="unknown_app"} 1']],
    ['none any more', [], [lab, shop], ['headgate_direct_waiting_objects{reason="unknown_app"} 2']],
  ] as const) {
    await put(shop, line())
    await put(lab, line())
    ids = now
    await quarantine.empty(signal)
    t.same(below('quarantine/'), left, what)
    t.same(
      (await metrics()).filter((row) => row.includes('waiting')),
      waiting,
      what,
    )
  }
  t.equal(looks, 3, 'a lake without direct records is not asked for them')
})

test('an object larger than any of Firehose stays where it is', async (t) => {
  const { put, quarantine, below, metrics } = setUp(t, (lake) => ({
    lake: {
      ...lake,
      list: async (prefix) => (await lake.list(prefix)).map((object) => ({ ...object, bytes: 268_435_457 })),
    },
  }))
  await put(KEY, line())
  await quarantine.empty(signal)
  t.same(below(''), [KEY])
  t.same(await metrics(), ['headgate_direct_waiting_objects{reason="too_large"} 1'])
})

test('an object that inflates without end is read once', async (t) => {
  const { put, temporary, quarantine, below, metrics, said } = setUp(t)
  await put(`${KEY}.gz`, gzipSync(Buffer.alloc(268_435_457), { level: 1 }))
  await quarantine.empty(signal)
  const opened = said()
  t.match(opened, /direct records stay where they are/)
  await quarantine.empty(signal)
  t.equal(said(), opened)
  t.same(below(''), [`${KEY}.gz`])
  t.same(await metrics(), ['headgate_direct_waiting_objects{reason="too_large"} 1'])
  t.same(temporary(), [])
})

test('what an object is its bytes say, and what cannot be read of it is kept whole', async (t) => {
  const whole = Array.from({ length: 50 }, (_, i) => line({ event_id: `${i}` })).join('')
  const zipped = gzipSync(whole)
  const BROKEN = 'It breaks off or is damaged. The object lies beside this as a whole.'
  const UNREADABLE = 'It is neither lines nor gzip. The object lies beside this as a whole.'
  for (const [what, body, events, why] of [
    ['lines', Buffer.from(whole), 50, undefined],
    ['gzip', zipped, 50, undefined],
    ['members', Buffer.concat([zipped, zipped]), 100, undefined],
    ['gzip and zeros', Buffer.concat([zipped, Buffer.alloc(64)]), 50, undefined],
    ['a member behind zeros', Buffer.concat([zipped, Buffer.alloc(64), zipped]), 50, BROKEN],
    ['junk behind gzip', Buffer.concat([zipped, Buffer.from('junk')]), 50, BROKEN],
    ['gzip without its end', zipped.subarray(0, -5), 50, BROKEN],
    ['nothing but the head of gzip', zipped.subarray(0, 10), 0, BROKEN],
    ['Zstandard', zstdCompressSync(whole), 0, 'It is compressed by Zstandard; lines are read as text'],
    ['UTF-16', Buffer.from(whole, 'utf16le'), 0, 'It is text in UTF-16; '],
    ['bytes of no kind', Buffer.from('\0\0'.repeat(40)), 0, UNREADABLE],
    ['lines behind one that is no text', Buffer.from(`\0\n${whole}`), 50, undefined],
    ['lines behind what begins as Parquet', Buffer.from(`PAR1\n${whole}`), 50, undefined],
    ['lines behind what begins as a ZIP', Buffer.from(`PK\x03\x04\n${whole}`), 50, undefined],
    ['lines behind a mark of UTF-16', Buffer.from(`\xff\xfe\n${whole}`, 'latin1'), 50, undefined],
    ['lines behind a mark of UTF-8', Buffer.from(`\ufeff${whole}`), 50, undefined],
    ['lines behind what begins as gzip', Buffer.from(`\x1f\x8b\n${whole}`, 'latin1'), 50, undefined],
    ['lines behind a gzip', Buffer.concat([gzipSync(line()), Buffer.from(`\n${whole}`)]), 50, undefined],
    [
      'lines behind the head of a gzip that is not ended',
      Buffer.concat([Buffer.from('1f8b08080000000000ff0a', 'hex'), Buffer.from(whole)]),
      50,
      undefined,
    ],
    ['lines that are no events', Buffer.from('no event\n'), 0, undefined],
    ['gzip of such', gzipSync('no event\n'), 0, undefined],
    ['nothing', Buffer.alloc(0), 0, undefined],
  ] as const) {
    for (const extension of ['ndjson', 'ndjson.gz'] as const) {
      const { put, quarantine, stored, lake, below, said } = setUp(t)
      const key = KEY.replace(/ndjson$/, extension)
      await put(key, body)
      await quarantine.empty(signal)
      const rule = `${what} as .${extension}`
      t.equal(stored().length, events, rule)
      t.same(below('quarantine/'), [], rule)
      const kept = below('dead/').filter((each) => each.includes('-whole.'))
      t.same(
        kept.map((each) => lake.objects.get(each)),
        why === undefined ? [] : [body],
        rule,
      )
      t.equal(said().includes('direct records cannot be read to their end'), why !== undefined, rule)
      t.equal(lake.textOf('dead/').includes(String(why)), why !== undefined, rule)
    }
  }
})

test('why an object is kept whole is told, however many lines it would be of', async (t) => {
  const many = MAX_DEAD_LETTERS + 1
  const utf16 = Buffer.from(line({ event_id: 'ann@example.com' }).repeat(many), 'utf16le')
  const breaking = gzipSync('no event\n'.repeat(many)).subarray(0, -4)
  for (const [what, body, letters, refused] of [
    ['UTF-16', utf16, [{ detail: /^It is text in UTF-16; .*as a whole\.$/ }], []],
    [
      ...(['gzip that breaks off', breaking] as const),
      [
        ...Array(MAX_DEAD_LETTERS).fill({ reason: 'malformed_line' }),
        { detail: /^It breaks off/ },
        { events: 1 },
      ],
      [`headgate_direct_refused_total{app="shop",reason="malformed_line"} ${many}`],
    ],
  ] as const) {
    const { put, quarantine, dead, below, metrics, lake } = setUp(t)
    await put(KEY, body)
    await quarantine.empty(signal)
    const whole = below('dead/').find((key) => key.includes('-whole.'))
    t.same(lake.objects.get(String(whole)), body, what)
    lake.objects.delete(String(whole))
    t.equal(dead().length, letters.length, what)
    t.match(dead(), letters, what)
    t.same(
      await metrics(),
      [...refused, 'headgate_direct_refused_total{app="shop",reason="broken_object"} 1'],
      what,
    )
  }
})

test('a record that inflates without end costs nobody else theirs', async (t) => {
  const { put, quarantine, stored, below } = setUp(t)
  const bomb = gzipSync(Buffer.alloc(268_435_457), { level: 1 })
  await put(KEY, Buffer.concat([bomb, Buffer.from(`\n${line({ event_id: '1' })}`)]))
  await quarantine.empty(signal)
  t.equal(stored().length, 1)
  t.same(below('quarantine/'), [])
})

test('after so many events the rest of an object is counted and not read', async (t) => {
  const { put, quarantine, stored, dead, metrics } = setUp(t, () => ({ maxEventsPerObject: 300 }))
  // Which is seen chunk by chunk.
  await put(
    KEY,
    line()
      .repeat(1_000)
      .replace(line(), `${JSON.stringify({ name: 'app.start', unit: 'ms' })}\n`),
  )
  await quarantine.empty(signal)
  const read = stored().length + 1
  t.ok(read >= 300 && read < 1_000, `${read} lines were read`)
  t.same((await metrics()).sort(), [
    `headgate_direct_events_total{app="shop",record_token="none"} ${read - 1}`,
    'headgate_direct_refused_total{app="shop",reason="missing_field"} 1',
    `headgate_direct_refused_total{app="shop",reason="too_many_events"} ${1_000 - read}`,
  ])
  t.match(dead(), [{ line: 1 }, { reason: 'too_many_events', events: 1_000 - read }])
})

test('an app that needs more time than a pass has waits with the rest, and keeps nobody waiting', async (t) => {
  const clock = fakeClock()
  const slow: Change = (lake) => ({
    clock,
    lake: {
      ...lake,
      open: async (key) => {
        if (key.includes('direct-lab')) clock.advance(20_000)
        return lake.open(key)
      },
    },
  })
  const { put, quarantine, below, metrics } = setUp(t, slow)
  for (const name of ['a', 'b', 'c']) await put(`quarantine/direct-lab/${HOUR}/${name}.ndjson`, line())
  await put(KEY, line())
  await quarantine.empty(signal)
  t.same(below('quarantine/'), [`quarantine/direct-lab/${HOUR}/c.ndjson`])
  t.ok((await metrics()).includes('headgate_direct_waiting_objects{reason="later"} 1'))
  await quarantine.empty(signal)
  t.same(below('quarantine/'), [])
})

test('an object that fails stays for the next time, and the others do not wait for it', async (t) => {
  let isBroken = true
  const breaking: Change = (lake) => ({
    lake: {
      ...lake,
      open: async (key) => {
        if (key === KEY && isBroken) throw new AppError('lake_failed', 'Lake open failed: EIO')
        return lake.open(key)
      },
    },
  })
  const { put, quarantine, below, stored, said, metrics } = setUp(t, breaking)
  await put(KEY, line())
  await put(`quarantine/direct-zoo/${HOUR}/a.ndjson`, line())
  await put(KEY.replace('b3da', 'c4eb'), line({ value: 2 }))
  await quarantine.empty(signal)
  t.match(below('quarantine/'), [KEY, /direct-zoo/])
  t.match(stored(), [{ value: 2 }])
  t.match(said(), /"app":"shop".*"code":"lake_failed".*direct records stay where they are/)
  t.ok((await metrics()).includes('headgate_direct_waiting_objects{reason="failed"} 1'))
  isBroken = false
  await quarantine.empty(signal)
  t.equal(stored().length, 2)
})

test('one that is gone was taken by another', async (t) => {
  const { put, quarantine, below, metrics } = setUp(t, (lake) => ({
    lake: { ...lake, open: async () => undefined },
  }))
  await put(KEY, line())
  await quarantine.empty(signal)
  t.same(below(''), [KEY])
  t.same(await metrics(), [])
})

test('that the quarantine cannot be listed is told, and no failure of the ingest, nor an empty quarantine', async (t) => {
  let failing: Error | undefined
  const { quarantine, said, put, metrics } = setUp(t, (lake) => ({
    lake: { ...lake, list: async (prefix) => (failing ? Promise.reject(failing) : lake.list(prefix)) },
  }))
  await put(KEY.replace('direct-shop', 'direct-other'), line())
  await quarantine.empty(signal)
  const waiting = await metrics()
  t.match(waiting.join('\n'), /waiting_objects.*unknown_app.* 1/)
  failing = new AppError('lake_failed', 'Lake list failed: AccessDenied')
  await quarantine.empty(signal)
  t.match(said(), /AccessDenied.*the quarantine cannot be listed/)
  t.same(await metrics(), waiting, 'what waited when it was last seen')
  failing = new TypeError('of ours')
  await t.rejects(quarantine.empty(signal), { name: 'TypeError' }, 'and a fault of ours is not the lake')
  failing = new AppError('cancelled', 'Cancelled')
  await t.rejects(quarantine.empty(signal), { code: 'cancelled' })
})

test('whoever cancels does not wait for the end of an object', async (t) => {
  const { put, quarantine, below } = setUp(t)
  await put(KEY, line())
  await t.rejects(quarantine.empty(AbortSignal.abort()), { code: 'cancelled' })
  t.same(below(''), [KEY])
})

test('what an object may write is a small multiple of what it says; the rest is counted', async (t) => {
  const attributes = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`n${i}`, '"'.repeat(256)]))
  const events = Array.from({ length: 500 }, () => least)
  const hostile = Array.from(
    { length: 4 },
    (_, i) => `${JSON.stringify({ i, context: { attributes }, events })}\n`,
  )
  const { put, quarantine, lake, dead, stored, metrics } = setUp(t)
  const said = `${hostile.join('')}${line({ event_id: 'after' })}`
  await put(KEY, said)
  await quarantine.empty(signal)
  const written = Buffer.byteLength(lake.textOf('raw/'))
  t.ok(written <= 8 * said.length + 65_536 + 1_024 * 2_001, `${written} bytes of ${said.length}`)
  const kept = stored().length
  t.ok(kept > 0 && kept < 1_000)
  const letters = dead()
  t.ok(letters.every(({ reason }) => reason === 'stored_too_large'))
  t.equal(
    letters.reduce((sum, { events }) => sum + events, kept),
    2_001,
    'each event is counted once',
  )
  t.match((await metrics()).join('\n'), /refused_total\{app="shop",reason="stored_too_large"\} \d+/)
})

test('large lines that say themselves what they store are stored, and so is what is small', async (t) => {
  const { put, quarantine, stored, dead } = setUp(t)
  const attributes = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`n${i}`, '"'.repeat(256)]))
  const small = JSON.stringify({
    context: { page_route: '/a' },
    events: Array.from({ length: 500 }, () => least),
  })
  const own = JSON.stringify({ events: Array.from({ length: 30 }, () => ({ ...least, attributes })) })
  await put(KEY, `${small}\n${own}\n${own} \n`)
  await quarantine.empty(signal)
  t.same(dead(), [])
  t.equal(stored().length, 560)
})

test('an event that takes more than an event may is rejected alone', async (t) => {
  const { put, quarantine, stored, dead } = setUp(t)
  await put(KEY, `${line(TOO_LARGE)}${line()}`)
  await quarantine.empty(signal)
  t.match(dead(), [{ reason: 'event_too_large', events: 1, line: 1 }])
  t.equal(stored().length, 1)
})

test('no dead letter says whose it was, whatever it was rejected for', async (t) => {
  const { put, quarantine, dead, lake } = setUp(t)
  const ids = {
    ...{ user_id: 'needle-user', session_id: 'needle-session', page_view_id: 'needle-view' },
    ...{ event_id: 'needle-event', measurement_id: 'needle-measurement' },
  }
  const rejected = [
    JSON.stringify({ ...ids, name: 'app.start' }),
    JSON.stringify({ ...ids, ...least }).slice(0, -1),
    JSON.stringify({ ...ids, ...least, pad: 'x'.repeat(1_048_577) }),
    JSON.stringify({ context: ids, events: Array.from({ length: 501 }, () => least) }),
    JSON.stringify({ context: ids, events: JSON.stringify([{ ...ids, ...least }]) }),
  ]
  await put(KEY, rejected.join('\n'))
  await quarantine.empty(signal)
  t.same(
    dead().map(({ line }) => line),
    [1, 2, 3, 4, 5],
  )
  t.notMatch(lake.textOf('dead/'), 'needle')
  t.match(dead()[0].text, '"name":"app.start"')
})

test('a line of many events gives others their turn, and so do many lines that are none', async (t) => {
  for (const [what, body, needed] of [
    ['events', `${JSON.stringify({ events: Array.from({ length: 500 }, () => least) })}\n`, 7],
    // All in one chunk: some tens of microseconds each.
    ['lines', `${JSON.stringify(least)},\n`.repeat(500), 20],
  ] as const) {
    const { put, quarantine } = setUp(t)
    await put(KEY, body)
    let turns = 0
    let isDone = false
    const count = () => {
      turns++
      if (!isDone) setImmediate(count)
    }
    const emptying = quarantine.empty(signal).then(() => {
      isDone = true
    })
    setImmediate(count)
    await emptying
    t.ok(turns >= needed, `${turns} turns between ${what}`)
  }
})

test('the last value of a measurement is the last in the object', async (t) => {
  const { put, quarantine, stored } = setUp(t)
  const values = [5, 96, 104, 98]
  const record = JSON.stringify({ events: values.map((value) => ({ ...least, value, measurement_id: 'm' })) })
  await put(KEY, `${record}\n${line({ value: 1 })}${line({ value: 7, measurement_id: 'm' })}`)
  await quarantine.empty(signal)
  const rows = stored() as { value: number; received_time: number; measurement_id?: string }[]
  const ofM = rows.filter((row) => row.measurement_id !== undefined)
  const inOrder = ofM.sort((a, b) => a.received_time - b.received_time)
  t.same(
    inOrder.map(({ value }) => value),
    [...values, 7],
  )
  t.equal(new Set(inOrder.map((row) => row.received_time)).size, 5)
  const other = rows.find(({ value }) => value === 1)
  t.equal(other?.received_time, inOrder[0]?.received_time, 'another row arrived with the object')
})
