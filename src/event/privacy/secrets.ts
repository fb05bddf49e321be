import { AT, COLON, EQUALS } from './escapes.ts'
import type { Tell } from './tells.ts'

/** What begins a JSON object, as base64url writes it: the header of a JWT. */
const JWT = /eyJ[\w-]+(?:\.[\w-]*)*/g
/** By the prefixes that their issuers gave them so that they are found: AWS, GitHub, GitLab, Slack, Stripe, Google, npm. */
const PREFIXED =
  /(?<![A-Za-z\d])(?:A(?:KI|SI|RO|ID)A[A-Z\d]{12,}|gh[opsur]_\w{8,}|github_pat_\w{8,}|glpat-[\w-]{8,}|xox[abeprs]-[\w-]{8,}|[prs]k_(?:live|test)_\w{8,}|AIza[\w-]{20,}|npm_\w{20,})/g
/** The schemes of an Authorization header, wherever they stand. `Basic` is a word as well: only before what is none. */
const BEARER =
  /\b([Bb]earer|BEARER|[Nn]egotiate|NEGOTIATE|apikey|[aA]piKey|APIKEY)((?:[\t-\r +:=]|%20)+)[\w.~+/=%-]{6,}/g
const BASIC = /\b([Bb]asic|BASIC)((?:[\t-\r +:=]|%20)+)(?=[a-z]*[A-Z\d+/=%])[\w+/=%-]{6,}/g

const QUOTES = `["'\\\\]{0,4}`
const ASSIGNED = `${QUOTES}\\s?${EQUALS}\\s?${QUOTES}`
const SPELLED = `${QUOTES}\\s?${COLON}\\s?${QUOTES}`
const MEMBER = `["'\\\\]{1,4}\\s?:\\s?["'\\\\]{1,4}`
/** Names whose value is nobody else's business, as parts of longer names too (`accessToken`, `X-Amz-Signature`). */
const TELLING = [
  ...['secret', 'passw(?:or)?d', 'passphrase', 'pwd', 'credentials?', 'signature'],
  ...['(?:api|access|private)[_-]?key', '(?:session|j?sess|phpsess)[_-]?id'],
  '(?:access|refresh|id|auth|csrf|xsrf|session|security|bearer)[_-]?token',
].join('|')
/** Words of error texts as well (`Unexpected token: …`), or ends of other words: only when assigned, or as a member. */
const SHORT = `token|(?<![A-Za-z\\d])(?:key|sig|auth|pass|sid|jwt|otp|code_verifier)`
/** To the quote that ends it, where one begins it. */
const VALUE = `(?!["'\\\\])(?:(?<=["'])[^"'<>\\\\]+|[^\\s"'<>&\\\\]+)`
const ASSIGNMENT = new RegExp(
  `((?:${TELLING})(?:${ASSIGNED}|${SPELLED})|(?:${SHORT})(?:${ASSIGNED}|${MEMBER}))${VALUE}`,
  'gi',
)
/** Headers that are secrets to the end of their line. */
const HEADER = new RegExp(
  `((?:cookie|authorization)(?:${ASSIGNED}|${SPELLED}))(?!["'\\\\])[^\\r\\n"'\\\\]+`,
  'gi',
)

/** What stands before the address of a person, and is no user of a `user:password@host`. */
const LABEL = '(?:mailto|e-?mail|mail|to|from|cc|bcc|user|contact|sender|recipient|address|sip):'
/** Where no `//` stands before it. The `@` of a stack frame stands before a URL. */
const USERINFO = new RegExp(
  `(?<![\\w.%+-])(?!${LABEL})[\\w.%+-]{1,64}:[^\\s@:/"'<>[\\]]{1,128}${AT}(?=[\\w[])(?![a-z][a-z\\d+.-]{0,30}://)`,
  'gi',
)

const ISSUED = [
  ...['AKIA', 'ASIA', 'AROA', 'AIDA', 'gho_', 'ghp_', 'ghs_', 'ghu_', 'ghr_', 'github_pat_', 'glpat-'],
  ...['xoxa-', 'xoxb-', 'xoxe-', 'xoxp-', 'xoxr-', 'xoxs-', 'k_live_', 'k_test_', 'AIza', 'npm_'],
]
/** The last word of each name. */
const NAMES = [
  ...['secret~', 'passwd~', 'password~', 'passphrase~', 'pwd~', 'credential~', 'credentials~', 'signature~'],
  ...['key~', 'sid~', 'sess_id~', 'sess-id~', 'session_id~', 'session-id~', 'sessionid~', 'token~'],
  ...['sig~', 'auth~', 'pass~', 'jwt~', 'otp~', 'code_verifier~'],
]

/** Tokens, keys, and what is assigned to names like `password`, as `[token]`; `user:password@` as `[user]@`. */
export const SECRETS: readonly Secret[] = [
  { tells: ['eyJ'], pattern: JWT, mask: '[token]' },
  { tells: ISSUED, pattern: PREFIXED, mask: '[token]' },
  { tells: ['bearer', 'negotiate', 'apikey'], pattern: BEARER, mask: '$1$2[token]' },
  { tells: ['basic'], pattern: BASIC, mask: '$1$2[token]' },
  { tells: ['cookie~', 'authorization~'], pattern: HEADER, mask: '$1[token]' },
  { tells: NAMES, pattern: ASSIGNMENT, mask: '$1[token]' },
  { tells: ['@', '%00'], pattern: USERINFO, mask: '[user]@' },
]

interface Secret {
  readonly tells: readonly Tell[]
  readonly pattern: RegExp
  readonly mask: string
}
