import { readFileSync } from 'node:fs'
import tap, { test } from 'tap'
import { compact, LEAST_PIECE_BYTES } from '../../../../src/aggregation/ingest/compact/compact.ts'
import { allRows, type SqlSession } from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { columns } from '../../../../src/event/schema/event.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { eventLine } from '../../../fakes/events.ts'
import { linesOnDisk } from './lines-on-disk.ts'

const outOfMemory = () => new AppError('engine_out_of_memory', 'DuckDB: Out of Memory Error')

const { session, folder, stored } = await linesOnDisk(tap)
const madeFrom = 'these files'

/** Runs out of memory so many times. */
function starving(session: SqlSession, times: number) {
  const tries: string[] = []
  return {
    tries,
    session: {
      ...session,
      async run(statements: readonly string[]) {
        tries.push(...statements)
        if (tries.length <= times) throw outOfMemory()
        return session.run(statements)
      },
    },
  }
}

const line = (id: number) => `${eventLine({ event_id: `e${id}`, value: id })}\n`

test('lines that are read in pieces make one file, with each row and each dead line once', async (t) => {
  const content = Array.from({ length: 40 }, (_, id) => (id % 10 === 5 ? `no event ${id}\n` : line(id)))
  const files = await stored('many.ndjson', content.join(''))
  for (const pieceBytes of [1, 1_000, 1_000_000]) {
    const found = await compact({ session, folder, madeFrom, pieceBytes }, files)
    t.match(found, { rows: 36, malformed: 4, damaged: [] })
    t.equal(
      readFileSync(String(found.dead), 'utf8'),
      [5, 15, 25, 35].map((id) => `no event ${id}\n`).join(''),
    )
    const [[ids] = []] = await allRows(
      session,
      `SELECT COUNT(DISTINCT event_id) FROM read_parquet('${found.parquet}')`,
    )
    t.equal(Number(ids), 36)
  }
})

test('what does not fit into memory is tried in halves, down to a floor', async (t) => {
  const files = await stored('one.ndjson', line(1))
  const once = starving(session, 1)
  t.match(
    await compact({ session: once.session, folder, madeFrom, pieceBytes: 2 * LEAST_PIECE_BYTES }, files),
    {
      rows: 1,
      malformed: 0,
    },
  )
  const always = starving(session, 99)
  await t.rejects(
    compact({ session: always.session, folder, madeFrom, pieceBytes: 4 * LEAST_PIECE_BYTES }, files),
    {
      code: 'engine_out_of_memory',
    },
  )
  t.equal(always.tries.length, 3)
})

/** What is stored of a text of 5,000 characters of four bytes: so many of them, and how it ends; 0 for none. */
const KEPT: Readonly<Record<string, readonly [number, string]>> = {
  page_url: [2_048, ''],
  page_path: [2_048, ''],
  referrer: [2_048, ''],
  url_full: [2_048, ''],
  exception_message: [1_024, ''],
  exception_stacktrace: [1_024, ''],
}
const NAMES = [...['event_id', 'measurement_id', 'app_id', 'name', 'page_view_id', 'session_id', 'user_id']]

/** With a line that is no event beside them lines take another way. */
const ways = [
  ['lines that are all events', ''],
  ['lines of which one is none', 'none\n'],
] as const

test('texts are held to what a gateway stores, whatever the column and the way', async (t) => {
  const texts = columns.flatMap(({ name, type }) => (type === 'text' ? [name] : []))
  const labels = texts.filter((name) => !NAMES.includes(name))
  const long = Object.fromEntries(labels.map((name) => [name, '🙂'.repeat(5_000)]))
  const longest = Object.fromEntries(NAMES.map((name) => [name, '🙂'.repeat(128)]))
  const tooLong = NAMES.map((name) => eventLine({ event_id: `of-${name}`, [name]: 'x'.repeat(129) }))
  for (const [way, more] of ways) {
    const lines = [
      eventLine({ ...long, event_id: 'long' }),
      eventLine(longest),
      eventLine({ page_route: '/a' }),
    ]
    const files = await stored('texts.ndjson', lines.map((each) => `${each}\n`).join('') + more)
    const found = await compact({ session, folder, madeFrom, pieceBytes: 1_000_000 }, files)
    t.match(found, { rows: 3, malformed: more === '' ? 0 : 1 }, way)
    const [row = []] = await allRows(
      session,
      `SELECT ${labels.join(', ')} FROM '${found.parquet}' WHERE event_id = 'long'`,
    )
    for (const [at, name] of labels.entries()) {
      const [chars, ending] = KEPT[name] ?? [255, '…']
      t.equal(row[at], '🙂'.repeat(chars) + ending, `${name} in ${way}`)
    }
    const [names = []] = await allRows(
      session,
      `SELECT ${NAMES.join(', ')} FROM '${found.parquet}' WHERE session_id IS NOT NULL`,
    )
    t.same(new Set(names), new Set(['🙂'.repeat(128)]), way)
  }
  const refused = await stored('names.ndjson', `${[...tooLong, line(1)].join('\n')}`)
  const found = await compact({ session, folder, madeFrom, pieceBytes: 1_000_000 }, refused)
  t.match(found, { rows: 1, malformed: NAMES.length }, 'cut, a name would make two things one')
  t.equal(readFileSync(String(found.dead), 'utf8'), tooLong.map((each) => `${each}\n`).join(''))
})

test('attributes are held to what a gateway stores of them', async (t) => {
  const most = Object.fromEntries(
    Array.from({ length: 32 }, (_, at) => [`${at}${'ü'.repeat(62)}`, '\ufffd'.repeat(256)]),
  )
  const huge = 'x'.repeat(40_000)
  const commas = {
    a: ','.repeat(256),
    b: '[{'.repeat(128),
    ...Object.fromEntries(Object.entries(most).slice(0, 9)),
  }
  for (let at = 0; at < 5; at += 1) Object.assign(commas, { [`c${at}`]: ','.repeat(256) })
  for (const [what, sent, kept] of [
    ['the most that a gateway stores', most, most],
    ['a small one of another form', [1, { a: null }], [1, { a: null }]],
    ['a value that is too long', { a: '🙂'.repeat(9_000), b: 'c' }, { a: `${'🙂'.repeat(255)}…`, b: 'c' }],
    ['a name that is too long', { [huge]: '1', 'b"': 'c' }, { 'b"': 'c' }],
    [
      'what is no text',
      { a: huge, n: 1.5, t: true, o: { a: 1 }, l: [1], z: null, '': 'x' },
      { a: `${'x'.repeat(255)}…`, n: '1.5', t: 'true' },
    ],
    ['a list', [huge], ''],
    ['a list of many values', new Array(2_000).fill(0), ''],
    ['many values beside a text', { a: 'x', l: new Array(2_000).fill([]) }, { a: 'x' }],
    ['values that are nothing but commas', commas, commas],
    ['a text', huge, ''],
    [
      'too many of them',
      Object.fromEntries(Array.from({ length: 9_000 }, (_, at) => [`k${at}`, `v${at}`])),
      Object.fromEntries(Array.from({ length: 32 }, (_, at) => [`k${at}`, `v${at}`])),
    ],
  ] as const) {
    for (const [way, more] of ways) {
      const body = eventLine({ attributes: sent as never })
      const files = await stored('attributes.ndjson', `${body}\n${more}`)
      const { parquet } = await compact({ session, folder, madeFrom, pieceBytes: 1_000_000 }, files)
      const [[text] = []] = await allRows(session, `SELECT attributes FROM '${parquet}'`)
      t.same(JSON.parse(String(text)), kept, `${what}, in ${way}`)
    }
  }
})
