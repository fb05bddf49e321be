import { test } from 'tap'
import { lruCache } from '../../src/std/lru.ts'

test('as many values are held as the limit says, those that were set last', async (t) => {
  const values = lruCache<number>(2)
  values.set('a', 1)
  values.set('b', 0)
  values.set('a', 3)
  values.set('c', 4)
  t.same(
    ['a', 'b', 'c', 'd'].map((key) => values.get(key)),
    [3, undefined, 4, undefined],
    'b was not set for longest',
  )
  values.get('a')
  values.set('d', 5)
  t.equal(values.get('a'), undefined, 'being read is no use')
  t.equal(values.size(), 2)
})

test('a limit can be of what the values are made of', async (t) => {
  const texts = lruCache<string>(10, (text, key) => text.length + key.length)
  texts.set('a', '123')
  texts.set('b', '123')
  t.equal(texts.size(), 8)
  texts.set('b', '12345')
  t.equal(texts.size(), 10, 'what is replaced no longer counts')
  texts.set('c', '1')
  t.same([texts.get('a'), texts.size()], [undefined, 8])
  texts.set('d', '123456789')
  t.same([texts.get('b'), texts.get('c'), texts.get('d')], [undefined, undefined, '123456789'])
})

test('a value that alone is too large is not held, and drives nothing out but its predecessor', async (t) => {
  const texts = lruCache<string>(4, (text) => text.length)
  texts.set('a', '12')
  texts.set('b', '12')
  texts.set('a', '12345')
  t.same([texts.get('a'), texts.get('b'), texts.size()], [undefined, '12', 2])
})

test('what is set again and again stays the newest, with its latest value', async (t) => {
  const values = lruCache<number>(2)
  values.set('a', 1)
  values.set('b', 2)
  values.set('b', 2)
  values.set('b', 3)
  values.set('c', 4)
  t.same([values.get('a'), values.get('b'), values.get('c'), values.size()], [undefined, 3, 4, 2])
  const sized = lruCache<number>(2, (value) => value)
  sized.set('a', 1)
  sized.set('a', 3)
  sized.set('a', 1)
  t.same([sized.get('a'), sized.size()], [1, 1], 'one that was too large for a while')
})
