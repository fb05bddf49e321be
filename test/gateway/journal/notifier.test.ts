import { getEventListeners } from 'node:events'
import t from 'tap'
import { createDoorbell } from '../../../src/gateway/journal/notifier.ts'

t.test('everyone who waits hears the next ring, and nobody an earlier one', async (t) => {
  const doorbell = createDoorbell()
  const { signal } = new AbortController()
  doorbell.ring()
  const heard: string[] = []
  const waiting = ['a', 'b'].map((who) => doorbell.rung(signal).then(() => heard.push(who)))
  await null
  t.strictSame(heard, [])
  doorbell.ring()
  await Promise.all(waiting)
  t.strictSame(heard, ['a', 'b'])
  t.strictSame(getEventListeners(signal, 'abort'), [], 'and leaves no listener behind')
})

t.test('an abort ends the wait', async (t) => {
  const doorbell = createDoorbell()
  const stop = new AbortController()
  const waiting = doorbell.rung(stop.signal)
  stop.abort()
  t.equal(await waiting, undefined)
  t.equal(await doorbell.rung(stop.signal), undefined, 'also one before it')
})
