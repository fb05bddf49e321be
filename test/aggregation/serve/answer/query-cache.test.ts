import { test } from 'tap'
import { type KeptAnswer, memoryCache } from '../../../../src/aggregation/serve/answer/query-cache.ts'

const textOf = (text: string): KeptAnswer => ({ text, isEmpty: [false] })

/** Computes the key itself in brackets, and remembers what it was asked to compute. */
function counting(maxBytes: number) {
  const cache = memoryCache(maxBytes)
  const computed: string[] = []
  const get = (key: string) =>
    cache.through(key, async () => {
      computed.push(key)
      return textOf(`<${key}>`)
    })
  return { cache, computed, get }
}

test('a text is computed once and kept', async (t) => {
  const { get, computed } = counting(1_000)
  t.same(await get('a'), textOf('<a>'))
  t.same(await get('a'), textOf('<a>'))
  t.same(computed, ['a'])
})

test('many who ask at once share one computation', async (t) => {
  const { get, computed } = counting(1_000)
  t.same(
    await Promise.all([get('a'), get('a'), get('b'), get('a')]),
    ['<a>', '<a>', '<b>', '<a>'].map(textOf),
  )
  t.same(computed, ['a', 'b'])
})

test('bytes are bounded; what was not asked for longest goes first', async (t) => {
  // Two bytes a character: a key of one and its text of three take eight.
  const { get, computed } = counting(16)
  await get('a')
  await get('b')
  await get('a')
  await get('c')
  await get('a')
  t.same(computed, ['a', 'b', 'c'], 'a was used since, b had to go')
  await get('b')
  t.same(computed, ['a', 'b', 'c', 'b'])
})

test('a text larger than the cache passes through and pushes nothing out', async (t) => {
  const { cache, get, computed } = counting(16)
  await get('a')
  const large = textOf('x'.repeat(100))
  t.equal(await cache.through('large', async () => large), large)
  await get('a')
  t.same(computed, ['a'])
})

test('a failure reaches all who wait and is not kept', async (t) => {
  const { cache, get } = counting(1_000)
  const fail = () => cache.through('a', async () => Promise.reject(new Error('store is away')))
  const [first, second] = await Promise.allSettled([fail(), fail()])
  t.match(first, { reason: { message: 'store is away' } })
  t.match(second, { reason: { message: 'store is away' } })
  t.same(await get('a'), textOf('<a>'))
})

test('a failure is that of one asker: another computes, once for all the others', async (t) => {
  const cache = memoryCache(1_000)
  let computed = 0
  const failing = cache.through('key', () => Promise.reject(new Error('gone')))
  const others = [1, 2, 3].map(() => cache.through('key', async () => textOf(`${++computed}`)))
  await t.rejects(failing, { message: 'gone' })
  t.same(await Promise.all(others), ['1', '1', '1'].map(textOf))
})
