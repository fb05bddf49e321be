import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { parseEventLine } from '../../../../src/event/schema/ndjson.ts'
import { importsHere } from '../../../fakes/aggregation/imports.ts'
import { TOO_LARGE } from '../../../fakes/events.ts'
import { interrupted, setUpMany, signal } from '../harness.ts'

const OLD = Date.UTC(2019, 4, 6, 7, 8, 9)
const line = (more: object = {}) => JSON.stringify({ name: 'app.start', value: 1, event_time: OLD, ...more })
const REQUEST = { app: 'shop', name: 'before' }

async function imported(t: Test, text: string | Buffer, request = REQUEST, file = 'file') {
  const here = importsHere(t)
  const path = join(here.tempDir, file)
  writeFileSync(path, text)
  const report = await here.imports.importFile({ ...request, path }, signal)
  const events = here.lake
    .textOf('raw/')
    .split('\n')
    .filter((each) => each !== '')
    .map((each) => parseEventLine(each))
  return { ...here, report, events }
}

test('events of the past are stored as the door would, but believed', async (t) => {
  const path = ['page_url', 'https://shop.example/a?token=secret#x'] as const
  const { report, events, lake } = await imported(
    t,
    [
      line({ value: 2, unit: 's', event_id: 'own', user_id: 'u', [path[0]]: path[1] }),
      line({ event_time: '2019-05-06T07:59:59.999Z', attributes: { mail: 'ann@shop.example' } }),
      `{"context":{"page_route":"/a"},"events":[${line({ event_time: OLD + 3_600_000 })}]}`,
    ].join('\n'),
  )
  t.match(report, {
    accepted: 3,
    rejected: 0,
    rejectedSample: [],
    span: { firstMs: OLD, lastMs: OLD + 3_600_000 },
  })
  t.match(events, [
    {
      ...{ event_id: 'own', value: 2000, unit: 'ms', user_id: 'u', page_url: 'https://shop.example/a' },
      ...{ page_path: '/a', app_id: 'shop', event_time: OLD, received_time: OLD, weight: 1 },
    },
    {
      event_time: Date.UTC(2019, 4, 6, 7, 59, 59, 999),
      attributes: { mail: '[email]' },
      event_id: /^[0-9a-f]{32}$/,
    },
    { page_route: '/a', event_time: OLD + 3_600_000 },
  ])
  t.match(
    [...lake.objects.keys()],
    [7, 8].map((hour) => new RegExp(`^raw/import-before/dt=2019-05-06/hr=0${hour}/i-[0-9a-f]{32}\\.ndjson$`)),
  )
})

test('what was hardly meant is told, of the first lines and once', async (t) => {
  const kept = 'unit: "seconds" is kept as it is and not converted; did you mean "s"?'
  for (const [what, lines, hints] of [
    ['as meant', [line({ unit: 'ms' })], []],
    ['a word for a unit', [line({ unit: 'seconds' }), line({ unit: 'seconds' })], [kept]],
    ['a table', ['name,value,unit,event_time', `app.start,1,seconds,${OLD}`], [kept]],
    [
      'a web vital in other letters',
      [line({ name: 'LCP', unit: 'ms' })],
      [/did you mean "browser.web_vital.lcp"/],
    ],
    ['a field that is nearly ours', [line({ unit: 'ms', pageRoute: '/' })], [/pageRoute.*page_route/]],
    ['beside what is rejected', [line({ unit: 'seconds', value: -1 }), line({ unit: 'seconds' })], [kept]],
    ['what an event is, without a time', [JSON.stringify({ name: 'app.start', event_time: OLD })], []],
    [
      'another app',
      [line({ app_id: 'blog' }), line({ app_id: 'blog' })],
      [/^app_id: some lines name another app.* imported for "shop"/],
    ],
    ['what is no object', ['["an event, but a text", 1]'], []],
    ['the same app, or none', [line({ app_id: 'shop' }), line({ app_id: null })], []],
    [
      'the future',
      [line({ event_time: '2026-11-22T12:05:00.000Z' }), line({ event_time: '2027-01-01T00:00:00Z' })],
      [/^event_time: in the future, by more than 5 minutes, of so many events: 1;.*when these are over$/],
    ],
    ['after too many lines', [...Array(1_000).fill(line({ unit: 'ms' })), line({ unit: 'seconds' })], []],
  ] as const) {
    const { report } = await imported(t, lines.join('\n'))
    t.equal(report.hints.length, hints.length, what)
    t.match(report.hints, hints, what)
  }
})

