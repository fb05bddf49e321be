import { getEventListeners } from 'node:events'
import t from 'tap'
import { createWakeSignal } from '../../../src/gateway/journal/notifier.ts'

t.test('everyone who waits hears the next ring, and nobody an earlier one', async (t) => {
  const wake = createWakeSignal()
  const { signal } = new AbortController()
  wake.notify()
  const heard: string[] = []
  const waiting = ['a', 'b'].map((who) => wake.wait(signal).then(() => heard.push(who)))
  await null
  t.strictSame(heard, [])
  wake.notify()
  await Promise.all(waiting)
  t.strictSame(heard, ['a', 'b'])
  t.strictSame(getEventListeners(signal, 'abort'), [], 'and leaves no listener behind')
})

t.test('an abort ends the wait', async (t) => {
  const wake = createWakeSignal()
  const stop = new AbortController()
  const waiting = wake.wait(stop.signal)
  stop.abort()
  t.equal(await waiting, undefined)
  t.equal(await wake.wait(stop.signal), undefined, 'also one before it')
})
