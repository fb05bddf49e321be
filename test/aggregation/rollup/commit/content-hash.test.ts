import { test } from 'tap'
import { contentOf } from '../../../../src/aggregation/rollup/commit/content-hash.ts'
import type { RollupRow } from '../../../../src/aggregation/rollup/stores/store.ts'
import { row } from '../../../contracts/store.ts'
import { chunks } from '../../../fakes/aggregation/store.ts'

const sorted = [
  row({ app: 'a', value: '' }),
  row({ app: 'a', metric: 'z' }),
  row({ app: 'a', metric: 'z', set: 'route', value: '/a' }),
  row({ app: 'a', metric: 'z', set: 'route', value: '/a b' }),
  row({ app: 'b' }),
]

test('the hash is of the rows, whatever the chunks', async (t) => {
  const whole = await contentOf(chunks(sorted))
  t.equal(whole.rows, 5)
  t.match(whole.hash, /^[0-9a-f]{64}$/)
  t.same(await contentOf(chunks(sorted.slice(0, 1), [], sorted.slice(1))), whole)
})

test('no rows have a hash as well', async (t) => {
  t.same(await contentOf(chunks()), {
    hash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    rows: 0,
  })
})

test('every field counts, and none can pass for another', async (t) => {
  const variants: Partial<RollupRow>[] = [
    {},
    { app: 'shop2' },
    { metric: 'lcp2' },
    { unit: 's' },
    { set: 'app2' },
    { value: '-' },
    { n: 2_001n },
    { rows: 3 },
    { sum: 3n },
    { squares: 3n },
    { minMicros: 3n },
    { maxMicros: 3n },
    { histogram: '0:2000' },
    { app: 'sho', metric: 'plcp' },
    { set: 'a","p', value: '","' },
    { n: 20_002n, rows: 0 },
  ]
  const hashes = await Promise.all(variants.map(async (over) => (await contentOf(chunks([row(over)]))).hash))
  t.equal(new Set(hashes).size, variants.length)
})

test('sums of 38 digits are hashed to the last digit', async (t) => {
  const large = 10n ** 37n
  const [a, b] = await Promise.all([large, large + 1n].map((sum) => contentOf(chunks([row({ sum })]))))
  t.not(a?.hash, b?.hash)
})

test('the form is pinned: it decides which generations count as equal', async (t) => {
  const { hash } = await contentOf(chunks(sorted))
  t.equal(hash, 'f9e03e6041ce9331f77c6360cd251310d5c0aee77fbbe1539c7e54253bc11c24')
})

test('a row that is there twice is refused, wherever a chunk ends', async (t) => {
  await t.rejects(contentOf(chunks([row(), row({ n: 1n })])), { code: 'engine_failed' })
  await t.rejects(contentOf(chunks(sorted, sorted.slice(-1))), { code: 'engine_failed' })
  t.equal((await contentOf(chunks([row({ set: 'a' }), row({ set: 'b' })]))).rows, 2)
})
