import { createHash } from 'node:crypto'
import { type DigestHolder, KEY_DIGEST, MADE_BY, TOKEN_DIGEST } from './schema/schema-parts.ts'

/** What a shell makes of a variable that is not set, and of a newline alone: no secret, so everybody knows it. */
const NOTHINGS: readonly (readonly [text: string, what: string])[] = [
  ['', 'of the empty text'],
  [' ', 'of a space'],
  ['\n', 'of a newline alone'],
  ['\r\n', 'of a line break alone'],
  ['-n\n', 'of "-n" and a newline'],
  ['""', 'of two quotes'],
  ["''", 'of two quotes'],
]
/** How languages write that there is nothing. */
const NOTHING_WORDS = ['null', 'NULL', 'undefined', 'None', 'none', 'nil']
const VARIABLES = ['TOKEN', 'KEY', 'HEADGATE_TOKEN', 'HEADGATE_KEY', 'INGEST_KEY', 'SECRET']
/** What stays of a variable where nothing puts its value in its place. */
const unexpanded = (name: string): readonly string[] => [`$${name}`, `\${${name}}`, `%${name}%`, `$(${name})`]

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
  return `is the SHA-256 ${what}: the variable with the ${holder} was not set when it was made, and anybody could use it; ${how(holder)}`
}

/** Why this digest keeps hardly anybody out; undefined where it may. The word itself is not said. */
export const guessedDigest = (digest: string, holder: DigestHolder): string | undefined =>
  guessed.has(digest)
    ? `is the SHA-256 of a word that is guessed at once, and with it the ${holder}; ${how(holder)}`
    : undefined

/** What is probably there in the place of a digest. Never says the text itself: it may be the secret. */
export function notADigest(text: string, holder: DigestHolder): string {
  const form = `it is a text of ${text.length} characters`
  const expected = `must be the SHA-256 of the ${holder} in hex, 64 characters of 0-9 and a-f`
  if (/^[0-9a-fA-F]{64}\s/.test(text)) return `${expected}; leave out what sha256sum prints behind it`
  if (/^sha256[:=-]/i.test(text)) return `${expected}, without "sha256" before it`
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return `${expected}; ${form}, perhaps base64`
  if (/^[0-9a-fA-F]+$/.test(text)) return `${expected}; ${form}: a digest of another kind, or cut off`
  return `${expected}; ${form}, perhaps the ${holder} itself, which belongs in no file; ${how(holder)}`
}
