import { test } from 'tap'
import { idempotencyKeyOf, MAX_SENT_CHARS } from '../../../src/std/input/idempotency-key.ts'

test('a key is a string as structured fields write it, or what clients send instead', async (t) => {
  t.equal(idempotencyKeyOf(undefined), undefined)
  for (const [sent, key] of [
    ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['c2VjcmV0LWtleQ+/==', 'c2VjcmV0LWtleQ+/=='],
    ['a', 'a'],
    ['"two words, a; and \\" \\\\"', 'two words, a; and " \\'],
    ['x'.repeat(255), 'x'.repeat(255)],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
    [`"${'\\"'.repeat(255)}"`, '"'.repeat(255)],
  ] as const) {
    t.equal(idempotencyKeyOf(sent), key, sent)
    t.ok(sent.length <= MAX_SENT_CHARS)
  }
})

test('what is no key is named, and not repeated', async (t) => {
  for (const sent of [
    ...['', '""', '"', '"a', 'a"', 'a b', 'a, b', '"a", "b"', '"a";p=1', 'a;p', '"a\\b"', '"é"', 'é', '"\t"'],
    ...['x'.repeat(256), `"${'x'.repeat(256)}"`],
  ]) {
    t.throws(
      () => idempotencyKeyOf(sent),
      { code: 'invalid_request', message: /^Idempotency-Key must have 1 to 255 / },
      sent,
    )
  }
})
