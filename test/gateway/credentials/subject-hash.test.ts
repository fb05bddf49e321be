import fc from 'fast-check'
import { test } from 'tap'
import { sourceIdentityOf, subjectHash } from '../../../src/gateway/credentials/subject-hash.ts'

const pepper = 'a pepper of a test'
const ada = { issuer: 'https://id.example.com', subject: 'ada' }

test('a subject has the name that openssl makes of it', async (t) => {
  // printf %s 'https://id.example.com|ada' | openssl dgst -sha256 -hmac 'a pepper of a test' -binary | basenc --base64url
  t.equal(subjectHash(pepper, ada), 'QN7LEN1s9eR_93b3VBrw2b')
})

test('issuer, subject and pepper each make another name', async (t) => {
  const names = [
    subjectHash(pepper, ada),
    subjectHash(pepper, { ...ada, subject: 'Ada' }),
    subjectHash(pepper, { ...ada, issuer: 'https://id.example.org' }),
    subjectHash('another', ada),
  ]
  t.equal(new Set(names).size, names.length)
})

test('whatever the subject is, its name is fit for STS, and says nothing of it', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (subject) => {
      const name = sourceIdentityOf(subjectHash(pepper, { ...ada, subject }))
      return /^headgate-[\w-]{22}$/.test(name) && (subject.length < 6 || !name.includes(subject))
    }),
  )
  t.equal(sourceIdentityOf('abc'), 'headgate-abc')
})
