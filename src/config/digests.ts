import { createHash } from 'node:crypto'
import { type DigestHolder, KEY_DIGEST, MADE_BY, TOKEN_DIGEST } from './schema/schema-parts.ts'

/** What a shell makes of a variable that is not set, and of a newline alone: no secret, so everybody knows it. */
const NOTHINGS: readonly (readonly [text: string, what: string])[] = [
  ['', 'of the empty text'],
  [' ', 'of a space'],
  ['\n', 'of a newline alone'],
  ['\r\n', 'of a line break alone'],
  ['""', 'of two quotes'],
  ["''", 'of two quotes'],
]
/** How languages write that there is nothing, and what they make of it, or of what is no text. */
const NOTHING_WORDS = [
  ...['null', 'NULL', 'undefined', 'None', 'none', 'nil', 'NaN', 'true', 'false', '-n'],
  ...['[object Object]', '[object Promise]'],
]
/** What a key or a token is called, in variables and in placeholders. */
const HELD = ['TOKEN', 'KEY', 'SECRET', 'APP_KEY', 'API_KEY', 'ADMIN_TOKEN', 'GATEWAY_TOKEN', 'INGEST_KEY']
const VARIABLES = HELD.flatMap((name) => [name, `HEADGATE_${name}`])
/** What stays of a variable, or of a template, where nothing puts its value in its place. */
const unexpanded = (name: string): readonly string[] => [
  ...[`$${name}`, `\${${name}}`, `%${name}%`, `$(${name})`, `$env:${name}`],
  ...[`{{${name}}}`, `{{ ${name} }}`, `\${{ secrets.${name} }}`],
]

/** What guides have where a secret is to be put. */
const PLACEHOLDERS = HELD.flatMap((name) => [name, `YOUR_${name}`])
  .flatMap((name) => [name, name.toLowerCase(), name.toLowerCase().replaceAll('_', '-')])
  .flatMap((name) => [`<${name}>`, ...(/^your/i.test(name) ? [name] : [])])

/** What is tried first: words of guides and defaults, and the commonest passwords. Ours. */
const GUESSED = [
  ...['changeme', 'change-me', 'change_me', 'changeit', 'secret', 'mysecret', 'supersecret', 'topsecret'],
  ...['password', 'passw0rd', 'password1', 'pass', 'admin', 'administrator', 'root', 'user', 'guest'],
  ...['token', 'mytoken', 'key', 'mykey', 'apikey', 'api-key', 'test', 'testing', 'demo', 'dev', 'example'],
  ...['default', 'headgate', 'letmein', 'welcome', 'qwerty', 'abc123', 'foo', 'bar', 'foobar', 'hello'],
  ...['1234', '12345', '123456', '12345678', '123456789', '1234567890'],
]

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
/** Those of a text as it is, and as `echo` prints it. */
const digestsOf = (text: string): string[] => [sha256(text), sha256(`${text}\n`)]

const nothingByDigest: ReadonlyMap<string, string> = new Map([
  ...NOTHING_WORDS.flatMap((word) =>
    digestsOf(word).map((digest) => [digest, `of the word ${word}`] as const),
  ),
  ...VARIABLES.flatMap(unexpanded)
    .flatMap(digestsOf)
    .map((digest) => [digest, 'of the name of a variable'] as const),
  ...PLACEHOLDERS.flatMap(digestsOf).map((digest) => [digest, 'of a placeholder'] as const),
  ...NOTHINGS.map(([text, what]) => [sha256(text), what] as const),
])

const guessed: ReadonlySet<string> = new Set(
  GUESSED.flatMap((word) => [word, word.toUpperCase(), word.charAt(0).toUpperCase() + word.slice(1)]).flatMap(
    digestsOf,
  ),
)

const how = (holder: DigestHolder): string => `\`${MADE_BY[holder]}\` makes a ${holder} and its digest`

/** Why this digest lets everybody in, or nobody; undefined when it does neither. */
export function emptyDigest(digest: string, holder: DigestHolder): string | undefined {
  if (digest === KEY_DIGEST || digest === TOKEN_DIGEST)
    return `is an example of the documentation, and nobody has its ${holder}; ${how(holder)}`
  const what = nothingByDigest.get(digest)
  if (what === undefined) return undefined
  return `is the SHA-256 ${what} and not of a ${holder}: a variable was not set when it was made, or what stands for it was left, and anybody could use it; ${how(holder)}`
}

/** Why this digest keeps hardly anybody out; undefined where it may. The word itself is not said. */
export const guessedDigest = (digest: string, holder: DigestHolder): string | undefined =>
  guessed.has(digest)
    ? `is the SHA-256 of a word that is guessed at once, and with it the ${holder}; ${how(holder)}`
    : undefined

/** The same in the place of the group that a digest stands in. */
export function notADigestsGroup(text: string, holder: DigestHolder): string {
  const expected = `must be a group of keys, such as { sha256: … } with the SHA-256 of the ${holder}`
  const form = `it is a text of ${text.length} characters`
  const perhaps = /^[0-9a-f]{64}$/i.test(text) ? 'that digest alone' : itself(holder)
  return `${expected}; ${form}, perhaps ${perhaps}`
}

/** What is probably there in the place of a digest. Never says the text itself: it may be the secret. */
export function notADigest(text: string, holder: DigestHolder): string {
  const form = `it is a text of ${text.length} characters`
  const expected = `must be the SHA-256 of the ${holder} in hex, 64 characters of 0-9 and a-f`
  if (/^[0-9a-fA-F]{64}\s/.test(text)) return `${expected}; leave out what sha256sum prints behind it`
  if (/^sha256[:=-]/i.test(text)) return `${expected}, without "sha256" before it`
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return `${expected}; ${form}, perhaps base64`
  if (/^[0-9a-fA-F]+$/.test(text)) return `${expected}; ${form}: a digest of another kind, or cut off`
  return `${expected}; ${form}, perhaps ${itself(holder)}`
}

const itself = (holder: DigestHolder): string =>
  `the ${holder} itself, which belongs in no file; ${how(holder)}`