test('what is no event is told by its line, and in dead/', async (t) => {
  const rows = [
    ['no time', JSON.stringify({ name: 'a', value: 1 }), 'missing_field', /^event_time: is required/],
    [
      'no moment',
      line({ event_time: 'yesterday' }),
      'invalid_field',
      /^event_time: must be epoch milliseconds/,
    ],
    [
      'epoch seconds',
      line({ event_time: OLD / 1_000 }),
      'invalid_field',
      /looks like epoch seconds: it must be/,
    ],
    ['microseconds', line({ event_time: OLD * 1_000 }), 'invalid_field', /is after 9999/],
    [
      'the last hour of all',
      line({ event_time: '9999-12-31T23:00:00Z' }),
      'invalid_field',
      /^event_time: is in the last hour of 9999, which no window counts/,
    ],
    ['no value', JSON.stringify({ name: 'a', event_time: OLD }), 'missing_field', /^value: is required/],
    [
      'no JSON',
      '{"name":"a", no',
      'malformed_line',
      /^The line is too short to be an event, such as {|^Not valid JSON/,
    ],
    ['a reserved name', line({ name: 'headgate.ledger' }), 'invalid_field', /is reserved/],
    ['too large', line(TOO_LARGE), 'event_too_large', /once stored/],
    ['a line without an end', `{"x":"${'x'.repeat(1_100_000)}"}`, 'line_too_long', /longer than an event/],
  ] as const
  const { report, events, lake, telemetry } = await imported(
    t,
    [line(), ...rows.map(([, text]) => text), ''].join('\n'),
  )
  t.equal(events.length, 1)
  t.match(report, {
    accepted: 1,
    rejected: rows.length,
    keptIn: /^dead\/ingest-import-before\/dt=2026-11-22\/hr=12\/i-/,
  })
  for (const [at, [what, , code, detail]] of rows.entries())
    t.match(report.rejectedSample[at], { line: at + 2, code, detail }, what)
  const letters = lake.textOf('dead/').split('\n').slice(0, -1)
  t.equal(letters.length, rows.length)
  const metrics = await telemetry.metrics.metrics()
  t.match(metrics, /headgate_import_events_total\{app="shop"\} 1\n/)
  t.match(metrics, /headgate_import_rejected_total\{app="shop",reason="missing_field"\} 2\n/)
})

test('no more than some of what is rejected is told at once', async (t) => {
  const { report, lake } = await imported(t, '{"name":"a","value":1}\n'.repeat(1_200))
  t.match(report, { accepted: 0, rejected: 1_200, rejectedSample: { length: 20 }, span: undefined })
  t.equal(lake.textOf('raw/'), '')
  t.match(lake.textOf('dead/'), /\{"reason":"missing_field","events":200\}\n$/)
})

test('what comes without a name of a file is told by what it is known again', async (t) => {
  const { imports } = importsHere(t)
  const streamed = (text: string) => imports.importStream(REQUEST, Readable.from([Buffer.from(text)]), signal)
  t.match((await streamed(line())).hints, [
    /^event_id: none in some events, .* under the name "before"; .* they count again$/,
  ])
  t.same((await streamed(line({ event_id: 'own' }))).hints, [])
})

test('what is wrong with a request is said before anything of it is read', async (t) => {
  const { imports, tempDir } = importsHere(t)
  for (const [request, message] of [
    [{ ...REQUEST, app: 'shup' }, /did you mean "shop"/],
    [{ ...REQUEST, name: 'A b' }, /^name must be 1 to 64 of/],
  ] as const) {
    let isRead = false
    const stream = new Readable({
      read() {
        isRead = true
      },
    })
    await t.rejects(imports.importStream(request, stream, signal), { code: 'invalid_request', message })
    t.notOk(isRead)
  }
  t.same(readdirSync(tempDir), [])
})

test('a dry run that does not come to its end has words of its own', async (t) => {
  const { imports, lake, tempDir } = importsHere(t)
  const path = join(tempDir, 'file')
  writeFileSync(path, gzipSync(`${line()}\n`).subarray(0, -4))
  for (const [isDryRun, broken, stopped] of [
    [true, 'It breaks off or is damaged.', 'The dry run was stopped. Nothing was stored.'],
    [false, /damaged\. Some of what came before that may be imported/, /^The import was stopped\. /],
  ] as const) {
    const request = { ...REQUEST, path, isDryRun }
    await t.rejects(imports.importFile(request, signal), { code: 'malformed_body', message: broken })
    const ended = imports.importFile(request, AbortSignal.abort())
    await t.rejects(ended, { code: 'cancelled', message: stopped })
  }
  t.equal(lake.objects.size, 0)
})

test('an id that was left out is made of what stays the same', async (t) => {
  const ids = async (text: string, request = REQUEST, file = 'file') =>
    (await imported(t, text, request, file)).events.map((event) => event?.event_id)
  const before = await ids(`${line()}\n${line()}\n`)
  t.equal(new Set(before).size, 2, 'equal events are as many')
  t.same(await ids(`${line()}\n${line()}\n`), before, 'the same again')
  t.same(
    await ids(`${line()}\nno event at all, but a line\n`),
    before.slice(0, 1),
    'of the place, not of the file',
  )
  for (const [what, text, request, file] of [
    ['under another name', line(), { ...REQUEST, name: 'other' }],
    ['of another time', line({ event_time: OLD + 1 }), REQUEST],
    ['of another value', line({ value: 2 }), REQUEST],
    ['of another metric', line({ name: 'app.stop' }), REQUEST],
    ['in another line', `\n\n\n${line()}`, REQUEST],
    ['of another route', line({ page_route: '/other' }), REQUEST],
    ['with an attribute', line({ attributes: { plan: 'pro' } }), REQUEST],
    ['of another weight', line({ weight: 2 }), REQUEST],
    ['in a file called otherwise', line(), REQUEST, 'other'],
  ] as const)
    t.notOk(before.includes((await ids(text, request, file))[0]), what)
  const cleaned = (token: string) => line({ page_url: `https://shop.example/a?token=${token}` })
  t.same(await ids(cleaned('secret')), await ids(cleaned('other')), 'what is cleaned has no part in it')
  t.same(
    await ids('name,value,event_time\n\n"app.start",1.0,2019-05-06T07:08:09Z\n'),
    await ids(`\n\n${line()}`),
    'nor how it is written',
  )
})

test('a table of Parquet, with times, numbers and attributes in types of its own', async (t) => {
  const { table } = await tables(t)
  const { report, events } = await table(
    `SELECT 'a' AS name, 1.5::DECIMAL(9, 3) AS value, TIMESTAMPTZ '2019-05-06 09:08:09+02' AS event_time, MAP {'k': 'v'} AS attributes,
       9007199254740993 AS "attributes.n", [1, 2] AS page_route, NULL AS unit, 9007199254740993 AS user_id
     UNION ALL SELECT 'b', 2, TIMESTAMPTZ '2019-05-06 07:08:09+00', NULL, NULL, NULL, 's', NULL
     UNION ALL SELECT NULL, 2, TIMESTAMPTZ '2019-05-06 07:08:09+00', NULL, NULL, NULL, 's', NULL`,
  )
  t.match(report, { accepted: 2, rejected: 1, rejectedSample: [{ line: 3, code: 'missing_field' }] })
  t.match(events, [
    {
      ...{ name: 'a', value: 1.5, event_time: OLD, unit: '1', page_route: '[1,2]' },
      ...{ attributes: { k: 'v', n: '[digits]' }, user_id: '9007199254740993' },
    },
    { name: 'b', value: 2000, unit: 'ms', event_time: OLD },
  ])
  await t.rejects(table(`SELECT 'a' AS name, 1 AS duration, 0 AS event_time`), {
    code: 'malformed_body',
    message: /column 2 \("duration"\) is none of an event; did you mean "value"\?/,
  })
})

test('ids of a table are texts, whatever their type', async (t) => {
  const { table } = await tables(t)
  for (const [what, id, stored] of [
    ['a UUID', `'00b1a3f0-7c0e-4c9a-8a51-0c8f6f0a7d11'::UUID`, '00b1a3f0-7c0e-4c9a-8a51-0c8f6f0a7d11'],
    ['bytes', `'abc'::BLOB`, 'abc'],
    ['an enum', `'abc'::ENUM('abc', 'd')`, 'abc'],
    ['a number', '12', '12'],
    ['a large one', '18446744073709551615::UBIGINT', '18446744073709551615'],
    ['a larger one', '12345678901234567890::DECIMAL(20, 0)', '12345678901234567890'],
    ['a time of day', `TIME '01:02:03'`, '01:02:03'],
  ] as const) {
    const { events } = await table(`SELECT 'a' AS name, 1 AS value, ${OLD} AS event_time, ${id} AS event_id`)
    t.match(events, [{ event_id: stored }], what)
  }
})

test('a value that is none of its column costs its row alone, and a damaged file is told', async (t) => {
  const { table } = await tables(t)
  const row = (value: number, more = '') =>
    `SELECT 'a' AS name, ${value} AS value, make_timestamp(${OLD}000) AS event_time, MAP {'k': 'é'} AS attributes,
       1::UTINYINT AS "attributes.n"${more}`
  const rows = (more: readonly string[]) => more.map((each, at) => row(at + 1, each)).join(' UNION ALL ')
  const text = (last: string) => `, 'é' AS page_route, '/${last}' AS page_path`
  const wide = Array.from({ length: 12 }, (_, at) => `, 'v' AS "attributes.a${at}"`).join('')
  const ms = (last: string) => `, TIMESTAMP_MS '${last}' AS "attributes.t"`
  /** What DuckDB would not write. */
  const spoil = (from: Buffer | string, to: Buffer) => (bytes: Buffer) => {
    for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) bytes.set(to, at)
    return bytes
  }
  const int64 = (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  }
  const bad = spoil('/bad', Buffer.from('/\xffad', 'latin1'))
  const late = spoil(int64(BigInt(Date.UTC(2000, 0, 2))), int64(2n ** 62n))
  for (const [what, select, change, detail] of [
    ['a text', rows([text('a'), text('bad'), text('c')]), bad, 'Column 7 is not UTF-8'],
    [
      'a text among many columns',
      rows([text('a') + wide, text('bad') + wide, text('c') + wide]),
      bad,
      'Column 7 is not UTF-8',
    ],
    [
      'bytes',
      rows(
        [`, 'a'::BLOB AS page_route`, `, '\\xFF'::BLOB AS page_route`, `, 'é'::BLOB AS page_route`].map(
          (each) => each.replace('é', '\\xC3\\xA9'),
        ),
      ),
      undefined,
      'Column 6 is not UTF-8',
    ],
    [
      'a time without end',
      rows(['2000-01-01', 'infinity', '2000-01-03'].map((each) => ms(each).replace('_MS', ''))),
      undefined,
      'Column 6 is no time that there is',
    ],
    ['milliseconds', rows([ms('2000-01-01'), ms('2000-01-02'), ms('2000-01-03')]), late, undefined],
  ] as const) {
    const { report, events } = await table(select, change)
    if (detail === undefined) t.match(report, { accepted: 3, rejected: 0 }, what)
    else
      t.match(
        report,
        { accepted: 2, rejected: 1, rejectedSample: [{ line: 2, code: 'malformed_line', detail }] },
        what,
      )
    t.match(events[0]?.attributes, { k: 'é', n: '1' }, what)
  }
  const one = row(1)
  const truncated = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 40), bytes.subarray(-8)])
  await t.rejects(table(one, truncated), {
    code: 'malformed_body',
    message: /^It cannot be read as Parquet\. DuckDB: /,
  })
})

