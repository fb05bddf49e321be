import { test } from 'tap'
import { backgroundWork, besideEachOther } from '../../../src/std/async/background.ts'

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

test('several works in the background begin together, and end when the last of them has', async (t) => {
  const ends: (() => void)[] = []
  const work = () =>
    backgroundWork(
      () => new Promise((resolve) => ends.push(resolve)),
      () => {},
    )
  const both = besideEachOther([work(), work()])
  both.begin(new AbortController().signal)
  t.equal(ends.length, 2)
  let isOver = false
  const ended = both.ended().then(() => {
    isOver = true
  })
  ends[1]?.()
  await Promise.resolve()
  t.notOk(isOver)
  ends[0]?.()
  await ended
})
