import { test } from 'tap'
import { memoizeLast } from '../../src/std/memoize-last.ts'

test('what became of the last text is remembered, and of no other', async (t) => {
  const asked: string[] = []
  const lengthOf = memoizeLast((text) => asked.push(text) && text.length)
  for (const [text, length] of [
    ['a', 1],
    ['a', 1],
    ['', 0],
    ['', 0],
    ['a', 1],
  ] as const) {
    t.equal(lengthOf(text), length, text)
  }
  t.same(asked, ['a', '', 'a'])
})

test('what could not be told is asked again', async (t) => {
  let asked = 0
  const fail = memoizeLast(() => {
    asked++
    throw new Error('not now')
  })
  t.throws(() => fail('a'))
  t.throws(() => fail('a'))
  t.equal(asked, 2)
})
