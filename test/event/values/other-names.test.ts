import { test } from 'tap'
import { readers } from '../../../src/event/values/columns.ts'
import { columnCalled, meantColumn } from '../../../src/event/values/other-names.ts'

test('what others call a column is known in any spelling, and is a column that a client may set', async (t) => {
  for (const [name, column] of [
    ['timestamp', 'event_time'],
    ['@timestamp', 'event_time'],
    ['sampleRate', 'weight'],
    ['SAMPLE-RATE', 'weight'],
    ['labels', 'attributes'],
    ['page', 'page_route'],
    ['page_location', 'page_url'],
    ['navigationURL', 'page_url'],
    ['attributes.plan', 'attributes'],
    ['colour', undefined],
    ['constructor', undefined],
  ] as const) {
    t.equal(columnCalled(name), column, name)
    if (column !== undefined) t.ok(readers.has(column), column)
  }
  for (const own of readers.keys()) t.equal(columnCalled(own), undefined, 'its own name is none of them')
})

test('a column that has another form than theirs says which', async (t) => {
  t.equal(meantColumn('page_url'), 'did you mean "page_url"?')
  t.equal(meantColumn('weight'), 'did you mean "weight", which is 1 / rate?')
})
