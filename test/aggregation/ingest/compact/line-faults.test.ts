import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import tap, { test } from 'tap'
import { compact } from '../../../../src/aggregation/ingest/compact/compact.ts'
import { createFaultTally, MAX_FAULTS_TOLD } from '../../../../src/aggregation/ingest/compact/line-faults.ts'
import { allRows } from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { MOST_HINTED } from '../../../../src/event/hints.ts'
import { DAY_MS } from '../../../../src/std/durations.ts'
import { MAX_INSTANT_MS } from '../../../../src/std/input/instant.ts'
import { placesIn, sharedSession } from '../../../fakes/aggregation/sessions.ts'
import { eventLine, NOON, storedEvent } from '../../../fakes/events.ts'

const places = placesIn(tap.testdir({ lake: {}, temp: {} }))
const session = await (await sharedSession(tap, places))(new AbortController().signal)

let files = 0
async function compacted(...contents: readonly (string | Buffer)[]) {
  const lineFiles = contents.map((content) => {
    const path = join(places.lakeDir, `${++files}.ndjson`)
    writeFileSync(path, content)
    return { path, gzip: false }
  })
  return compact({ session, folder: places.tempDir, madeFrom: 'these', pieceBytes: 1_000_000 }, lineFiles)
}

const without = (...names: readonly string[]) =>
  JSON.stringify({
    v: 1,
    ...storedEvent(),
    ...Object.fromEntries(names.map((name) => [name, undefined])),
  })
const renamed = (from: string, to: string) => eventLine().replace(`"${from}"`, `"${to}"`)
const meant = (name: string, column: string) =>
  `"${name}" is no field of an event and was left out; did you mean "${column}"?`
const long = 'x'.repeat(129)
const asIn = (name: string) => `it must be epoch milliseconds, as in "${name}": 1795348800000`
const coarse = (name: string) => `its ${name} is before 1973, and looks like epoch seconds: ${asIn(name)}`
const fine = (name: string) =>
  `its ${name} is after 9999, and looks like epoch micro- or nanoseconds: ${asIn(name)}`

test('why a line is no event is said in words: every field that is wrong, and what it may look like', async (t) => {
  for (const [what, line, why] of [
    ['no JSON', 'x', 'it is no JSON: one object a line, as in {"v": 1, …}'],
    ['half of one', '{"v":1,', 'it is no JSON: one object a line, as in {"v": 1, …}'],
    ['two in a line', eventLine() + eventLine(), 'it is no JSON: one object a line, as in {"v": 1, …}'],
    ['an array', `[${eventLine()}]`, 'it is no object of JSON, as in {"v": 1, …}'],
    ['null', 'null', 'it is no object of JSON, as in {"v": 1, …}'],
    [
      'a later version',
      eventLine().replace('"v":1', '"v":2'),
      'its v, the version of the line, is not 1, as in "v": 1',
    ],
    [
      'no version',
      eventLine().replace('"v":1,', ''),
      'its v, the version of the line, is not 1, as in "v": 1',
    ],
    ['no id', without('event_id'), 'it lacks event_id, as in "event_id": "7f3a-1"'],
    ['a null', eventLine({ name: null }), 'it lacks name, as in "name": "browser.web_vital.lcp"'],
    [
      'several',
      without('received_time', 'app_id'),
      'it lacks received_time, app_id, as in "received_time": 1795348800000, "app_id": "shop"',
    ],
    [
      'a value that is none',
      eventLine().replace('1234.5', '"fast"'),
      'its value is no number, as in "value": 1234.5',
    ],
    [
      'a time in words',
      eventLine().replace(String(NOON), '"noon"'),
      'its event_time is no time in epoch milliseconds, as in "event_time": 1795348800000',
    ],
    ['a time before 1970', eventLine({ received_time: -1 }), coarse('received_time')],
    ['no time', eventLine({ event_time: 0 }), coarse('event_time')],
    ['seconds', eventLine({ event_time: NOON / 1_000 }), coarse('event_time')],
    [
      'seconds in both',
      eventLine({ event_time: NOON / 1_000, received_time: NOON / 1_000 }),
      `${coarse('event_time')}; ${coarse('received_time')}`,
    ],
    [
      'microseconds in both',
      eventLine({ event_time: NOON * 1_000, received_time: NOON * 1_000 }),
      `${fine('event_time')}; ${fine('received_time')}`,
    ],
    [
      'nanoseconds',
      eventLine().replace(`"event_time":${NOON}`, `"event_time":${NOON}000000`),
      fine('event_time'),
    ],
    [
      'the largest that a column holds',
      eventLine().replace(`"event_time":${NOON}`, '"event_time":9223372036854775807'),
      fine('event_time'),
    ],
    ['a long id', eventLine({ event_id: long }), 'its event_id has more than 128 characters'],
    [
      'several things',
      eventLine({ session_id: long, value: null }).replace('"v":1', '"v":"one"'),
      'it lacks value, as in "value": 1234.5; its v, the version of the line, is not 1, as in "v": 1; its session_id has more than 128 characters',
    ],
    [
      'a name of ours, mistyped',
      renamed('value', 'valeu'),
      `it lacks value, as in "value": 1234.5; ${meant('valeu', 'value')}`,
    ],
    [
      'names that the gateway alone gives',
      renamed('event_time', 'evnt_time').replace('"event_id"', '"eventId"'),
      `it lacks event_id, event_time, as in "event_id": "7f3a-1", "event_time": 1795348800000; ${meant('eventId', 'event_id')}; ${meant('evnt_time', 'event_time')}`,
    ],
    [
      'what others call it',
      renamed('name', 'metric'),
      `it lacks name, as in "name": "browser.web_vital.lcp"; ${meant('metric', 'name')}`,
    ],
    [
      'a name of ours, mistyped, in a line that takes long to read',
      renamed('value', 'valeu').replace('}', `,"own":"${'x'.repeat(65_536)}"}`),
      'it lacks value, as in "value": 1234.5',
    ],
    ['a name of nobody', renamed('value', 'zzz'), 'it lacks value, as in "value": 1234.5'],
    [
      'a name that steers a terminal',
      renamed('value', 'val\\u001b'),
      'it lacks value, as in "value": 1234.5',
    ],
    ['no UTF-8', Buffer.from('caf\xe9', 'latin1'), 'it is not UTF-8'],
    ['too long', `"${'x'.repeat(4_194_304)}"`, 'it is longer than a line may be'],
    [
      'half an escape',
      eventLine({ event_id: '?' }).replace('"?"', '"\\ud8"'),
      'it is no JSON: one object a line, as in {"v": 1, …}',
    ],
    ['deep', '['.repeat(2_000) + ']'.repeat(2_000), 'it is no object of JSON, as in {"v": 1, …}'],
  ] as const) {
    const { faulty, malformed } = await compacted(line)
    t.same([faulty, malformed], [[{ place: 0, why, lines: 1 }], 1], what)
  }
})

