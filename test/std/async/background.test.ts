import { test } from 'tap'
import { backgroundWork } from '../../../src/std/async/background.ts'

test('work in the background is begun once at a time, and its failure is told unless it was ended', async (t) => {
  const begun: { resolve: () => void; reject: (error: unknown) => void }[] = []
  const failures: unknown[] = []
  const life = new AbortController()
  const work = backgroundWork(
    () => new Promise((resolve, reject) => begun.push({ resolve, reject })),
    (error) => failures.push(error),
  )
  await work.ended()
  work.begin(life.signal)
  work.begin(life.signal)
  t.equal(begun.length, 1)
  begun[0]?.resolve()
  await work.ended()
  for (const error of ['one', 'two']) {
    work.begin(life.signal)
    if (error === 'two') life.abort()
    begun.at(-1)?.reject(error)
    await work.ended()
  }
  t.equal(begun.length, 3)
  t.same(failures, ['one'])
})
