import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Lake } from '../../src/lake/lake.ts'
import { isTooLarge } from '../../src/std/files/too-large.ts'

const text = (body: Buffer | undefined) => body?.toString()
const bytes = (body: string) => Buffer.from(body)

/** What every lake promises. `open` gives an empty one. */
export function lakeContract(t: Test, name: string, open: (t: Test) => Promise<Lake>): void {
  t.test(`${name}: an object is read as it was stored`, async (t) => {
    const lake = await open(t)
    t.equal(await lake.put('raw/a/x.ndjson', bytes('one\n')), 'stored')
    t.equal(text(await lake.get('raw/a/x.ndjson')), 'one\n')
    t.equal(await lake.put('raw/a/x.ndjson', bytes('two\n')), 'stored')
    t.equal(text(await lake.get('raw/a/x.ndjson')), 'two\n', 'a second put replaces the first')
  })

  t.test(`${name}: any bytes come back, none, all kinds and many`, async (t) => {
    const lake = await open(t)
    const kinds = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const many = Buffer.alloc(9_000_001, kinds)
    for (const [what, body] of [
      ['none', Buffer.alloc(0)],
      ['all kinds', kinds],
      ['many', many],
      ['a view of more', many.subarray(5, 400_005)],
    ] as const) {
      const key = `raw/bytes/${what.replaceAll(' ', '-')}`
      t.equal(await lake.put(key, body), 'stored', what)
      t.ok((await lake.get(key))?.equals(body), `get ${what}`)
      const opened = await lake.open(key)
      t.ok(readFileSync(opened?.path ?? '').equals(body), `open ${what}`)
      await opened?.release()
    }
    t.strictSame(
      (await lake.list('raw/bytes/')).map(({ key, bytes }) => [key, bytes]),
      [
        ['raw/bytes/a-view-of-more', 400_000],
        ['raw/bytes/all-kinds', 256],
        ['raw/bytes/many', 9_000_001],
        ['raw/bytes/none', 0],
      ],
    )
  })

  t.test(
    `${name}: an object is read up to the bound that is asked for, and of a larger one nothing`,
    async (t) => {
      const lake = await open(t)
      await lake.put('raw/a/x.ndjson', bytes('rows'))
      t.equal(text(await lake.get('raw/a/x.ndjson', 4)), 'rows')
      const error = await lake.get('raw/a/x.ndjson', 3).catch((error: unknown) => error)
      t.match(error, { code: 'lake_failed', message: /^Lake get raw\/a\/x.ndjson failed/ })
      t.ok(isTooLarge(Object(error).cause))
    },
  )

  t.test(`${name}: a key may hold all that the layout writes`, async (t) => {
    const lake = await open(t)
    const key = 'raw/direct-Shop_1/dt=2026-11-22/hr=23/0mb~x.y-1.ndjson.gz'
    await lake.put(key, bytes('rows'), { ifAbsent: true })
    t.equal(text(await lake.get(key)), 'rows')
    t.match(await lake.list('raw/direct-Shop_1/dt='), [{ key, bytes: 4 }])
    await lake.remove([key])
    t.equal(await lake.get(key), undefined)
    t.equal(await lake.put(key, bytes('more'), { ifAbsent: true }), 'stored', 'absent again')
  })

  t.test(`${name}: what is not there is undefined`, async (t) => {
    const lake = await open(t)
    await lake.put('raw/a/x.ndjson', bytes('one\n'))
    for (const key of ['raw/a/y.ndjson', 'raw/a', 'raw/a/x.ndjson/z', 'other']) {
      t.equal(await lake.get(key), undefined, `get ${key}`)
      t.equal(await lake.open(key), undefined, `open ${key}`)
    }
  })

  t.test(`${name}: ifAbsent keeps what is there`, async (t) => {
    const lake = await open(t)
    t.equal(await lake.put('m/gen-1.json', bytes('first'), { ifAbsent: true }), 'stored')
    t.equal(await lake.put('m/gen-1.json', bytes('second'), { ifAbsent: true }), 'exists')
    t.equal(text(await lake.get('m/gen-1.json')), 'first')
  })

  t.test(`${name}: of many that race to be first exactly one wins, and its bytes stay`, async (t) => {
    const lake = await open(t)
    const racers = Array.from({ length: 16 }, (_, n) => `racer ${n}`)
    const outcomes = await Promise.all(
      racers.map((racer) => lake.put('m/gen-2.json', bytes(racer), { ifAbsent: true })),
    )
    t.equal(outcomes.filter((outcome) => outcome === 'stored').length, 1)
    t.equal(text(await lake.get('m/gen-2.json')), racers[outcomes.indexOf('stored')])
  })

  t.test(`${name}: writers of one key never mix their bytes`, async (t) => {
    const lake = await open(t)
    const bodies = Array.from({ length: 8 }, (_, n) => String(n).repeat(100_000))
    await Promise.all(bodies.map((body) => lake.put('m/same', bytes(body))))
    t.ok(bodies.includes(text(await lake.get('m/same')) ?? ''))
  })

  t.test(`${name}: a list holds the keys with the prefix, in order, with their sizes`, async (t) => {
    const lake = await open(t)
    for (const key of ['raw/b/2.json', 'raw/a/1.json', 'raw/a/10.json', 'raw/ab/3.json', 'dead/a/4.json']) {
      await lake.put(key, bytes(key))
    }
    const keys = async (prefix: string) => {
      const listed = (await lake.list(prefix)).map((object) => object.key)
      t.same(await lake.keys(prefix), listed, `keys of ${prefix}`)
      return listed
    }
    t.strictSame(await keys('raw/a/'), ['raw/a/1.json', 'raw/a/10.json'])
    t.strictSame(
      await keys('raw/a'),
      ['raw/a/1.json', 'raw/a/10.json', 'raw/ab/3.json'],
      'no folder, a prefix',
    )
    t.strictSame(await keys('raw/a/10'), ['raw/a/10.json'])
    t.strictSame(await keys('r'), ['raw/a/1.json', 'raw/a/10.json', 'raw/ab/3.json', 'raw/b/2.json'])
    t.equal((await keys('')).length, 5)
    t.strictSame(await keys('nothing/'), [])
    const [object] = await lake.list('dead/')
    t.equal(object?.bytes, 'dead/a/4.json'.length)
    t.ok(Number.isInteger(object?.modifiedMs) && (object?.modifiedMs ?? 0) > 1e12)
    t.ok(Number.isInteger(object?.storedMs) && (object?.storedMs ?? 0) > 1e12)
  })

  t.test(`${name}: the folders below a prefix are told, in order`, async (t) => {
    const lake = await open(t)
    const others = Array.from({ length: 12 }, (_, at) => `c/${String(at).padStart(2, '0')}/x`)
    for (const key of ['a/b2/c/1', 'a/b/c/1', 'a/b/d', 'a/b.x', 'ab/1', ...others])
      await lake.put(key, bytes(key))
    t.strictSame(await lake.folders('a/'), ['a/b/', 'a/b2/'])
    t.strictSame(await lake.folders('a/b/'), ['a/b/c/'])
    t.strictSame(await lake.folders('a/b/c/'), [])
    t.strictSame(await lake.folders(''), ['a/', 'ab/', 'c/'])
    t.strictSame(
      await lake.folders('c/'),
      others.map((key) => key.slice(0, -1)),
    )
    t.strictSame(await lake.folders('nothing/'), [])
  })

  t.test(`${name}: a long list is in key order too`, async (t) => {
    const lake = await open(t)
    const keys = Array.from({ length: 40 }, (_, n) => `k/${n % 2 ? 'a' : 'a-b'}/${(n * 17) % 40}`)
    await Promise.all(keys.map((key) => lake.put(key, bytes(key))))
    t.strictSame(
      (await lake.list('k/')).map(({ key }) => key),
      [...keys].sort(),
    )
  })

  t.test(`${name}: a file is moved in`, async (t) => {
    const lake = await open(t)
    const path = join(mkdtempSync(join(tmpdir(), 'lake-')), 'local')
    writeFileSync(path, 'rows')
    await lake.putFile('raw/a/x.parquet', path)
    t.equal(text(await lake.get('raw/a/x.parquet')), 'rows')
    t.notOk(existsSync(path))
  })

  t.test(`${name}: a file replaces an object, and one that is not there changes nothing`, async (t) => {
    const lake = await open(t)
    const path = join(mkdtempSync(join(tmpdir(), 'lake-')), 'local')
    await lake.put('raw/a/x.parquet', bytes('old rows'))
    await t.rejects(lake.putFile('raw/a/x.parquet', path), {
      code: 'lake_failed',
      message: 'Lake putFile raw/a/x.parquet failed: ENOENT',
    })
    t.equal(text(await lake.get('raw/a/x.parquet')), 'old rows')
    writeFileSync(path, 'new rows')
    await lake.putFile('raw/a/x.parquet', path)
    t.equal(text(await lake.get('raw/a/x.parquet')), 'new rows')
    t.equal((await lake.list('raw/')).length, 1)
  })

  t.test(`${name}: an opened object is a local file until it is released`, async (t) => {
    const lake = await open(t)
    await lake.put('raw/a/x.parquet', bytes('rows'))
    const opened = await lake.open('raw/a/x.parquet')
    t.equal(readFileSync(opened?.path ?? '', 'utf8'), 'rows')
    const again = await lake.open('raw/a/x.parquet')
    await opened?.release()
    await opened?.release()
    t.equal(readFileSync(again?.path ?? '', 'utf8'), 'rows', 'each opening is its own')
    await again?.release()
    t.equal(text(await lake.get('raw/a/x.parquet')), 'rows')
  })

  t.test(`${name}: objects are removed, absent ones without an error`, async (t) => {
    const lake = await open(t)
    for (const key of ['a/1', 'a/2', 'a/3']) await lake.put(key, bytes(key))
    await lake.remove(['a/1', 'a/absent', 'a/3'])
    t.strictSame(
      (await lake.list('')).map(({ key }) => key),
      ['a/2'],
    )
    await lake.remove([])
  })

  t.test(`${name}: a key cannot leave the lake`, async (t) => {
    const lake = await open(t)
    for (const key of ['../x', 'a/../../x', '/etc/x', 'a//b', 'a/.', 'a/', 'a b', 'a/x.part', '']) {
      await t.rejects(lake.put(key, bytes('x')), { code: 'lake_failed' }, `put ${key}`)
      await t.rejects(lake.get(key), { code: 'lake_failed' }, `get ${key}`)
      await t.rejects(lake.open(key), { code: 'lake_failed' }, `open ${key}`)
      await t.rejects(lake.putFile(key, '/absent'), { code: 'lake_failed' }, `putFile ${key}`)
      await t.rejects(lake.remove([key]), { code: 'lake_failed' }, `remove ${key}`)
    }
    for (const prefix of ['../', '/', 'a//', 'a b/']) {
      await t.rejects(lake.list(prefix), { code: 'lake_failed' }, `list ${prefix}`)
      await t.rejects(lake.keys(prefix), { code: 'lake_failed' }, `keys of ${prefix}`)
      await t.rejects(lake.folders(prefix), { code: 'lake_failed' }, `folders of ${prefix}`)
    }
  })
}
