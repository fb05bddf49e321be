import { createHash } from 'node:crypto'
import { test } from 'tap'
import { requestHash } from '../../../../src/gateway/credentials/attest/request-hash.ts'

const request = { app: 'ios', subject: 'user-1', streams: ['one', 'two'], challenge: 'c' }

test('the hash is of five lines, as openssl gives it', async (t) => {
  const text = 'headgate-attest-1\nios\none,two\nc\nuser-1'
  t.same(requestHash(request), createHash('sha256').update(text).digest())
  t.equal(requestHash(request).toString('base64url'), 'cPCTz78eGNu4n506lPtwUVWCpV2YfcFCk63q7MUXcfE')
})

test('another request has another hash', async (t) => {
  const seen = new Set(
    [
      {},
      { app: 'android' },
      { subject: 'user-2' },
      { subject: '' },
      { subject: 'user-1\n' },
      { streams: [] },
      { streams: ['two', 'one'] },
      { streams: ['one'] },
      { challenge: 'd' },
    ].map((more) => requestHash({ ...request, ...more }).toString('hex')),
  )
  t.equal(seen.size, 9)
})
