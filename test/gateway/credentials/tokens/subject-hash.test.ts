import fc from 'fast-check'
import { test } from 'tap'
import { createSubjectHasher } from '../../../../src/gateway/credentials/tokens/subject-hash.ts'

const KEY = 'a key of a test, of enough characters'
const ISSUER = 'https://id.example.com'
const { hash } = createSubjectHasher(KEY)

test('a subject has the name that openssl makes of it', async (t) => {
  // printf %s '["https://id.example.com","ada"]' | openssl dgst -sha256 -hmac "$KEY" -binary | basenc --base64url
  t.equal(hash(ISSUER, 'ada'), '9I1bsDwPD2hzIJkY3B69zO')
})

test('issuer, subject and key each make another name', async (t) => {
  const names = [
    hash(ISSUER, 'ada'),
    hash(ISSUER, 'Ada'),
    hash('https://id.example.org', 'ada'),
    hash(`${ISSUER}","a`, 'da'),
    createSubjectHasher(`${KEY}!`).hash(ISSUER, 'ada'),
  ]
  t.equal(new Set(names).size, names.length)
})

test('whatever the subject is, its name is fit for STS', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (subject) =>
      /^[\w-]{22}$/.test(hash(ISSUER, subject)),
    ),
  )
})

test('a key that can be guessed is refused, and not repeated', async (t) => {
  t.throws(() => createSubjectHasher('short'), { code: 'bad_configuration', message: /^(?!.*short).*32/ })
})
