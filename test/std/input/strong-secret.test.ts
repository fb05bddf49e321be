import { test } from 'tap'
import { assertStrongSecret } from '../../../src/std/input/strong-secret.ts'

test('a secret of a variable is 32 characters that somebody made', async (t) => {
  for (const [rule, secret, why] of [
    ['nothing', '', /at least 32 characters/],
    ['31 characters', 's'.repeat(31), /at least 32 characters/],
    ['blanks', ' '.repeat(32), /at least 32 characters/],
    ['lines', '\n'.repeat(40), /at least 32 characters/],
    ['blanks around', `${' '.repeat(20)}secret${' '.repeat(20)}`, /at least 32 characters/],
    ['a name in braces', '$'.concat('{HEADGATE_SUBJECT_KEY_FROM_VAULT}'), /which nothing expanded/],
    ['a name', '$HEADGATE_SUBJECT_KEY_OF_PRODUCTION\n', /which nothing expanded/],
    ['a command', '$(cat /run/secrets/headgate-subject-key)', /which nothing expanded/],
    ['a name of Windows', '%HEADGATE_SUBJECT_KEY_OF_PRODUCTION%', /which nothing expanded/],
    ['a template', '{{ .Values.headgate.subjectKey.text }}', /which nothing expanded/],
  ] as const) {
    t.throws(() => assertStrongSecret(secret, 'a.b'), { code: 'bad_configuration', message: why }, rule)
    t.throws(() => assertStrongSecret(secret, 'a.b'), { message: /^a\.b must name a variable/ })
  }
  for (const secret of ['s'.repeat(32), `${'s'.repeat(32)}\n`, `$${'s'.repeat(30)}$}`]) {
    assertStrongSecret(secret, 'a.b')
  }
})
