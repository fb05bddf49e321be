import { test } from 'tap'
import {
  compactionInputs,
  MAX_INPUTS,
  parseCompacted,
  pendingIn,
} from '../../../../src/aggregation/ingest/index/pending.ts'

const object = (key: string, bytes = 1, storedMs = 0) => ({ key, bytes, modifiedMs: 0, storedMs })

test('a listing is sorted into NDJSON by source and hour, and Parquet that no ingest wrote', (t) => {
  const { partitions, foreign, compacted, joined, misnamed } = pendingIn(
    [
      'raw/direct-a/dt=2026-11-22/hr=10/x.ndjson',
      'raw/gateway/dt=2026-11-22/hr=10/a.ndjson',
      'raw/gateway/dt=2026-11-22/hr=10/b.ndjson.gz',
      'raw/gateway/dt=2026-11-22/hr=10/c-000001-0123456789abcdef.parquet',
      'raw/gateway/dt=2026-11-22/hr=10/c-000001-0123456789abcdef-2.parquet',
      'raw/gateway/dt=2026-11-22/hr=10/firehose.parquet',
      'raw/gateway/dt=2026-11-22/hr=10/j-0123456789abcdef.parquet',
      'raw/gateway/dt=2026-11-22/hr=10/j-0123456789abcdef-2.parquet',
      'raw/gateway/dt=2026-11-22/hr=11/a.ndjson',
      'raw/gateway/readme.txt',
    ].map((key) => object(key)),
  )
  t.same(
    partitions.map(({ source, arrivalMs, inputs }) => [
      source,
      new Date(arrivalMs).toISOString(),
      inputs.length,
    ]),
    [
      ['direct-a', '2026-11-22T10:00:00.000Z', 1],
      ['gateway', '2026-11-22T10:00:00.000Z', 2],
      ['gateway', '2026-11-22T11:00:00.000Z', 1],
    ],
  )
  t.same(
    foreign.map(({ key }) => key),
    [
      'raw/gateway/dt=2026-11-22/hr=10/c-000001-0123456789abcdef-2.parquet',
      'raw/gateway/dt=2026-11-22/hr=10/firehose.parquet',
      'raw/gateway/dt=2026-11-22/hr=10/j-0123456789abcdef-2.parquet',
    ],
  )
  t.same(
    joined.map(({ key }) => key),
    ['raw/gateway/dt=2026-11-22/hr=10/j-0123456789abcdef.parquet'],
  )
  t.same(misnamed, ['raw/gateway/readme.txt'])
  t.match(compacted, [{ key: 'raw/gateway/dt=2026-11-22/hr=10/c-000001-0123456789abcdef.parquet', slot: 1 }])
  t.end()
})

test('batches are filled in order up to the bound, gzip counted as the lines in it', (t) => {
  const sizes = (bound: number, ...objects: [string, number][]) =>
    compactionInputs(
      objects.map(([key, bytes]) => object(key, bytes)),
      bound,
    ).map((batch) => batch.map(({ key }) => key).join(''))
  t.same(sizes(100), [])
  t.same(sizes(100, ['a', 50], ['b', 50], ['c', 1]), ['ab', 'c'])
  t.same(sizes(100, ['a', 0], ['b', 50]), ['ab'], 'an empty one is no exception')
  t.same(sizes(100, ['a', 500], ['b', 50], ['c', 50]), ['a', 'bc'], 'a larger one goes alone')
  t.same(sizes(100, ['a', 50], ['b.gz', 6], ['c', 40]), ['a', 'b.gzc'])
  const many = Array.from({ length: MAX_INPUTS + 1 }, (_, at) => [`${at}.gz`, 0] as [string, number])
  t.equal(sizes(100, ...many).length, 2, 'an entry names so many at most')
  t.end()
})

test('what came in time is in no batch with what came long after it', (t) => {
  const hours = (ms: number) => ms * 3_600_000
  const quarantined = `raw/direct-shop/dt=2026-11-22/hr=10/q-${'0'.repeat(32)}-${hours(1)}.ndjson`
  const inputs = [
    object('a', 1, hours(1)),
    object('b', 1, hours(9)),
    object('c', 1, hours(3)),
    object('d', 1, hours(8)),
    object('e', 1, hours(3) + 1),
    object(quarantined, 1, hours(99)),
  ]
  const batches = compactionInputs(inputs, 100).map((batch) => batch.map(({ key }) => key))
  t.same(batches, [['a', 'c', quarantined], ['e'], ['b', 'd']], 'each in the order of the listing')
  t.end()
})

test('the name of a compacted object holds its slot', (t) => {
  t.same(parseCompacted('c-000042-0123456789abcdef'), { base: 'c-000042-0123456789abcdef', slot: 42 })
  t.same(parseCompacted('c-1000000-0123456789abcdef-3'), {
    base: 'c-1000000-0123456789abcdef',
    slot: 1_000_000,
  })
  for (const other of ['c-42-0123456789abcdef', 'c-000042-0123', 'x', 'firehose-c-000042-0123456789abcdef'])
    t.equal(parseCompacted(other), undefined, other)
  t.end()
})
