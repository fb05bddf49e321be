import { test } from 'tap'
import { isJwksUri } from '../../src/http/secure-url.ts'

test('keys come by https, or from this machine', async (t) => {
  for (const [uri, allowed] of [
    ['https://login.example.com/.well-known/jwks.json', true],
    ['https://10.0.0.5:8443/jwks', true],
    ['http://127.0.0.1:8080/jwks', true],
    ['http://127.8.8.8/jwks', true],
    ['http://localhost/jwks', true],
    ['http://[::1]:1/jwks', true],
    ['http://login.example.com/jwks', false],
    ['http://127.0.0.1.nip.io/jwks', false],
    ['http://localhost.example.com/jwks', false],
    ['http://127.0.0.1@login.example.com/jwks', false],
    ['http://10.0.0.5/jwks', false],
    ['http://169.254.169.254/jwks', false],
    ['https://user:secret@login.example.com/jwks', false],
    ['file:///etc/jwks', false],
    ['data:application/json,{}', false],
    ['jwks', false],
  ] as const) {
    t.equal(isJwksUri(uri), allowed, uri)
  }
})
