import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { createCsvReader, separatorOf } from '../../../../src/aggregation/ingest/imports/csv-rows.ts'
import { importLines } from '../../../../src/aggregation/ingest/imports/import-lines.ts'
import {
  type ImportedColumn,
  importedColumns,
  rowLine,
} from '../../../../src/aggregation/ingest/imports/imported-columns.ts'

const cellsOf = (text: string, pieceChars = text.length || 1) => {
  const reader = createCsvReader(separatorOf(text))
  const pieces = text.match(new RegExp(`[\\s\\S]{1,${pieceChars}}`, 'g')) ?? []
  return [...pieces.flatMap((piece) => reader.read(piece)), ...reader.last()].map(({ line, cells }) => [
    line,
    ...cells,
  ])
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
  const reader = createCsvReader(',')
  reader.read('a\n')
  t.throws(() => reader.read(`"${'x'.repeat(1_048_576)}`), {
    code: 'malformed_body',
    message: /^The record that begins in line 2 has more .* is a quote not closed\?/,
  })
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

test('what a file is, is read from its bytes', async (t) => {
  const dir = t.testdir()
  const read = async (bytes: string | Buffer, maxBytes = Number.POSITIVE_INFINITY) => {
    const path = join(dir, 'file')
    writeFileSync(path, bytes)
    const lines = []
    for await (const some of importLines({ path, maxBytes, openSession: noSession })) lines.push(...some)
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
      [[2, '{"name":"a","value":"1"}', 'It has 2 cells, and there are 3 columns']],
    ],
    [
      'CSV in Latin-1',
      Buffer.from(`${head}\xe4,1,2\n`, 'latin1'),
      [[2, '{"name":"\ufffd","value":"1","event_time":"2"}', 'It is not UTF-8']],
    ],
    ['only names', head, []],
  ] as const)
    t.same(await read(bytes), rows, what)
  for (const [what, bytes, message] of [
    ['nothing', '', 'It is empty.'],
    ['UTF-16', Buffer.from('\ufeffname', 'utf16le'), /^It is text in UTF-16; NDJSON and CSV are read/],
    ['a ZIP archive in gzip', gzipSync(Buffer.from('504b0304', 'hex')), /^It is a ZIP archive;/],
    ['half a gzip', gzipSync(lines).subarray(0, -4), /^It breaks off or is damaged/],
  ] as const)
    await t.rejects(read(bytes), { code: 'malformed_body', message }, what)
  await t.rejects(read(gzipSync(lines), 10), { code: 'body_too_large', message: 'It has more than 10 bytes' })
})
