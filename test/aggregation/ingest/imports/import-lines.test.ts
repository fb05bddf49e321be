import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { createCsvReader, separatorOf } from '../../../../src/aggregation/ingest/imports/csv-rows.ts'
import { importLines } from '../../../../src/aggregation/ingest/imports/import-lines.ts'
import {
  type ImportedColumn,
  importedColumns,
  MAX_IMPORTED_COLUMNS,
  rowLine,
} from '../../../../src/aggregation/ingest/imports/imported-columns.ts'
import { AppError } from '../../../../src/std/errors.ts'

const cellsOf = (text: string, pieceChars = text.length || 1) => {
  const reader = createCsvReader(separatorOf(text))
  const pieces = text.match(new RegExp(`[\\s\\S]{1,${pieceChars}}`, 'g')) ?? []
  return [...pieces.flatMap((piece) => [...reader.read(piece)]), ...reader.read('', true)].map(
    ({ line, cells, fault }) => [line, ...(fault === undefined ? cells : [fault])],
  )
}

test('records of CSV, in whatever pieces they come', async (t) => {
  for (const [what, text, rows] of [
    [
      'lines',
      'a,b\n1,2\n',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
      ],
    ],
    [
      'no line end behind the last',
      'a,b\n1,2',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
      ],
    ],
    [
      'line ends of Windows',
      'a,b\r\n1,2\r\n',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
      ],
    ],
    [
      'empty cells',
      'a,b\n,\n',
      [
        [1, 'a', 'b'],
        [2, '', ''],
      ],
    ],
    [
      'empty lines are no records, and are counted',
      'a\n\n\n1\n',
      [
        [1, 'a'],
        [4, '1'],
      ],
    ],
    [
      'quoted',
      '"a","b"\n"x,y","q""q"\n',
      [
        [1, 'a', 'b'],
        [2, 'x,y', 'q"q'],
      ],
    ],
    [
      'a line end in quotes',
      'a,b\n"1\n2",3\n4,5\n',
      [
        [1, 'a', 'b'],
        [2, '1\n2', '3'],
        [4, '4', '5'],
      ],
    ],
    [
      'a quote in the middle is itself',
      'a\n5" disk\n',
      [
        [1, 'a'],
        [2, '5" disk'],
      ],
    ],
    [
      'semicolons, where there is no comma',
      'a;b\n"1,5";2\n',
      [
        [1, 'a', 'b'],
        [2, '1,5', '2'],
      ],
    ],
    [
      'tabulators',
      'a\tb\n1\t2\n',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
      ],
    ],
    ['nothing', '', []],
  ] as const) {
    t.same(cellsOf(text), rows, what)
    t.same(cellsOf(text, 1), rows, `${what}, letter by letter`)
  }
})

test('a line that is no record is refused, and costs no other', async (t) => {
  const notClosed = (written: string) => ({ why: 'A quote is not closed', written })
  const behind = (written: string) => ({
    why: 'There is text behind a closing quote: a quote within quotes is written twice, ""',
    written,
  })
  const count = (cells: string, written: string) => ({
    why: `It has ${cells} cells, and there are 2 columns`,
    written,
  })
  const head = [1, 'a', 'b'] as const
  for (const [what, text, rows] of [
    [
      'a quote that is not closed',
      '1,"2\n3,4\n5,6',
      [
        [2, notClosed('1,"2')],
        [3, '3', '4'],
        [4, '5', '6'],
      ],
    ],
    [
      'at the end',
      '1,2\n3,"4',
      [
        [2, '1', '2'],
        [3, notClosed('3,"4')],
      ],
    ],
    [
      'two of them',
      '1,"2\n3,4\n5,"6\n7,8\n',
      [
        [2, behind('1,"2')],
        [3, '3', '4'],
        [4, notClosed('5,"6')],
        [5, '7', '8'],
      ],
    ],
    [
      'two, and a separator behind',
      '"1,2\n3,4\nx",6\n7,8',
      [
        [2, '1,2\n3,4\nx', '6'],
        [5, '7', '8'],
      ],
    ],
    [
      'of which a record of another width comes',
      '1,"2\n3,4\n5","6\n7,8\n',
      [
        [2, count('more than 2', '1,"2')],
        [3, '3', '4'],
        [4, notClosed('5","6')],
        [5, '7', '8'],
      ],
    ],
    [
      'quotes behind a backslash',
      '1,"a\\"b"\n2,"\\"c\\""\n3,"d\\""\n4,"e\\""\n5,f\n6,g\n',
      [
        [2, behind('1,"a\\"b"')],
        [3, behind('2,"\\"c\\""')],
        [4, behind('3,"d\\""')],
        [5, notClosed('4,"e\\""')],
        [6, '5', 'f'],
        [7, '6', 'g'],
      ],
    ],
    [
      'text behind a quote',
      '1,"2"x\n3,4\n',
      [
        [2, behind('1,"2"x')],
        [3, '3', '4'],
      ],
    ],
    [
      'too few and too many cells',
      '1\n1,2,3\n3,4\n',
      [
        [2, count('1', '1')],
        [3, count('more than 2', '1,2,3')],
        [4, '3', '4'],
      ],
    ],
    [
      'as Windows writes lines',
      '1,"2\r\n3,"4"\r\n5,"6"\r',
      [
        [2, behind('1,"2\r')],
        [3, '3', '4'],
        [4, '5', '6'],
      ],
    ],
  ] as const) {
    t.same(cellsOf(`a,b\n${text}`), [head, ...rows], what)
    t.same(cellsOf(`a,b\n${text}`, 1), [head, ...rows], `${what}, letter by letter`)
  }
  const long = 'x'.repeat(1_048_576)
  const isTooLong = { why: /^It has more than 1048576 characters: is a quote not closed\?/ }
  for (const [what, text, rows] of [
    [
      'a long line',
      `1,${long}\n3,4\n`,
      [
        [2, isTooLong],
        [3, '3', '4'],
      ],
    ],
    [
      'of one piece with more',
      `1,${long}${long}\n3,4\n`,
      [
        [2, isTooLong],
        [3, '3', '4'],
      ],
    ],
    [
      'a quote in front of much',
      `1,"2\n3,4\n5,${long}\n6,7\n`,
      [
        [2, isTooLong],
        [3, '3', '4'],
        [4, isTooLong],
        [5, '6', '7'],
      ],
    ],
  ] as const)
    t.match(cellsOf(`a,b\n${text}`, 16_384), [head, ...rows], what)
})

