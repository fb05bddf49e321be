import { test } from 'tap'
import { mostStoredBytes, storedTooLarge } from '../../../src/event/schema/growth.ts'

test('what a request may store is a small multiple of what it says', async (t) => {
  for (const [rule, sent, events, most] of [
    ['nothing', 0, 0, 65_536],
    ['one event', 100, 1, 65_536 + 800 + 1_024],
    ['a batch', 10_000, 500, 65_536 + 80_000 + 512_000],
  ] as const) {
    t.equal(mostStoredBytes(sent, events), most, rule)
  }
})

test('who is refused is told why, and what to do', async (t) => {
  t.match(storedTooLarge(7), {
    code: 'stored_too_large',
    message: /more than 7 bytes .* context .*fewer events/,
  })
})
