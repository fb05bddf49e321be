import t from 'tap'
import * as layout from '../../src/lake/layout.ts'
import { HOUR_MS } from '../../src/std/durations.ts'

const at = (text: string) => Date.parse(text)
const object = { source: 'gateway', name: 'a-1', extension: 'ndjson' } as const

t.test('the partition of an arrival is its UTC day and hour', (t) => {
  for (const [rule, arrivalMs, partition] of [
    ['midnight belongs to the new day', at('2026-11-22T00:00:00Z'), 'dt=2026-11-22/hr=00'],
    ['the last millisecond belongs to the old day', at('2026-11-22T00:00:00Z') - 1, 'dt=2026-11-21/hr=23'],
    ['a full hour belongs to the new hour', at('2026-11-22T05:00:00Z'), 'dt=2026-11-22/hr=05'],
    ['the leap day is a day', at('2028-02-29T12:34:56Z'), 'dt=2028-02-29/hr=12'],
    ['the last hour of a year', at('2026-12-31T23:59:59.999Z'), 'dt=2026-12-31/hr=23'],
    ['the epoch', 0, 'dt=1970-01-01/hr=00'],
  ] as const) {
    t.equal(layout.partitionOf(arrivalMs), partition, rule)
  }
  t.end()
})

t.test('each area of the lake has its keys', (t) => {
  const arrivalMs = at('2026-11-22T05:59:59.999Z')
  const place = 'dt=2026-11-22/hr=05'
  t.equal(layout.rawKey({ ...object, arrivalMs }), `raw/gateway/${place}/a-1.ndjson`)
  t.equal(
    layout.deadKey({ ...object, arrivalMs, extension: 'ndjson.gz' }),
    `dead/gateway/${place}/a-1.ndjson.gz`,
  )
  t.equal(
    layout.quarantineKey({ ...object, source: 'direct-shop', arrivalMs }),
    `quarantine/direct-shop/${place}/a-1.ndjson`,
  )
  t.equal(layout.indexKey(arrivalMs, 'a-1'), `index/${place}/a-1.json`)
  const imported = layout.rawKey({ ...object, source: layout.importSource('old'), arrivalMs })
  t.equal(imported, `raw/import-old/${place}/a-1.ndjson`)
  t.same([imported, `raw/gateway/${place}/a-1.ndjson`, 'raw/import-old/a-1.ndjson'].map(layout.isImported), [
    ...[true, false, false],
  ])
  t.end()
})

t.test('a raw key can be read back, to the hour', (t) => {
  const hour = at('2026-11-22T05:00:00Z')
  for (const extension of layout.RAW_EXTENSIONS) {
    const key = layout.rawKey({ ...object, extension, arrivalMs: hour + 1_234 })
    t.strictSame(layout.parseRawKey(key), { ...object, extension, arrivalMs: hour }, extension)
  }
  const quarantined = layout.quarantineKey({ ...object, arrivalMs: hour })
  t.strictSame(layout.parseQuarantineKey(quarantined), { ...object, arrivalMs: hour })
  t.equal(layout.parseRawKey(quarantined), undefined, 'quarantine is not raw')
  t.strictSame(layout.parseDeadKey(layout.deadKey({ ...object, arrivalMs: hour })), {
    ...object,
    arrivalMs: hour,
  })
  t.end()
})

t.test('what was taken from the quarantine says since when it lay there', (t) => {
  const hour = at('2026-11-22T05:00:00Z')
  const keyOf = (name: string) => layout.rawKey({ ...object, arrivalMs: hour, name })
  const id = '0123456789abcdef'.repeat(2)
  t.equal(layout.quarantinedMs(keyOf(layout.quarantinedName(id, hour))), hour)
  for (const name of [`q-${id}`, `q-${id}-x`, `q-0-${hour}`, 'a'])
    t.equal(layout.quarantinedMs(keyOf(name)), undefined, name)
  t.end()
})

t.test('a name may have dots, as those of Spark: the extension is what it ends in', (t) => {
  const hour = at('2026-11-22T05:00:00Z')
  for (const [name, extension] of [
    ['part-00000-0a1b.c000.snappy', 'parquet'],
    ['export.2026-11-22', 'ndjson.gz'],
    ['a.ndjson', 'parquet'],
    ['a..b', 'ndjson'],
  ] as const) {
    const key = `raw/gateway/dt=2026-11-22/hr=05/${name}.${extension}`
    t.strictSame(layout.parseRawKey(key), { source: 'gateway', arrivalMs: hour, name, extension }, key)
    t.notOk(layout.isMisnamed(key), key)
  }
  t.end()
})

