import { COLON, EQUALS, LINE, QUERY, starting } from './escapes.ts'
import { blockAt, isNothing, lineAfter, quotedAt, unquotedAt, type ValueSpan, valueAt } from './values.ts'

/** Around a member of JSON, of Ruby, of a form, as they are or encoded. */
export const QUOTE = `["'\\\\]|%(?:25)*2[27]|&(?:quot|apos|#3[49]);`
/** After the name comes that of what it is a part of, if there is one: `user[password]`; or its place, `password[0]`. */
const NAME_END = `(?:${QUOTE}|\\[\\d{1,3}\\]|[[\\]*]|%(?:25)*5b\\d{1,3}%(?:25)*5d|%(?:25)*5[bd]){0,4}`
const BLANKS = '\\s{0,4}'
/** Up to the end of the line: what the next one has may be another name, as `lineAfter` says. */
const IN_LINE = '[^\\S\\r\\n]{0,4}'
/** Values that may be missing, as Haskell prints them, and Swift, Rust and Scala. */
const JUST = '(?:(?:Just|Some|Ok|Right) (?=["\'`\\\\(]|\\[token\\]))?'
export const WRAPPED = `(?:Optional|Some|Just|Ok|Right|Success)(?:\\(|\\s)(?:Some\\(|Optional\\()?\\\\{0,7}["'\`]`
const ASSIGNED = `${NAME_END}${BLANKS}${COLON}?${EQUALS}{1,3}(?:>(?=\\s?["']))?${IN_LINE}${JUST}`
/** Arrows of maps, languages and PHP's `print_r` and `var_dump`, of which the latter has a line, a type and a length. */
const POINTED = `${NAME_END}${BLANKS}(?:(?:${EQUALS}|-)(?:>|&gt;|%(?:25)*3e|\\\\u003e)|[→⇒≔])[\\s\\ufffd]{0,16}(?:string\\(\\d{1,5}\\)\\s(?=["']))?`
/** Markdown ends bold letters behind the colon. */
export const BOLD_END = '(?:[*_]{1,3}(?=\\s))?'
const SPELLED = `${NAME_END}${BLANKS}${COLON}${BOLD_END}${IN_LINE}${JUST}`
const QUOTED_COLON = `(?:${QUOTE}){1,4}\\s?${COLON}\\s?(?=${QUOTE}|[[{])`
/** Names whose value is nobody else's business, as parts of longer names too (`accessToken`, `X-Amz-Signature`). */
export const TELLING = [
  ...['secret', 'passw(?:or)?[dt]', 'passphrase', 'passcode', 'pwd', 'credentials?', 'signature'],
  ...[
    '(?:api|access|private|secret|shared|account|encryption|signing|master)[_-]?key',
    '(?:session|j?sess|phpsess)[_-]?id',
  ],
  '(?:access|refresh|id|auth|csrf|xsrf|session|security|bearer)[_-]?token',
  ...['saml(?:response|request)', 'client_assertion', 'oauth_verifier', 'password_?confirm(?:ation)?'],
  'c(?:vv|vc)2?',
  // Passwords in Spanish, French, Portuguese, Dutch, German and Swedish.
  ...['contrase(?:ñ|n)a', 'mot[ _-]?de[ _-]?passe', 'senha', 'wachtwoord', 'kennwort', 'l(?:ö|o)senord'],
].join('|')
/** Headers, and what only is a secret where it stands beside its value. */
export const TELLING_BESIDE = `${TELLING}|authorization|cookie|token`
/** Each of several has its number, or there is a list of them. */
const SEVERAL = [
  `(?:secret|passw(?:or)?[dt]|pwd)(?:s|[_-]?\\d{1,3})(?:${ASSIGNED}|${SPELLED})`,
  `(?:token|(?:api|access|private|secret)[_-]?key)s(?:["'\\\\]{1,2}:\\s?|:[ \\t]{0,4}(?=\\[|${LINE}[ \\t]{0,64}-[ \\t]))`,
].join('|')
/** Names that stand beside their value: in a call or a part of a body; a user and what `curl` takes after the colon. */
const BESIDE = [
  `(?:passw(?:or)?[dt]|passphrase|passcode)\\s{1,2}(?=["'\`])`,
  // A pair of a list of pairs, or of a call: a value with blanks in it is a sentence about the name.
  `(?:${TELLING_BESIDE})["'\\\\]{1,4}\\s?,\\s?(?<=[[(]\\s?["'\\\\]{1,4}(?:[\\w\\u00c0-\\u017f-]{1,48}|mot de passe)["'\\\\]{1,4}\\s?,\\s?)(?=["'\\\\]{1,4}[^"'\\\\\\s]{1,512}["'\\\\]{1,4}\\s?[\\])])`,
  // Validators say it in brackets: Spring, Postgres.
  `(?:${TELLING})["']: rejected value (?=\\[)`,
  `(?:${TELLING}|token)(?:, [\\w, ]{1,64})?\\)=(?<=\\s\\([\\w, ]{1,128}\\)=)(?=\\()`,
  // SQL: `IDENTIFIED BY 'secret'`.
  `\\bidentified\\s(?:with\\s[\\w"'\`-]{1,40}\\s)?(?:by|as)\\s(?:password\\s)?(?=["'\`])`,
  `(?=(?:${TELLING})\\()(?<!\\b(?:get|find|load|read|fetch|has|is|needs?|check|validate|verify|hash)_?)(?:${TELLING})\\(\\s?(?=["'\`])`,
  `(?:${TELLING}|token)\\]?["'\\\\]{1,4}(?<=\\bname=["'\\\\]{1,4}[\\w.[\\]-]{1,64}["'\\\\]{1,4})(?:${LINE}[a-z-]{1,40}:[^\\r\\n\\ufffd\\\\]{0,128}){0,3}(?:${LINE}){2}`,
  `(?<=\\s)(?:-u\\s|--user[\\s=])["']?[\\w.@%+-]{1,64}:`,
  // PHP's `serialize`: a string, a list and an object, with their lengths.
  `(?:${TELLING}|token)(?:["'\\\\]{1,4}|&quot;);(?:s:\\d{1,6}:(?=${QUOTE})|(?:a|O:\\d{1,6}:["'\\\\]{1,4}[\\w\\\\]{1,64}["'\\\\]{1,4}):\\d{1,6}:(?={))`,
].join('|')
/** What parsers complain about is no secret of anybody. */
export const OF_SYNTAX =
  '(?<!\\b(?:[Uu]nexpected|[Ii]llegal|[Uu]nknown|[Mm]issing|[Ee]xpected|[Rr]eserved|[Cc]urrent|[Nn]ext) [Tt]oken)'
