import { test } from 'tap'
import { createTextMac } from '../../../../src/gateway/credentials/attest/hmac.ts'

const secret = Buffer.alloc(32, 1)

test('a text comes back as it was sealed', async (t) => {
  const { sign, verify } = createTextMac(secret, 'test')
  for (const text of ['', 'a', 'a b.c\n', '日本', 'x'.repeat(5_000)]) t.equal(verify(sign(text)), text)
})

test('whatever else is presented does not open', async (t) => {
  const { sign, verify } = createTextMac(secret, 'test')
  const sealed = sign('text')
  const [text = '', mac = ''] = sealed.split('.')
  const other = Buffer.from('other').toString('base64url')
  for (const [rule, presented] of [
    ['nothing', ''],
    ['a text without a seal', text],
    ['an empty seal', `${text}.`],
    ['another text', `${other}.${mac}`],
    ['half a seal', `${text}.${mac.slice(0, 20)}`],
    ['a longer seal', `${text}.${mac}AAAA`],
    ['a seal with another secret', createTextMac(Buffer.alloc(32, 2), 'test').sign('text')],
    ['a seal for another purpose', createTextMac(secret, 'tes').sign('t\ntext')],
  ] as const) {
    t.equal(verify(presented), undefined, rule)
  }
})
