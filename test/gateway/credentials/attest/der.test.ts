import { test } from 'tap'
import { derValues, only, SEQUENCE } from '../../../../src/gateway/credentials/attest/der.ts'
import { der } from '../../../fakes/credentials/x509.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

test('values follow one another, with lengths of one to three bytes', async (t) => {
  const values = [0, 1, 127, 128, 255, 256, 40_000].map((length) => ({
    tag: SEQUENCE,
    content: Buffer.alloc(length, 7),
  }))
  const bytes = Buffer.concat(values.map(({ tag, content }) => der(tag, content)))
  t.same(derValues(bytes), values)
  t.same(derValues(Buffer.alloc(0)), [])
})

test('what does not fill its bytes exactly is not read', async (t) => {
  for (const [rule, bytes] of [
    ['a tag alone', '30'],
    ['a length that is cut off', '30 81'],
    ['more than there is', '30 02 00'],
    ['much more than there is', '30 82 ff ff 00'],
    ['less, and a rest that is no value', '30 01 00 30'],
    ['an indefinite length', '30 80 00 00'],
    ['a length of three bytes', '30 83 00 00 01 00'],
    ['a length of 127 bytes', '30 ff'],
  ] as const) {
    t.equal(derValues(hex(bytes)), undefined, rule)
    t.equal(only(hex(bytes), SEQUENCE), undefined, rule)
  }
})

test('the only value is of the tag that is wanted, and alone', async (t) => {
  t.same(only(hex('30 01 05'), 0x30), hex('05'))
  t.equal(only(hex('31 01 05'), 0x30), undefined)
  t.equal(only(hex('30 01 05 30 01 05'), 0x30), undefined)
  t.equal(only(hex(''), 0x30), undefined)
})