test('times that can be meant are taken as they are: of 1973 and of 9999, and later than the arrival', async (t) => {
  const times = [100_000_000_000, NOON + 2 * DAY_MS, MAX_INSTANT_MS]
  for (const more of ['', 'none\n']) {
    const lines = times.map((event_time, at) =>
      eventLine({ event_id: `${at}`, event_time, received_time: at === 1 ? NOON : event_time }),
    )
    const { parquet, rows } = await compacted(`${lines.join('\n')}\n${more}`)
    const stored = await allRows(session, `SELECT event_time FROM '${parquet}' ORDER BY event_time`)
    t.same([rows, stored.flat().map(Number)], [3, times])
  }
})

test('lines of one object with the same faults are told together, each object by itself', async (t) => {
  const [noId, noTime] = [without('event_id'), without('event_time')]
  const { faulty, malformed, rows, dead } = await compacted(
    [noId, eventLine(), noId, noTime, ''].join('\n'),
    `${eventLine()}\n`,
    `${noId}\n`,
  )
  t.match(faulty, [
    { place: 0, lines: 2, why: /^it lacks event_id, / },
    { place: 0, lines: 1, why: /^it lacks event_time, / },
    { place: 2, lines: 1, why: /^it lacks event_id, / },
  ])
  t.same([faulty.length, malformed, rows], [3, 4, 2])
  t.equal(readFileSync(String(dead), 'utf8'), [noId, noId, noTime, noId, ''].join('\n'))
})

test('a line without a weight or a unit stands for itself, in the unit 1, whatever its neighbours are', async (t) => {
  const lines = [
    without('weight'),
    eventLine({ weight: null, event_id: 'null' }),
    without('unit'),
    eventLine({ weight: 4, event_id: 'given' }),
  ]
  for (const [way, more] of [
    ['lines that are all events', ''],
    ['lines of which one is none', 'none\n'],
  ] as const) {
    const { parquet, rows } = await compacted(`${lines.join('\n')}\n${more}`)
    const stored = await allRows(session, `SELECT unit, weight FROM '${parquet}' ORDER BY unit, weight`)
    t.same(
      stored,
      [
        ['1', 1],
        ['ms', 1],
        ['ms', 1],
        ['ms', 4],
      ],
      way,
    )
    t.equal(rows, 4)
  }
})

test('what was meant is asked of the first lines of a file with the same faults, and told of all of them', async (t) => {
  const lines = [renamed('value', 'valeu'), renamed('value', 'vlaue'), without('value')]
  const many = Array.from({ length: 30 }, () => lines).flat()
  const { faulty } = await compacted([...many, renamed('value', 'vallue')].join('\n'))
  const why = `it lacks value, as in "value": 1234.5; ${meant('valeu', 'value')}; ${meant('vlaue', 'value')}`
  t.same(faulty, [{ place: 0, why, lines: 91 }])
  const tally = createFaultTally()
  const asked = ['missing:value', 'json', 'missing:value form:name'].map(
    (faults) => Array.from({ length: 100 }, () => tally.add(0, faults)).filter(Boolean).length,
  )
  t.same(asked, [MOST_HINTED, 0, MOST_HINTED])
})

test('what is told of a batch is bounded: lines beyond it count for their object', (t) => {
  const tally = createFaultTally()
  for (let place = 0; place < MAX_FAULTS_TOLD; place++) tally.add(place, 'json')
  tally.add(3, 'utf8')
  t.equal(tally.add(3, 'missing:value'), false, 'and nothing is asked of them')
  tally.add(3, 'json')
  const told = tally.told()
  t.same([told.length, tally.lines], [MAX_FAULTS_TOLD + 1, MAX_FAULTS_TOLD + 3])
  t.same(told.at(-1), { place: 3, why: 'for other reasons', lines: 2 })
  t.match(told[3], { place: 3, lines: 2 })
  t.end()
})