/** What is typed in once, or by heart. */
export const CODES = '(?:t?otp|pin|(?:t?otp|pin|[m2]fa|sms)[ _-]?code)'
/** Words of error texts as well (`Unexpected token: …`), or ends of other words: only when assigned, or as a member. */
const SHORT = `token(?:${OF_SYNTAX}|(?!\\s))|${starting(`key|sig|auth|pass|pw|sid|ssn|jwt|code_verifier|${CODES}`)}`
/** A number of four digits and more is one of these without quotes as well. Pins of a board have fewer. */
const NUMBERED = `${starting(`ssn|${CODES}`)}(?:${SPELLED}|${POINTED})\\s{0,4}(?=(?:${QUOTE})?(?:\\d{4}|\\d{3}[ -]\\d))`
/** No date, and no version. */
const NUMBER = /(?!(?:19|20)\d\d-\d\d-\d\d)(?:\d{3}[ -]\d{3}|\d{3}-\d\d-\d{4}|\d{4,64})(?!\w|\.\d)/y
/** What people look for is theirs: where it stands in quotes, as `q=0.9` is of a header. */
const SEARCHED = `(?<![A-Za-z\\d])(?:q|query|search|keywords?|(?:search|query)[_-]?(?:term|text|string|query|q)s?)`
/** Before a header, before what is a value, before what is one in quotes, and before the rest of a line. */
const HEAD = new RegExp(
  [
    NUMBERED,
    `((?:cookie|authorization)(?:${ASSIGNED}|${SPELLED})${BLANKS})`,
    `(${BESIDE}|(?:token${OF_SYNTAX}|${starting('sig|auth|pass|pw|sid|jwt')})${SPELLED}(?:(?<=[a-z] )(?=["'\`\\\\])|(?=${WRAPPED}))|(?:${TELLING})(?:${POINTED}|${ASSIGNED}|${SPELLED})|(?:${SHORT})(?:${ASSIGNED}|${QUOTED_COLON})|${SEVERAL})`,
    `(?:${SEARCHED}(?:${NAME_END}${BLANKS}${EQUALS}${BLANKS}|${QUOTED_COLON})|--(?:[\\w-]{0,32}-)?(?:password|passwd|token|secret|key)\\s)(?=${QUOTE})`,
  ].join('|'),
  'gi',
)
const MASK = '[token]'
/** A list of headers, when it is looked at again. */
const MASKED = /\[token\](?=[,}\]])/y
const HEADER_REST = /Digest[^\r\n]*|(?:[^\r\n"'\\]|(?<==)"[^"\r\n]*")+/iy

const IS_MEMBER = /["']\s{0,4}:\s{0,4}$|;[aO]:[^;]{1,96}:$/
/** The name of a secret, of a button and of a column: `key` says nothing of what its value is. */
const IS_KEY = /^key(?!word)/i
/** The shortest value of a `key` that may be a secret. Ours. */
const LEAST_KEY_CHARS = 6
const LONG_KEY_CHARS = 20
const isKey = (value: string): boolean =>
  value.length >= LONG_KEY_CHARS || (value.length >= LEAST_KEY_CHARS && /\d/.test(value))
/** What is said of a value, as `password: required`. */
const SAYS = [
  ...['required', 'missing', 'invalid', 'must', 'is', 'are', 'was', 'not', 'no', 'none', 'null', 'undefined'],
  ...['wrong', 'incorrect', 'mismatch', 'empty', 'blank', 'expired', 'expected', 'too', 'cannot', 'should'],
  ...['failed', 'rejected', 'denied', 'ok', 'valid', 'unknown', 'unset', 'absent', 'optional', 'the', 'this'],
  ...['does', 'needs', 'has', 'may', 'field', 'please', 'enter', 'minimum', 'maximum', 'value', 'string'],
].join('|')
export const SAID = new RegExp(`^(?:${SAYS})[,;.!)]*$`, 'i')
const SAID_FIRST = new RegExp(`^(?:${SAYS})(?![\\w-])`, 'i')
export const LITERAL = /^(?:null|true|false|none|undefined|nil)$/i

/** Whether what stands behind a name is one of its values. */
function isAssignedSecret(head: string, value: string, isQuoted: boolean): boolean {
  if (isNothing(value)) return false
  if (IS_KEY.test(head)) return isKey(value)
  if (BESIDE_QUOTES.test(head)) return !SAID_FIRST.test(value)
  if (isQuoted) return true
  if (COMPARES.test(head)) return !SAID.test(value) && !STATUS.test(value)
  return IS_MEMBER.test(head) ? !LITERAL.test(value) : !(SPEAKS.test(head) && SAID.test(value))
}
/** How far before the end of a value the name of another may have begun. Ours. */
const MOST_NAME_CHARS = 64
const SPEAKS = /:[*_]{0,3}\s{1,4}$/
/** A value that only stands beside its name, in quotes: it may as well be said of it. */
const BESIDE_QUOTES = /(?:[a-z]\s{1,2}|["'\\],|["'\\]\s?,\s)$/i
/** Signs of code, and of what led to what: a status, a path, a call. */
const COMPARES = /(?:==|[=-]>|→|⇒)[\s\ufffd]{0,16}$/
const STATUS = /^[1-5]\d\d$/
const LEADS_TO = /\/|\w{1,64}\(/y
/** A name ends so before the content of a part of a form. */
const PART = /(?:\n|\ufffd|\\n)$/
const LINE_REST = /[^\r\n\ufffd\\]*/y

export interface Masking {
  /** Queries are cut afterwards: what begins one within a bare value stays, as without it the rest would stay, too. */
  readonly isApart?: boolean | undefined
}

/** What is assigned to the names of secrets, headers, and what somebody looked for, as `[token]`. */
export const maskAssigned = (text: string, { isApart }: Masking = {}): string =>
  masked(text, { pattern: HEAD, isApart }, (found, at) =>
    found[1] === undefined ? assignedAt(text, at, found) : headerAt(text, at, found[1]),
  )

function assignedAt(text: string, at: number, [head, , isAny]: RegExpExecArray): ValueSpan | undefined {
  if (PART.test(head) && !/[:=>]\s*$/.test(head)) return lineAt(text, at)
  const block = IS_KEY.test(head) ? undefined : blockAt(text, at)
  if (block !== undefined) return block
  const from = lineAfter(text, at)
  if (from === undefined) return undefined
  const before = head + text.slice(at, from)
  LEADS_TO.lastIndex = from
  if (COMPARES.test(before) && !IS_KEY.test(head) && LEADS_TO.test(text)) return undefined
  const quoted = quotedAt(text, from)
  const span =
    isAny === undefined
      ? (quoted ?? numberAt(text, from))
      : (heredocAt(text, from) ?? valueAt(text, from, IS_MEMBER.test(head)))
  return span && isAssignedSecret(before, text.slice(span.from, span.to), quoted !== undefined)
    ? span
    : undefined
}

/** What shells, Ruby and Terraform have in lines up to a word of its own. */
const HEREDOC = new RegExp(
  `(?:\\$\\(\\s?cat\\s{1,4})?<<[-~]?\\s?["'\\\\]?([A-Za-z_]\\w{0,31})["']?[^\\r\\n\\ufffd\\\\]{0,64}${LINE}`,
  'y',
)
const EACH_LINE = new RegExp(`${LINE}[ \\t]{0,64}`, 'g')

function heredocAt(text: string, at: number): ValueSpan | undefined {
  HEREDOC.lastIndex = at
  const [, word] = HEREDOC.exec(text) ?? []
  if (word === undefined) return undefined
  const from = HEREDOC.lastIndex
  EACH_LINE.lastIndex = from
  for (let line = EACH_LINE.exec(text); line !== null; line = EACH_LINE.exec(text))
    if (text.startsWith(word, EACH_LINE.lastIndex)) return { from, to: line.index }
  return { from, to: text.length }
}

function lineAt(text: string, at: number): ValueSpan | undefined {
  LINE_REST.lastIndex = at
  // It may be empty.
  const [line] = LINE_REST.exec(text) as RegExpExecArray
  return isNothing(line) ? undefined : { from: at, to: at + line.length }
}

function numberAt(text: string, at: number): ValueSpan | undefined {
  NUMBER.lastIndex = at
  return NUMBER.test(text) ? { from: at, to: NUMBER.lastIndex } : undefined
}

/** Headers are secrets to the end of their line. */
function headerAt(text: string, at: number, head: string): ValueSpan | undefined {
  const block = blockAt(text, at - (head.length - head.trimEnd().length))
  if (block !== undefined) return block
  HEADER_REST.lastIndex = at
  const to = at + (HEADER_REST.exec(text)?.[0].length ?? 0)
  MASKED.lastIndex = at
  const isMasked = IS_MEMBER.test(head) && MASKED.test(text)
  const bare: ValueSpan = { from: at, to: isMasked ? at + MASK.length : to, isBare: true }
  const span = quotedAt(text, at) ?? unquotedAt(text, bare, false)
  return isNothing(text.slice(span.from, span.to)) ? undefined : span
}

/** The ids that an event may have, as others spell them too, but `session_id`, which is telling everywhere. */
const ID = new RegExp(`(?:user|page[_-]?view|event|measurement)[_-]?id(?:${ASSIGNED}|${SPELLED})`, 'gi')

/** Ids of people, and of what they did, as `[id]`, in a text that may be part of an event: of that they are not stored so. */
export const maskIds = (text: string): string =>
  masked(text, { pattern: ID, mask: '[id]' }, ([head], at) => {
    const block = blockAt(text, at)
    const from = lineAfter(text, at)
    if (block !== undefined || from === undefined) return block
    const span = valueAt(text, from, IS_MEMBER.test(head))
    return isNothing(text.slice(span.from, span.to)) ? undefined : span
  })

/** More words of a value among others that end in `;`, as of a connection to a database. */
const SETTING_REST =
  /(?:[ \t][^\s;="'<>&\\\ufffd]{1,64}){1,4}(?=;(?:[ \t]{0,4}(?:[\w ]{1,32}=|$|["'\r\n\ufffd\\])))/y
/** What stands behind a tag or an anchor of YAML, or both. */
const TAGGED =
  />?(?:[ \t]{1,4}[!&][\w!-]{1,32})?(?:[ \t]{0,4}\\{0,7}(?:"[^"\r\n]{0,512}"?|'[^'\r\n]{0,512}'?)|[ \t]{1,4}[^\s"'`<>&\\]{1,128})/y
function endOfSetting(text: string, { from, to, isBare }: ValueSpan): number {
  if (!isBare) return to
  const rest = '!&'.includes(text.charAt(from)) ? TAGGED : SETTING_REST
  rest.lastIndex = to
  return to + (rest.exec(text)?.[0].length ?? 0)
}

function endBeforeQuery(text: string, span: ValueSpan): number {
  const to = endOfSetting(text, span)
  const at = text.slice(span.from, to).search(ANY_QUERY)
  return at === -1 ? to : span.from + at
}
/** But a comment in a block of YAML, which is cut as one to the end of its line. */
const ANY_QUERY = new RegExp(`(?!#[ \\t][^"\\\\=\\r\\n]{0,128}(?:\\r?\\n|\ufffd))${QUERY}`, 'i')

function masked(
  text: string,
  { pattern, mask = MASK, isApart }: Masking & { readonly pattern: RegExp; readonly mask?: string },
  spanBehind: (found: RegExpExecArray, at: number) => ValueSpan | undefined,
): string {
  let clean = ''
  let done = 0
  pattern.lastIndex = 0
  for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
    const span = spanBehind(found, pattern.lastIndex)
    if (span === undefined) continue
    if (span.from >= done) clean += text.slice(done, span.from) + mask
    done = Math.max(done, isApart && span.isBare ? endBeforeQuery(text, span) : endOfSetting(text, span))
    // In a value the name of the next may have begun.
    pattern.lastIndex = Math.max(span.from, done - MOST_NAME_CHARS)
  }
  return clean + text.slice(done)
}
