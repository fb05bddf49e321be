import { test } from 'tap'
import { createSeal } from '../../../../src/gateway/credentials/attest/hmac.ts'

const secret = Buffer.alloc(32, 1)

test('a text comes back as it was sealed', async (t) => {
  const { seal, open } = createSeal(secret, 'test')
  for (const text of ['', 'a', 'a b.c\n', '日本', 'x'.repeat(5_000)]) t.equal(open(seal(text)), text)
})

test('whatever else is presented does not open', async (t) => {
  const { seal, open } = createSeal(secret, 'test')
  const sealed = seal('text')
  const [text = '', mac = ''] = sealed.split('.')
  const other = Buffer.from('other').toString('base64url')
  for (const [rule, presented] of [
    ['nothing', ''],
    ['a text without a seal', text],
    ['an empty seal', `${text}.`],
    ['another text', `${other}.${mac}`],
    ['half a seal', `${text}.${mac.slice(0, 20)}`],
    ['a longer seal', `${text}.${mac}AAAA`],
    ['a seal with another secret', createSeal(Buffer.alloc(32, 2), 'test').seal('text')],
    ['a seal for another purpose', createSeal(secret, 'tes').seal('t\ntext')],
  ] as const) {
    t.equal(open(presented), undefined, rule)
  }
})