test('the columns of a table are those of an event, or it is said which are not', async (t) => {
  t.same(importedColumns(['name', ' value', 'event_time', 'attributes.plan']), [
    ...['name', 'value', 'event_time'].map((field) => ({ field })),
    { attribute: 'plan' },
  ])
  const needed = ['name', 'value', 'event_time']
  for (const [names, said] of [
    [[...needed, 'page_rotue'], 'column 4 ("page_rotue") is none of an event; did you mean "page_route"?'],
    [
      ['name', 'value', 'timestamp'],
      'column 3 ("timestamp") is none of an event; did you mean "event_time"?',
    ],
    [
      [...needed, 'ein geheimes Wort'],
      'column 4 is none of an event; leave it out, or keep it as an attribute',
    ],
    [[...needed, 'country'], 'column 4: only the gateway sets the column of that name, from a header'],
    [[...needed, 'name'], 'column 4 has the name of an earlier one'],
    [[...needed, 'attributes.'], 'column 4 ("attributes.") is none of an event; did you mean "attributes"?'],
    [['name'], 'it lacks value, event_time.'],
  ] as const) {
    t.throws(
      () => importedColumns(names),
      { code: 'malformed_body', message: new RegExp(escaped(said)) },
      said,
    )
  }
})

const escaped = (text: string): string => text.replace(/[().?"]/g, '\\$&')

test('a table has no more columns than it may', (t) => {
  const needed = ['name', 'value', 'event_time']
  const names = (count: number) => [
    ...needed,
    ...Array.from({ length: count - needed.length }, (_, at) => `attributes.a${at}`),
  ]
  t.equal(importedColumns(names(MAX_IMPORTED_COLUMNS)).length, MAX_IMPORTED_COLUMNS)
  const message = 'The columns cannot be read: there are more than 1000 columns.'
  t.throws(() => importedColumns(names(MAX_IMPORTED_COLUMNS + 1)), { code: 'malformed_body', message })
  const [head] = cellsOf(`${names(60_003).join(',')}\n`)
  t.same(head, [1, { why: 'There are more than 1000 columns', written: names(60_003).join(',') }])
  t.end()
})

test('a row is an event, and what is empty is absent', async (t) => {
  const columns: readonly ImportedColumn[] = [
    ...['name', 'value', 'attributes'].map((field) => ({ field })),
    { attribute: 'plan' },
  ]
  for (const [cells, event] of [
    [['a', '1', '', ''], { name: 'a', value: '1' }],
    [['a', null, null, 'pro'], { name: 'a', attributes: { plan: 'pro' } }],
    [
      ['a', 1, '{"plan":"x","size":"l"}', 'pro'],
      { name: 'a', value: 1, attributes: { plan: 'pro', size: 'l' } },
    ],
    [['a', 1, '{no', ''], { name: 'a', value: 1, attributes: '{no' }],
  ] as const)
    t.same(JSON.parse(String(rowLine(columns, cells))), event)
})

const noSession = async () => {
  throw new Error('No session is needed')
}

test('what is not for what a table says is not said of it', async (t) => {
  const path = join(t.testdir(), 'file')
  writeFileSync(path, 'PAR1 and more that is Parquet')
  const session = {
    run: async () => {
      throw new AppError('engine_out_of_memory', 'DuckDB was killed from outside')
    },
    async *rows() {
      yield ['name', 'value', 'event_time'].map((name) => [name, 'VARCHAR'])
    },
    close: async () => {},
  }
  const openSession = async () => session
  const lines = importLines({ path, maxBytes: 100, openSession, tempDir: t.testdirName })
  await t.rejects(lines.next(), { code: 'engine_out_of_memory' })
})

test('a table may hold so much, as texts and 64 bytes a row', async (t) => {
  const path = join(t.testdir(), 'file')
  writeFileSync(path, 'PAR1 and more that is Parquet')
  const session = {
    run: async () => {},
    async *rows(query: string) {
      if (query.startsWith('SELECT column_name'))
        yield ['name', 'value', 'event_time'].map((name) => [name, 'VARCHAR'])
      else for (const row of [0, 1, 2]) yield [[row, null, 'a', '1', '2']]
    },
    close: async () => {},
  }
  const rowBytes = '{"name":"a","value":"1","event_time":"2"}'.length + 64
  const numbers: number[] = []
  const read = async (maxBytes: number) => {
    numbers.length = 0
    const content = { path, maxBytes, openSession: async () => session, tempDir: t.testdirName }
    for await (const rows of importLines(content)) for (const { number } of rows) numbers.push(number)
  }
  await read(3 * rowBytes)
  t.same(numbers, [1, 2, 3])
  const message = `Its rows have more than ${3 * rowBytes - 1} bytes`
  await t.rejects(read(3 * rowBytes - 1), { code: 'body_too_large', message })
  t.same(numbers, [1, 2])
})

test('what a file is, is read from its bytes', async (t) => {
  const dir = t.testdir()
  const read = async (bytes: string | Buffer, maxBytes = Number.POSITIVE_INFINITY) => {
    const path = join(dir, 'file')
    writeFileSync(path, bytes)
    const lines = []
    for await (const some of importLines({ path, maxBytes, openSession: noSession, tempDir: dir }))
      lines.push(...some)
    return lines.map(({ number, bytes, fault }) => [number, String(bytes), ...(fault ? [fault] : [])])
  }
  const head = 'name,value,event_time\n'
  const [lines, table] = ['{"name":"a"}\n\n{"name":"b"}\n', `${head}a,1,2\n`]
  for (const [what, bytes, rows] of [
    [
      'NDJSON',
      lines,
      [
        [1, '{"name":"a"}'],
        [3, '{"name":"b"}'],
      ],
    ],
    [
      'NDJSON behind a mark',
      `\ufeff${lines}`,
      [
        [1, '\ufeff{"name":"a"}'],
        [3, '{"name":"b"}'],
      ],
    ],
    [
      'NDJSON in gzip',
      gzipSync(lines),
      [
        [1, '{"name":"a"}'],
        [3, '{"name":"b"}'],
      ],
    ],
    ['CSV', table, [[2, '{"name":"a","value":"1","event_time":"2"}']]],
    [
      'CSV behind a mark, in gzip',
      gzipSync(`\ufeff${table}`),
      [[2, '{"name":"a","value":"1","event_time":"2"}']],
    ],
    [
      'CSV with a row that is too short',
      `${head}a,1\n`,
      [[2, 'a,1', 'It has 2 cells, and there are 3 columns']],
    ],
    [
      'CSV in Latin-1',
      Buffer.from(`${head}\xe4,1,2\n`, 'latin1'),
      [[2, '{"name":"\ufffd","value":"1","event_time":"2"}', 'It is not UTF-8']],
    ],
    [
      'CSV with names in quotes behind a mark',
      '\ufeff"name","value","event_time"\na,1,2\n',
      [[2, '{"name":"a","value":"1","event_time":"2"}']],
    ],
    ['only names', head, []],
  ] as const)
    t.same(await read(bytes), rows, what)
  for (const [what, bytes, message] of [
    ['nothing', '', 'It is empty.'],
    ['UTF-16', Buffer.from('\ufeffname', 'utf16le'), /^It is text in UTF-16; NDJSON and CSV are read/],
    ['a ZIP archive in gzip', gzipSync(Buffer.from('504b0304', 'hex')), /^It is a ZIP archive;/],
    [
      'names of which one has half a quote',
      'name,"value\na,1',
      /^The columns .* line 1 names: A quote is not closed\./,
    ],
    ['half a gzip', gzipSync(lines).subarray(0, -4), /^It breaks off or is damaged/],
  ] as const)
    await t.rejects(read(bytes), { code: 'malformed_body', message }, what)
  await t.rejects(read(gzipSync(lines), 10), { code: 'body_too_large', message: 'It has more than 10 bytes' })
})
