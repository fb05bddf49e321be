import t from 'tap'
import { checkRoom } from '../../../src/gateway/journal/watermarks.ts'

t.test('the last slice is for senders that cannot try again', (t) => {
  const lines = Buffer.alloc(10)
  for (const [rule, canRetry, heldBytes, taken] of [
    ['an empty journal takes all', true, 0, true],
    ['retrying senders may fill it to 80 %', true, 790, true],
    ['and not a byte further', true, 791, false],
    ['beacons may fill it to 95 %', false, 940, true],
    ['and not a byte further', false, 941, false],
  ] as const) {
    const ask = () => checkRoom({ lines, count: 1, receivedMs: 0, canRetry }, heldBytes, 1_000)
    if (taken) t.doesNotThrow(ask, rule)
    else t.throws(ask, { code: 'journal_full', retryAfterMs: undefined }, rule)
  }
  t.end()
})
