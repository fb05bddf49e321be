import t from 'tap'
import { createConcurrency } from '../../../src/gateway/deliver/lanes/concurrency.ts'
import { retryUntilAborted } from '../../../src/std/async/retry.ts'

t.test('trying again', async (t) => {
  const failing = (times: number) => {
    let calls = 0
    return {
      calls: () => calls,
      work: async () => {
        if (calls++ < times) throw calls < 3 ? new Error(`not yet ${calls}`) : new TypeError('another')
      },
    }
  }

  t.test('goes on until the work is done, and tells of each failure that is another', async (t) => {
    const { work, calls } = failing(3)
    const waits: number[] = []
    const told: unknown[] = []
    const retry = { delayMs: (attempt: number) => waits.push(attempt) * 0 }
    const { signal } = new AbortController()
    t.equal(await retryUntilAborted(work, { retry, signal, onFailure: (error) => told.push(error) }), true)
    t.equal(calls(), 4)
    t.strictSame(waits, [0, 1, 2])
    t.same(told.map(String), ['Error: not yet 1', 'TypeError: another'])
  })

  t.test('tries once even when the signal has ended it before', async (t) => {
    const { work, calls } = failing(9)
    const retry = { delayMs: () => 60_000 }
    t.equal(await retryUntilAborted(work, { retry, signal: AbortSignal.abort(), onFailure: () => {} }), false)
    t.equal(calls(), 1)
  })
})

t.test('concurrency', async (t) => {
  t.test('grows by about one a round of clean calls, to its ceiling', async (t) => {
    const concurrency = createConcurrency(4, 6)
    t.equal(concurrency.limit(), 4)
    for (let call = 0; call < 5; call++) concurrency.clean()
    t.equal(concurrency.limit(), 5)
    for (let call = 0; call < 50; call++) concurrency.clean()
    t.equal(concurrency.limit(), 6)
  })

  t.test('halves under congestion, to its floor', async (t) => {
    const concurrency = createConcurrency(4, 24)
    for (let call = 0; call < 1_000; call++) concurrency.clean()
    t.equal(concurrency.limit(), 24)
    concurrency.congested()
    t.equal(concurrency.limit(), 12)
    concurrency.congested()
    concurrency.congested()
    t.equal(concurrency.limit(), 4)
  })
})
