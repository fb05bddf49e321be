import { test } from 'tap'
import { createTextMac } from '../../../../src/gateway/credentials/attest/hmac.ts'

const secret = Buffer.alloc(32, 1)

test('a text comes back as it was signed', async (t) => {
  const { sign, verify } = createTextMac(secret, 'test')
  for (const text of ['', 'a', 'a b.c\n', '日本', 'x'.repeat(5_000)]) t.equal(verify(sign(text)), text)
})

test('whatever else is presented is no text of ours', async (t) => {
  const { sign, verify } = createTextMac(secret, 'test')
  const signed = sign('text')
  const [text = '', mac = ''] = signed.split('.')
  const other = Buffer.from('other').toString('base64url')
  for (const [rule, presented] of [
    ['nothing', ''],
    ['a text without a MAC', text],
    ['an empty MAC', `${text}.`],
    ['another text', `${other}.${mac}`],
    ['half a MAC', `${text}.${mac.slice(0, 20)}`],
    ['a longer MAC', `${text}.${mac}AAAA`],
    ['a MAC with another secret', createTextMac(Buffer.alloc(32, 2), 'test').sign('text')],
    ['a MAC for another purpose', createTextMac(secret, 'tes').sign('t\ntext')],
  ] as const) {
    t.equal(verify(presented), undefined, rule)
  }
})
