import { test } from 'tap'
import { csvOf, wantsCsv } from '../../../../src/aggregation/serve/api/csv.ts'

test('a table, with quotes only where they are needed', async (t) => {
  t.equal(
    csvOf([
      ['a', 'b,c', 'say "no"', 'two\nlines'],
      [1, -0.5, null, undefined],
      [true, false, '', 'Zürich'],
    ]),
    'a,"b,c","say ""no""","two\nlines"\r\n1,-0.5,,\r\ntrue,false,,Zürich\r\n',
  )
  t.equal(csvOf([]), '')
})

test('no text of a stranger is computed by a spreadsheet', async (t) => {
  for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1']) t.equal(csvOf([[text]]), `'${text}\r\n`)
  t.equal(csvOf([['\r=1', '=HYPERLINK("x")']]), `"'\r=1","'=HYPERLINK(""x"")"\r\n`)
  t.equal(csvOf([['a=1', '/-1']]), 'a=1,/-1\r\n')
})

test('a table is for who names it', async (t) => {
  for (const accept of ['text/csv', 'application/json, text/csv', 'TEXT/CSV;q=0.5', 'text/csv ,*/*'])
    t.equal(wantsCsv(accept), true, accept)
  for (const accept of [undefined, '', '*/*', 'text/*', 'text/csvx', 'application/text/csv'])
    t.equal(wantsCsv(accept), false, String(accept))
})