t.test(
  'what others put where we read, under a name that is never read, is told from what is none of theirs',
  (t) => {
    const hour = 'dt=2026-11-22/hr=05'
    for (const name of [
      'x.json',
      'x.jsonl',
      'x.json.gz',
      'x.csv',
      'x.NDJSON',
      'x',
      'x y.ndjson',
      'xü.ndjson',
      '%41.parquet',
    ])
      for (const top of ['raw', 'quarantine']) t.ok(layout.isMisnamed(`${top}/bi/${hour}/${name}`), name)
    for (const name of [
      'raw/x.ndjson',
      'raw/bi/x.ndjson',
      'raw/bi/dt=2026-11-22/x.ndjson',
      'raw/b i/dt=2026-11-22/hr=05/x.ndjson',
      'raw/bi/dt=2026-13-01/hr=05/x.ndjson',
      'raw/bi/dt=2026-02-30/hr=05/x.ndjson',
      'quarantine/direct-a/dt=2026-11-22/hr=24/x.ndjson',
    ])
      t.ok(layout.isMisnamed(name), name)
    for (const name of [
      `raw/bi/${hour}/x.ndjson`,
      `raw/bi/${hour}/x.ndjson.gz`,
      `raw/bi/${hour}/_SUCCESS`,
      `raw/bi/${hour}/_temporary/0/task_1/part-0.parquet`,
      `raw/bi/${hour}/.part-0.parquet.crc`,
      `raw/bi/${hour}/x.ndjson.k3J.part`,
      `raw/bi/${hour}/`,
      'raw/.DS_Store',
      `dead/bi/${hour}/x.json`,
      `index/${hour}/x.txt`,
    ])
      t.notOk(layout.isMisnamed(name), name)
    t.end()
  },
)

t.test('other keys are no raw keys', (t) => {
  for (const [rule, key] of [
    ['another area', 'dead/gateway/dt=2026-11-22/hr=05/a.ndjson'],
    ['an unfinished file', 'raw/gateway/dt=2026-11-22/hr=05/a.ndjson.part'],
    ['another extension', 'raw/gateway/dt=2026-11-22/hr=05/a.csv'],
    ['a hidden file', 'raw/gateway/dt=2026-11-22/hr=05/.a.ndjson'],
    ['no hour', 'raw/gateway/dt=2026-11-22/a.ndjson'],
    ['an hour that does not exist', 'raw/gateway/dt=2026-11-22/hr=24/a.ndjson'],
    ['a day that does not exist', 'raw/gateway/dt=2026-13-01/hr=05/a.ndjson'],
    ['a day that its month has not', 'raw/gateway/dt=2026-02-30/hr=05/a.ndjson'],
    ['a deeper folder', 'raw/gateway/dt=2026-11-22/hr=05/more/a.ndjson'],
    ['nothing', ''],
  ] as const) {
    t.equal(layout.parseRawKey(key), undefined, rule)
  }
  t.end()
})

t.test('a range of arrivals lies below one prefix an hour', (t) => {
  const hour = (n: number) => at('2026-11-21T22:00:00Z') + n * HOUR_MS
  const prefix = (text: string) => `raw/gateway/${text}/`
  for (const [rule, fromMs, toMs, prefixes] of [
    ['one whole hour', hour(0), hour(1), ['dt=2026-11-21/hr=22']],
    ['a moment', hour(0) + 5, hour(0) + 6, ['dt=2026-11-21/hr=22']],
    ['across midnight', hour(1) + 1, hour(2) + 1, ['dt=2026-11-21/hr=23', 'dt=2026-11-22/hr=00']],
    ['the end is not part of it', hour(1), hour(2), ['dt=2026-11-21/hr=23']],
    ['nothing', hour(1), hour(1), []],
  ] as const) {
    t.strictSame(layout.rawPrefixes('gateway', fromMs, toMs), prefixes.map(prefix), rule)
  }
  t.strictSame(layout.hourPrefixes('index', hour(0), hour(1)), ['index/dt=2026-11-21/hr=22/'])
  t.end()
})

t.test('rollup keys name the window, the run and the generation', (t) => {
  const windowFromMs = at('2026-11-22T00:00:00Z')
  const window = { rollup: 'standard', hash: 'ab12', grain: '15m', windowFromMs }
  const prefix = 'rollups/standard/ab12/15m/dt=2026-11-22/w=1795305600000/'
  t.equal(layout.rollupWindowPrefix(window), prefix)
  t.equal(layout.runPrefix(window, 'r-1'), `${prefix}run=r-1/`)
  t.equal(layout.manifestKey(window, 1), `${prefix}gen-000001.json`)
  t.strictSame(layout.parseManifestKey(layout.manifestKey(window, 42)), { ...window, generation: 42 })
  t.strictSame(layout.parseManifestKey(layout.manifestKey(window, 1_234_567))?.generation, 1_234_567)
  t.equal(layout.parseManifestKey(`${prefix}run=r-1/gen-000001.json`), undefined)
  t.equal(layout.parseManifestKey(`${prefix}gen-1.json`), undefined)
  t.end()
})

t.test('no part of a key can lead out of its place', (t) => {
  for (const part of ['..', '.', '', 'a/b', '../x', 'a b', 'ä', 'a\\b', 'a\0', '%2e%2e']) {
    t.throws(
      () => layout.rawKey({ ...object, arrivalMs: 0, source: part }),
      { code: 'lake_failed' },
      `source ${part}`,
    )
  }
  const window = { rollup: 'a/b', hash: 'h', grain: '15m', windowFromMs: 0 }
  t.throws(() => layout.rollupWindowPrefix(window), { code: 'lake_failed' })
  t.throws(() => layout.indexKey(0, '../../x'), { code: 'lake_failed' })
  t.throws(() => layout.checkedKey('raw//x'), { code: 'lake_failed' })
  t.throws(() => layout.checkedKey('/etc/passwd'), { code: 'lake_failed' })
  t.equal(layout.checkedKey('raw/direct-shop/A_z.0=~'), 'raw/direct-shop/A_z.0=~')
  t.end()
})
