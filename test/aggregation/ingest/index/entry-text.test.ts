import { test } from 'tap'
import {
  entryIn,
  entryText,
  type IndexEntry,
  type StoredEntry,
} from '../../../../src/aggregation/ingest/index/entry-text.ts'
import { runToEnd } from '../../../../src/std/async/yielding.ts'
import { minuteRows } from '../../../fakes/aggregation/minutes.ts'

const MINUTE_MS = 60_000
const entry = (counts: Readonly<Record<string, number>>): StoredEntry => ({
  version: 1,
  key: 'raw/a","minutes":{"0":1}.parquet',
  rows: 1,
  bytes: 10,
  inputs: ['"minutes":{', '}'],
  minutes: minuteRows(counts),
  malformed: 0,
  arrivalMinMs: 1,
  arrivalMaxMs: null,
  indexedMs: 7,
})
function kept(counts: Readonly<Record<string, number>>): IndexEntry {
  const { inputs: _, ...rest } = entry(counts)
  return rest
}
const read = (text: string) => runToEnd(entryIn(text))
const countsOf = (length: number) =>
  Object.fromEntries(Array.from({ length }, (_, at) => [1_795_348_800_000 + at * MINUTE_MS, at + 1]))

test('an entry is written as its JSON, byte for byte, however many minutes it has, and read as it was', (t) => {
  for (const length of [0, 1, 2_047, 2_048, 2_049, 10_000]) {
    const counts = countsOf(length)
    const text = runToEnd(entryText(entry(counts)))
    t.equal(text, JSON.stringify({ ...entry(counts), minutes: counts }), `${length} minutes`)
    t.same(read(text), kept(counts), 'but for what nobody reads again')
  }
  t.end()
})

test('the first minutes of 1970, which JSON sorts by itself, are read in order', (t) => {
  const counts = { 0: 1, 60000: 2, 4294920000: 3, 4294980000: 4 }
  t.same(read(JSON.stringify({ ...entry({}), minutes: counts })), kept(counts))
  t.end()
})

test('any other text is no entry', (t) => {
  const whole = runToEnd(entryText(entry(countsOf(3))))
  const first = '"1795348800000":1'
  for (const [what, text] of [
    ['nothing', ''],
    ['JSON of something else', '{}'],
    ['one that was cut off within the minutes', whole.slice(0, whole.indexOf(first) + 5)],
    ['one that was cut off behind them', whole.slice(0, -1)],
    ['another version', whole.replace('"version":1', '"version":2')],
    ['rows that are no number', whole.replace(first, '"1795348800000":"1"')],
    ['a part of a row', whole.replace(first, '"1795348800000":1.5')],
    ['a minute that is no number', whole.replace(first, '"noon":1')],
    ['minutes out of order', whole.replace(first, '"1795348860001":1')],
    ['a comma too many', whole.replace(first, `,${first}`)],
  ] as const)
    t.equal(read(text), undefined, what)
  t.end()
})
