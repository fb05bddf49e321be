import { endsInMask } from './cut.ts'
import { AT, COLON, EQUALS, NAME, QUERY, SEMICOLON, SLASH } from './escapes.ts'
import { endOfNested, quotedAt } from './values.ts'

/** URLs and paths in the middle of text. */
export interface UrlTextRules {
  /** Names of query parameters that may stay. */
  readonly allowQuery: ReadonlySet<string>
  /**
   * Where they begin and end: behind a path or before a pair, up to a blank; there, and the text is nothing but a route,
   * which it ends; or wherever a `?` or `#` stands, up to a quote, as in JSON that nobody could read.
   */
  readonly queries: 'in text' | 'to the end' | 'in quotes'
}

/** What a URL may hold, and what people put around it: it ends where a space, a quote or a bracket of markup is. */
const WORD = /[^\s"<>`]+/g
const SUSPECT = /[?#;%@]|\\[ux]/

/**
 * The value of a parameter, and what follows it, where it stands in quotes or brackets: they end a word, but no query. Of
 * `?a="` before a comma the quote ends what the URL stands in.
 */
const QUOTED = [
  `(?<==|=\\\\)"(?![\\s,:;)}\\]>]|$)[^"\\r\\n]*"?`,
  '(?<==)`(?![\\s,:;)}\\]>]|$)[^`\\r\\n]*`?',
  `(?<==)<[^\\s"\`]*`,
].join('|')
const QUOTED_REST = new RegExp(`(?:(?:${QUOTED})[^\\s"<>\`]*)+`, 'y')
/** The same in single quotes, which end no word, but blanks between them do. */
const SINGLE = /='(?![\s,:;)}\]])[^']*$/
const SINGLE_REST = /[^'\r\n]*'?[^\s"<>`]*/y
const IN_SINGLE = /^[^']*'/
/** JSON, which has quotes and blanks of its own. */
const NESTED = new RegExp(`${EQUALS}(?=[[{])`, 'gi')
const WORD_REST = /[^\s"<>`]*/y
/** Blanks in a value that was decoded: another pair follows. */
const PAIRS_REST = new RegExp(
  `(?:[ \\t][^"<>\`?#\\r\\n]{0,64}?&(?:amp;)*${NAME}${EQUALS}[^\\s"<>\`]*)+`,
  'iy',
)
/** What begins quotes right before a URL, and what of its word stands before those that are in it. */
const QUOTE_AHEAD = /\\{0,7}["'`](?:[A-Z]{3,7} )?$/
const LEAD = /^(?:[\w.-]{1,32}(?=[=(]))?[([{=:,]*/
/** As far as that may reach: a quote behind seven backslashes, and a method. */
const MOST_AHEAD_CHARS = 16
const STRING_REST = /(?:\\[^\r\n]|[^"\\\r\n])+/y

/** It has blanks and quotes of its own, before its query and within it. */
const IS_ROUTE = /^\s*(?:[a-z][a-z\d+.-]{0,30}:\/)?\//i
const ANY_QUERY = new RegExp(QUERY, 'i')

/** URLs and paths without query, fragment, `;parameters` and userinfo, as they are or percent-encoded. */
export function cleanUrlsIn(text: string, rules: UrlTextRules): string {
  const from = rules.queries === 'to the end' && IS_ROUTE.test(text) ? text.search(ANY_QUERY) : -1
  if (from !== -1) return cleanUrlsIn(text.slice(0, from), rules)
  let clean = ''
  let done = 0
  WORD.lastIndex = 0
  for (let found = WORD.exec(text); found !== null; found = WORD.exec(text)) {
    const [word] = found
    if (!SUSPECT.test(word)) continue
    // What stays of a query is looked at in the same way, which moves the place that the pattern remembers.
    const end = WORD.lastIndex
    const { kept, query, tail } = partsOf(word, rules)
    const part = { from: end - query.length - tail.length, to: end, tail }
    const last =
      query === '' ? part : upTo(text, lastPart(text, part, rules), endOfQuote(text, found.index, word))
    clean += text.slice(done, found.index) + kept + last.tail
    done = last.to
    WORD.lastIndex = done
  }
  return clean + text.slice(done)
}

/** A part of a query: one word, or one in which the query goes on, with what stands behind it and is not its own. */
interface Part {
  readonly from: number
  readonly to: number
  readonly tail: string
}

/** Where the quotes end that a URL stands in, by itself or behind a method; before it, if it stands in none. */
function endOfQuote(text: string, at: number, word: string): number {
  const ahead = QUOTE_AHEAD.exec(text.slice(Math.max(0, at - MOST_AHEAD_CHARS), at))
  const quoteAt = ahead === null ? at + word.length - word.replace(LEAD, '').length : at - ahead[0].length
  const end = quotedAt(text, quoteAt)?.to ?? 0
  return end === text.length || /[\r\n]/.test(text.slice(at, end)) ? 0 : end
}

/** What quotes hold is all of the query. */
const upTo = (text: string, last: Part, end: number): Part =>
  last.to < end ? { from: last.to, to: end, tail: tailOf(text.slice(last.to, end)) } : last

/** The last part of a query of which the first ended with its word. */
function lastPart(text: string, first: Part, { queries }: UrlTextRules): Part {
  if (queries === 'to the end') return { from: first.to, to: text.length, tail: '' }
  const nextOf = (part: Part) =>
    (queries === 'in quotes' ? partAt(text, part, STRING_REST) : undefined) ?? nextPart(text, part)
  let last = first
  for (let next = nextOf(last); next !== undefined; next = nextOf(last)) last = next
  return last
}

function nextPart(text: string, part: Part): Part | undefined {
  const closedAt = endOfBrackets(text, part)
  if (closedAt !== undefined) {
    const behind = restAt(text, closedAt, WORD_REST)
    return { from: part.to, to: closedAt + behind.length, tail: tailOf(behind) }
  }
  const isSingle = SINGLE.test(text.slice(part.from, part.to))
  return partAt(text, part, isSingle ? SINGLE_REST : QUOTED_REST) ?? partAt(text, part, PAIRS_REST)
}

function partAt(text: string, { to }: Part, pattern: RegExp): Part | undefined {
  const rest = restAt(text, to, pattern)
  return rest === ''
    ? undefined
    : { from: to, to: to + rest.length, tail: tailOf(rest.replace(IN_SINGLE, '')) }
}

function restAt(text: string, at: number, pattern: RegExp): string {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}

/** Where the brackets of a value of JSON close that goes on behind its word. */
function endOfBrackets(text: string, { from, to }: Part): number | undefined {
  const query = text.slice(from, to)
  // Most have none, and the pattern is dear.
  if (!/[[{]/.test(query)) return undefined
  let done = from
  for (const { index, 0: equals } of query.matchAll(NESTED)) {
    const at = from + index + equals.length
    if (at < done) continue
    done = endOfNested(text, at)
    if (done > to) return done
  }
  return undefined
}

/** What stays of a word, the query that goes, and what stood behind it. */
function partsOf(word: string, rules: UrlTextRules) {
  const whole = withoutUserinfo(word)
  const at = queryAt(whole, rules.queries === 'in quotes')
  if (at === -1) return { kept: withoutParameters(whole), query: '', tail: '' }
  const rest = whole.slice(at)
  const tail = tailOf(rest)
  const query = rest.slice(0, rest.length - tail.length)
  return { kept: withoutParameters(whole.slice(0, at)) + allowedQuery(query, rules.allowQuery), query, tail }
}

const SLASHES = new RegExp(`${SLASH}{2,}`, 'gi')
const END_OF_AUTHORITY = new RegExp(`${SLASH}|${QUERY}`, 'gi')
const LAST_AT = new RegExp(`^.*${AT}`, 'is')
/** A host and a port, with what a stack frame adds: lines and columns; of IPv6 in brackets. */
const AUTHORITY = new RegExp(
  `^(?:\\[[^\\]]*\\]|(?:(?!${COLON}).)*)(?:${COLON}\\d*){0,3}[)\\]},;.!?'\\\\]*$`,
  'is',
)

/** What follows two slashes is a host, without what stands before its last `@`. */
function withoutUserinfo(word: string): string {
  let clean = ''
  let done = 0
  SLASHES.lastIndex = 0
  for (let slashes = SLASHES.exec(word); slashes !== null; slashes = SLASHES.exec(word)) {
    const from = slashes.index + slashes[0].length
    END_OF_AUTHORITY.lastIndex = from
    const to = END_OF_AUTHORITY.exec(word)?.index ?? word.length
    const host = word.slice(from, to).replace(LAST_AT, '')
    clean += word.slice(done, from)
    // A password with a slash or a `?` in it: nothing that follows can be told from it.
    if (!AUTHORITY.test(host)) return clean
    clean += host
    done = to
    SLASHES.lastIndex = to
  }
  return clean + word.slice(done)
}

const QUERIES = new RegExp(QUERY, 'gi')
const FIRST_SLASH = new RegExp(SLASH, 'i')
/** The end of a file's name or a domain's. */
const EXTENSION = /\.[a-z\d]{1,8}$/i
const EXTENSION_CHARS = 9
/** `a?.b=` is code. */
const PAIR = new RegExp(`${QUERY}[!/]{0,2}(?!\\.)${NAME}${EQUALS}`, 'iy')

/** Where the query or fragment begins: after a path or a file, or where `name=` follows. `C#`, `div#id` and `ok?` are none. */
function queryAt(word: string, everywhere: boolean): number {
  const slashAt = word.search(FIRST_SLASH)
  QUERIES.lastIndex = 0
  for (let match = QUERIES.exec(word); match !== null; match = QUERIES.exec(word)) {
    const at = match.index
    if (everywhere || (slashAt !== -1 && slashAt < at)) return at
    PAIR.lastIndex = at
    if (PAIR.test(word)) return at
    // `a.b?.c` is code.
    const isFile = EXTENSION.test(word.slice(Math.max(0, at - EXTENSION_CHARS), at))
    if (isFile && word.charAt(at + match[0].length) !== '.') return at
  }
  return -1
}

export function allowedQuery(rest: string, allowQuery: ReadonlySet<string>): string {
  if (allowQuery.size === 0 || !rest.startsWith('?')) return ''
  const pairs = rest.slice(1).replace(/#.*/s, '').split('&')
  const kept = pairs.filter((pair) => allowQuery.has(pair.replace(/=.*/s, '')))
  return kept.length === 0 ? '' : `?${kept.map((pair) => cleanUrlsIn(pair, OF_NO_QUERY)).join('&')}`
}

/** What the page of a URL may keep is not what that of one inside of it may. */
const OF_NO_QUERY: UrlTextRules = { allowQuery: new Set(), queries: 'in text' }

const CLOSERS = ")]},;.!?'\\"
/** Line and column, with the colons. */
const PLACE = /(?::\d{1,7}){1,2}$/
const PLACE_CHARS = 16

/** What follows a URL in text and is not its own: line and column of a stack frame, brackets and punctuation. */
export function tailOf(rest: string): string {
  let end = rest.length
  while (end > 0 && CLOSERS.includes(rest.charAt(end - 1)) && !endsInMask(rest.slice(0, end))) end--
  const place = PLACE.exec(rest.slice(Math.max(0, end - PLACE_CHARS), end))?.[0] ?? ''
  return place + rest.slice(end)
}

const PATH = /^(?:[\w.-]{1,32}=)?[('"[{=:,]*(?:\.{0,2}[\\/]|[a-z][a-z\d+.-]{0,30}:[\\/])/i
const SESSION = new RegExp(`${SEMICOLON}\\w*sess`, 'i')
const PARAMETERS = new RegExp(`${SEMICOLON}[\\w.~%-]{1,64}${EQUALS}(?:(?!${SLASH})[^)\\]},'])*`, 'gi')

/** `;jsessionid=…` in a segment of a path. That of a media type (`text/html;charset=…`) is none. */
const withoutParameters = (word: string): string =>
  PATH.test(word) || SESSION.test(word) ? word.replace(PARAMETERS, '') : word
