import { test } from 'tap'
import { emptyDigest, notADigest } from '../../src/config/digests.ts'
import { parseConfig, startWarnings } from '../../src/config/parse.ts'
import { KEY_DIGEST, TOKEN_DIGEST } from '../../src/config/schema/schema-parts.ts'
import { sha256 } from '../fakes/gateway.ts'
import { faultsOf } from './faults-of.ts'

const token = (name: string, digest: string) => ({ name, sha256: digest, scopes: ['read'] })

test('the digest of what a shell makes of nothing is refused, for keys and tokens, and says what happened', async (t) => {
  for (const nothing of [
    ...['', '\n', '\r\n', ' ', '-n\n', 'undefined', 'undefined\n', 'null\n', 'None', 'nil'],
    ...['NaN', 'true', 'false\n', '-n', '[object Object]'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: that nothing was put in its place is what is tested.
    ...['$TOKEN', '${TOKEN}', '%KEY%', '$(KEY)\n', '$HEADGATE_ADMIN_TOKEN', '${APP_KEY}', '$env:TOKEN'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the same.
    ...['{{TOKEN}}', '{{ APP_KEY }}\n', '${{ secrets.HEADGATE_TOKEN }}'],
    ...['<token>', '<APP_KEY>', '<your-api-key>', 'YOUR_TOKEN', 'your_app_key', 'your-admin-token\n'],
  ]) {
    const digest = sha256(nothing)
    t.match(
      faultsOf({
        apps: [{ id: 'a', keys: [{ sha256: digest }] }],
        aggregation: { tokens: [token('t', digest.toUpperCase())] },
      }),
      [
        /^apps\.0\.keys\.0\.sha256: is the SHA-256 of .* and not of a key: .* was not set .*headgate key new/,
        /^aggregation\.tokens\.0\.sha256: is the SHA-256 of .* and not of a token: .* was not set .* anybody could use it; `headgate key new --token` makes/,
        /digest of an app key/,
      ],
      JSON.stringify(nothing),
    )
  }
  t.equal(emptyDigest(sha256('a key'), 'key'), undefined)
  for (const holder of ['key', 'token'] as const)
    for (const digest of [KEY_DIGEST, TOKEN_DIGEST])
      t.match(emptyDigest(digest, holder), `is an example of the documentation, and nobody has its ${holder}`)
})

test('one digest is one holder: of tokens, of keys, and never of both', async (t) => {
  const [one, other] = [sha256('one'), sha256('other')]
  for (const [rule, file, faults] of [
    [
      'two tokens',
      { aggregation: { tokens: [token('a', one), token('b', one.toUpperCase())] } },
      ['aggregation.tokens.1.sha256: this token is used twice (first at aggregation.tokens.0.sha256)'],
    ],
    [
      'two keys of one app',
      { apps: [{ id: 'a', keys: [{ sha256: one }, { sha256: one }] }] },
      ['apps.0.keys.1: this key is used twice (first at apps.0.keys.0)'],
    ],
    [
      'a key and a token',
      { apps: [{ id: 'a', keys: [{ sha256: one }] }], aggregation: { tokens: [token('a', one)] } },
      [
        'aggregation.tokens.0.sha256: is the digest of an app key, which every page shows; a token needs a text of its own',
      ],
    ],
    [
      'each has its own',
      { apps: [{ id: 'a', keys: [{ sha256: one }] }], aggregation: { tokens: [token('a', other)] } },
      [],
    ],
  ] as const) {
    t.same(faultsOf(file), faults, rule)
  }
})

test('what stands in the place of a digest is told by its form, and never said', async (t) => {
  const digest = sha256('x')
  for (const [text, what] of [
    ['hg_pub_PlantedPlantedPlantedPlanted', /35 characters, perhaps the key itself.*headgate key new/],
    [`${digest}  -`, /leave out what sha256sum prints behind it/],
    [`sha256:${digest}`, /without "sha256" before it/],
    [Buffer.from(digest, 'hex').toString('base64'), /perhaps base64/],
    [digest.slice(1), /63 characters: a digest of another kind, or cut off/],
    ['', /perhaps the key itself/],
  ] as const) {
    t.match(notADigest(text, 'key'), what, text)
    t.notMatch(notADigest(text, 'key'), /Planted/)
    t.notMatch(notADigest(text, 'token'), /the key|key new`/, 'a token is made by another command')
    t.match(faultsOf({ apps: [{ id: 'a', keys: [{ sha256: text }] }] }), {
      length: 1,
      0: /^apps\.0\.keys\.0\.sha256: must be the SHA-256 of the key in hex, 64 characters of 0-9 and a-f/,
    })
    t.match(faultsOf({ aggregation: { tokens: [token('t', text)] } }), {
      length: 1,
      0: /^aggregation\.tokens\.0\.sha256: must be the SHA-256 of the token in hex/,
    })
  }
})

test('a key or a token that stands in the place of its group is told so, and never said', async (t) => {
  const planted = 'hg_pub_PlantedPlantedPlantedPlanted'
  for (const [text, holder, perhaps] of [
    [
      planted,
      'key',
      /35 characters, perhaps the key itself, which belongs in no file; `headgate key new` makes/,
    ],
    [planted, 'token', /perhaps the token itself, .*`headgate key new --token`/],
    [sha256('x'), 'key', /64 characters, perhaps that digest alone$/],
  ] as const) {
    const file =
      holder === 'key' ? { apps: [{ id: 'a', keys: [text] }] } : { aggregation: { tokens: [text] } }
    const [fault = '', ...others] = faultsOf(file)
    t.same(others, [])
    t.match(
      fault,
      `.0: must be a group of keys, such as { sha256: … } with the SHA-256 of the ${holder}; it is`,
    )
    t.match(fault, perhaps)
    t.notMatch(fault, /Planted/)
  }
})

test('a digest of a word that is guessed at once is warned of, by its key and without the word', async (t) => {
  const told = (key: string, text: string) =>
    startWarnings(
      parseConfig(
        {
          apps: [{ id: 'a', keys: [{ sha256: sha256(key) }] }],
          aggregation: { tokens: [token('t', sha256(text))] },
        },
        {},
      ),
      {},
    ).map(({ path, message }) => `${path}: ${message}`)
  for (const word of ['changeme', 'secret', 'password', 'Admin', 'TOKEN', '123456']) {
    const warnings = told(word, `${word}\n`)
    t.match(warnings, [
      /^apps\.0\.keys\.0\.sha256: is the SHA-256 of a word that is guessed at once, and with it the key; `headgate key new`/,
      /^aggregation\.tokens\.0\.sha256: is the SHA-256 of a word .* the token; `headgate key new --token`/,
    ])
    t.notMatch(warnings.join(' '), /changeme|secret|password|admin|1234/i)
  }
  t.same(told('hg_pub_of-its-own', 'hg_adm_of-its-own'), [])
})
