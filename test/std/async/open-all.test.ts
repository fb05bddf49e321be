import { test } from 'tap'
import { openAll } from '../../../src/std/async/open-all.ts'

test('where one object cannot be opened none is left open, whichever answers first', async (t) => {
  const held = new Set<string>()
  let fail: (error: Error) => void = () => {}
  const lake = {
    open: async (key: string) => {
      if (key === 'gone') return undefined
      if (key === 'fails') return new Promise<never>((_, reject) => (fail = reject))
      held.add(key)
      return { path: key, release: async () => void held.delete(key) }
    },
  }
  const files = await openAll(lake, ['a', 'gone', 'b'])
  t.same(
    files.map((file) => file?.path),
    ['a', undefined, 'b'],
  )
  for (const file of files) await file?.release()
  const opening = openAll(lake, ['a', 'fails', 'gone', 'b'])
  t.equal(held.size, 2)
  fail(new Error('it does not answer'))
  await t.rejects(opening, { message: 'it does not answer' })
  t.equal(held.size, 0)
})
