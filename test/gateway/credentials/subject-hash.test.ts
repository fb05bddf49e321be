import fc from 'fast-check'
import { test } from 'tap'
import { createSubjectHasher } from '../../../src/gateway/credentials/subject-hash.ts'
import { SUBJECT_KEY } from '../../fakes/vending.ts'

test('a pseudonym is the same for the same subject and key, and for nobody else', async (t) => {
  const { hash } = createSubjectHasher(SUBJECT_KEY)
  t.equal(
    hash('https://idp.example', 'user-1'),
    createSubjectHasher(SUBJECT_KEY).hash('https://idp.example', 'user-1'),
  )
  const others = [
    hash('https://idp.example', 'user-1'),
    hash('https://idp.example', 'user-2'),
    hash('https://idp.other', 'user-1'),
    hash('https://idp.exampleuser', '-1'),
    hash('https://idp.example","user-1', ''),
    createSubjectHasher(`${SUBJECT_KEY}.`).hash('https://idp.example', 'user-1'),
  ]
  t.equal(new Set(others).size, others.length)
})

test('whatever a subject is called, its pseudonym is a legal name in AWS', async () => {
  const { hash } = createSubjectHasher(SUBJECT_KEY)
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
        maxLength: 300,
      }),
      (subject) => /^[A-Za-z0-9_-]{22}$/.test(hash('https://idp.example', subject)),
    ),
  )
})

test('a key that could be guessed is refused', async (t) => {
  t.throws(() => createSubjectHasher('x'.repeat(31)), {
    code: 'bad_configuration',
    message: 'gateway.credentials.subjectKeyEnv must name a variable with at least 32 characters',
  })
})