/** Reports of tables of Parquet, which may be changed before they are imported, and what is stored of them. */
async function tables(t: Test) {
  const { session, places } = await (await setUpMany(t))('parquet')
  const path = join(places.lakeDir, '..', 'table.parquet')
  const table = async (select: string, change = (bytes: Buffer) => bytes) => {
    await session.run([`COPY (${select}) TO '${path}' (FORMAT parquet, COMPRESSION uncompressed)`])
    writeFileSync(path, change(readFileSync(path)))
    const here = importsHere(t)
    const report = await here.imports.importFile({ ...REQUEST, path }, signal)
    t.same(readdirSync(here.tempDir), [])
    const events = here.lake.textOf('raw/').split('\n').slice(0, -1).map(parseEventLine)
    return { report, events: events.sort((a, b) => Number(a?.value) - Number(b?.value)) }
  }
  return { table }
}

test('the last hour that is counted is imported', async (t) => {
  const { report } = await imported(t, line({ event_time: '9999-12-31T22:59:59.999Z' }))
  t.match(report, { accepted: 1, rejected: 0 })
})

test('an import that was ended at any step, and repeated, has each event once', async (t) => {
  const over = await setUpMany(t)
  const text = Array.from({ length: 40 }, (_, at) =>
    at % 9 === 8 ? 'none' : line({ value: at, event_time: OLD + at * 900_000 }),
  ).join('\n')
  const whole = await idsAfter(await over('whole'))
  t.equal(whole.length, 36)
  let steps = 0
  for (const when of ['before', 'after'] as const)
    for (let at = 1; at < 30; at++) {
      const place = await over(`${when}-${at}`)
      if (!(await endedAt(place, at, when))) break
      steps++
      // Some of it is taken in before the rest comes.
      if (at % 2 === 0) await place.ingester().ingest(signal)
      t.same(await idsAfter(place), whole, `${when} step ${at}`)
      t.equal((await place.keys('dead/')).length, 1)
    }
  t.ok(steps > 20, `${steps} steps`)

  type Place = Awaited<ReturnType<typeof over>>

  async function run(lake: Parameters<typeof interrupted>[0]) {
    const { imports, tempDir } = importsHere(t, { lake })
    const path = join(tempDir, 'file')
    writeFileSync(path, text)
    return imports.importFile({ ...REQUEST, path }, signal)
  }

  async function endedAt(place: Place, at: number, when: 'before' | 'after'): Promise<boolean> {
    const what = async () => {
      throw new Error('killed')
    }
    const lake = interrupted(place.lake, { at, when, what })
    await run(lake).catch(String)
    return lake.isOver
  }

  async function idsAfter(place: Place): Promise<readonly string[]> {
    await run(place.lake)
    await place.ingester().ingest(signal)
    const ids = await place.eventIds()
    return [...new Set(ids)]
  }
})

test('a file that needs more memory than an import has is stored in parts, and can be stopped between them', async (t) => {
  const { imports, lake, tempDir } = importsHere(t)
  const path = join(tempDir, 'file')
  const filler = 'x'.repeat(250)
  const text = Array.from({ length: 90_000 }, (_, at) => line({ value: at, page_route: filler })).join('\n')
  writeFileSync(path, text)
  const seen: number[] = []
  const stop = new AbortController()
  const stopped = imports.importFile(
    {
      ...{ ...REQUEST, path },
      onProgress: (accepted) => {
        seen.push(accepted)
        stop.abort()
      },
    },
    stop.signal,
  )
  await t.rejects(stopped, { code: 'cancelled', message: /the same import again completes it/ })
  t.equal(seen.length, 1)
  t.equal(lake.objects.size, 1)
  t.match(await imports.importFile({ ...REQUEST, path }, signal), { accepted: 90_000, rejected: 0 })
  t.equal(lake.objects.size, 2, 'the first part has the same name again')
})
