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

test('an entry that somebody else has written is read as any JSON: with spaces, in any order', (t) => {
  const counts = countsOf(3)
  const backwards = Object.fromEntries(Object.entries(counts).reverse())
  t.same(read(JSON.stringify({ ...entry({}), minutes: backwards }, undefined, 2)), kept(counts))
  const many = Object.fromEntries(Object.entries(countsOf(5_000)).reverse())
  t.same(read(JSON.stringify({ ...entry({}), minutes: many })), kept(countsOf(5_000)), 'a long one as well')
  t.end()
})

test('an entry without minutes is one, however many inputs it names', (t) => {
  const inputs = Array.from(
    { length: 1_000 },
    (_, at) => `raw/gateway/dt=2026-11-22/hr=12/${at}-abcdef.ndjson`,
  )
  t.same(read(runToEnd(entryText({ ...entry({}), inputs }))), kept({}))
  t.end()
})

test('a long text that is no entry is none', (t) => {
  const whole = runToEnd(entryText(entry(countsOf(5_000))))
  const last = `"${1_795_348_800_000 + 4_999 * MINUTE_MS}":5000`
  for (const [what, text] of [
    ['one that was cut off within the minutes', whole.slice(0, 50_000)],
    ['one that was cut off behind them', whole.slice(0, -1)],
    ['without minutes', whole.replace('"minutes"', '"hours"')],
    ['a minute that is twice there', whole.replace(last, '"1795348800000":1')],
    ['a minute that is no number', whole.replace(last, '"noon":1')],
    ['rows that are no number', whole.replace(last, '"1795348800000":"1"')],
  ] as const)
    t.equal(read(text), undefined, what)
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
    ['a comma too many', whole.replace(first, `,${first}`)],
  ] as const)
    t.equal(read(text), undefined, what)
  t.end()
})
