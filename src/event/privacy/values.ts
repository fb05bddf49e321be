import { EQUALS, LINE, NAME } from './escapes.ts'

/** What stands behind the name of a value, without its quotes: where it begins and ends. */
export interface ValueSpan {
  readonly from: number
  readonly to: number
  /** It stands in nothing that ends it: what ends it may be a part of it. */
  readonly isBare?: true
}

/** How far the other of two quotes in the middle of a value is looked for. */
const MOST_QUOTED_CHARS = 128

/** In JSON that was put into JSON, again and again, each quote has more backslashes. Tables double it. */
const OPENING = /(\\{0,7})("+|'+|`+)|&(?:quot|apos|#3[49]);|%(?:25)*2[27]/y
/** Before an object of Go and Rust: `[]string{"…"}`, `Secret { inner: "…" }`. */
const TYPE = '((?:(?:\\[\\d{0,3}\\]|&)[\\w.]{1,64}|[A-Z][\\w:]{0,63}) ?(?={)|)'
/** Its values are in quotes or brackets, have names (`{Value:S Old:T}`) or are words (`[S, T]`). */
const NESTED = new RegExp(
  `${TYPE}(?:[[{(](?=[\\s\ufffd]{0,64}(?:["'\`[{\\\\&]|%(?:25)*2[27]))|{(?=[\\s\ufffd]{0,64}[\\w$.-]{1,64}\\s?[:=])|[[(](?=[^[\\](){}"'\`\\\\]{1,256}[\\])]))`,
  'y',
)
const NESTED_MEMBER = new RegExp(`${TYPE}(?:[[{]|\\((?=\\s?["'\`\\\\]))`, 'y')
/** A call with a text, as of types that are not printed: `SecretStr('…')`. */
const CALL =
  /((?:new\s)?[\w.$]{1,64})\((?=(?:[\w.$]{1,64}\(){0,2}(?:[^()"'`\\\r\n]{0,64}[\s,=[{])?[bfru]?["'`\\])/y
/** What Python and TOML have in three quotes, in lines of its own. */
const BEGINS_LINE = new RegExp(`\\\\?[ \\t]{0,8}${LINE}`, 'y')
/** What may follow a quote that ends a value: behind anything else the value goes on, as shells and SQL have it. */
const AFTER = /$|[\s,:;)}\]>&|<"'`\\]|[.!?](?:\s|$)|\/>/y
/** Text of these characters alone holds nothing personal. */
const NOTHING = /^[\s,:;()[\]{}"'`\\]*$/
/** Another name, in YAML and where variables are set; of these one without a value is in capitals. */
export const NAMED = `(?:export[ \\t])?(?:["']?[A-Za-z_][\\w.-]{0,63}["']?[ \\t]?(?::(?=\\s|${LINE}|$)|=(?!=|[ \\t]{0,8}(?:${LINE}|$)))|[A-Z\\d]{1,32}_[A-Z\\d_]{0,32}=)`
/** Without quotes: up to what may end it, as the end of a line before a name. A mask is one word. */
const BARE = new RegExp(`(?:[^\\s"'\`<>&\\\\\\ufffd]|\\ufffd(?!\\s{0,16}${NAMED}))+`, 'y')
const BARE_MEMBER = new RegExp(
  `(?:\\[[a-z]+\\]|[^\\s"'\`<>&\\\\,}\\]\\ufffd]|\\ufffd(?!\\s{0,16}${NAMED}))+`,
  'y',
)
/** Ampersands of markup and forms end a value. */
const AMPERSAND = new RegExp(`&(?:amp;)*(?:${NAME}${EQUALS}|(?:quot|apos|#3[49]|[lg]t);|\\s|$)`, 'iy')
const TAG =
  /<(?:[/!\s]|$|(?:a|b|br|code|dd|div|dt|em|h[1-6]|hr|i|img|li|p|pre|small|span|strong|td|th|tr|u|ul)\b)/iy
const ANGLE = />(?![\p{L}\p{N}])/uy
const BACKSLASHES = /\\{1,8}(?:[\snrtux]|$)/y
const LITERAL_QUOTE = /\\{0,7}["'`]/y
/** Before a quote that begins something else. */
const OPENS = ',:;({[|'
const QUOTES = '"\'`\\'

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

const fits = (pattern: RegExp, text: string, at: number): boolean => matchAt(pattern, text, at) !== null

/** Whether there is nothing in it that could be masked. */
export const isNothing = (value: string): boolean => NOTHING.test(value)

/** The value that begins at `at`. `isMember`: of JSON, where a comma ends what is not in quotes. */
export function valueAt(text: string, at: number, isMember: boolean): ValueSpan {
  const quoted = quotedAt(text, at)
  if (quoted !== undefined) return quoted
  const to = endOfBare(text, at, isMember ? BARE_MEMBER : BARE)
  return unquotedAt(text, { from: at, to, isBare: true }, isMember)
}

/** What stands in brackets, unless what is without any goes farther. */
export function unquotedAt(text: string, bare: ValueSpan, isMember: boolean): ValueSpan {
  const { from } = bare
  const nested = matchAt(isMember ? NESTED_MEMBER : NESTED, text, from) ?? matchAt(CALL, text, from)
  if (nested === null) return bare
  const to = endOfNested(text, from + String(nested[1]).length)
  return to > bare.to ? { from, to } : bare
}

/** Between lines, with what stands before the last of them. Of a text in lines YAML has a sign, and tags and anchors. */
const NEXT_LINE = new RegExp(`[ \\t]{0,8}(?:${LINE}([ \\t]{0,256})){1,4}`, 'y')
/** What looks like one may be a value. */
const COMMENT = '#[^\\r\\n\\ufffd\\\\]{0,128}'
const NEXT_BLOCK = new RegExp(
  `[ \\t]{0,8}(?:[!&][\\w!-]{0,32}[ \\t]{1,4}){0,2}([|>][-+\\d]{0,2})?[ \\t]{0,8}((?:${COMMENT})?(?:${LINE}[ \\t]{0,256}${COMMENT}){0,8})(?:${LINE}([ \\t]{0,256})){1,4}`,
  'y',
)
const EACH_LINE = new RegExp(`${LINE}([ \\t]{0,256})(-[ \\t])?`, 'g')
const ITEM = /-[ \t]/y
const IS_NAMED = new RegExp(NAMED, 'y')
const LINE_ENDS = '\r\n\ufffd'

/** Where the value is of a name that ends at `at`: there, or in the next line, unless that has a name of its own. */
export function lineAfter(text: string, at: number): number | undefined {
  const gap = matchAt(NEXT_LINE, text, at)
  if (gap === null) return at
  const from = at + gap[0].length
  return fits(IS_NAMED, text, from) ? undefined : from
}

/** The list, the object or the text in lines that YAML has under a name that ends at `at`, to the last line of it. */
export function blockAt(text: string, at: number): ValueSpan | undefined {
  const gap = matchAt(NEXT_BLOCK, text, at)
  if (gap === null || text.charAt(at - 1) === '=') return undefined
  const [head, sign, comments, { length: inset } = ''] = gap
  const from = at + head.length
  const least = insetOf(text, at)
  const isList = fits(ITEM, text, from)
  if (inset < least || (inset === least && !isList)) return undefined
  if (sign === undefined && !isList && !fits(IS_NAMED, text, from)) return undefined
  const to = endOfBlock(text, from, { least, isList: inset === least, isCode: /\\/.test(head) })
  return { from: comments === '' ? from : at, to, isBare: true }
}

/** How far the line is set in that goes on at `at`, with the signs of items of a list before its name. */
function insetOf(text: string, at: number): number {
  let start = at
  while (start > 0 && !LINE_ENDS.includes(text.charAt(start - 1)) && !text.startsWith('\\n', start - 2))
    start--
  return String(/^[ \t]*(?:-[ \t]+)*/.exec(text.slice(start, at))).length
}

function endOfBlock(
  text: string,
  from: number,
  { least, isList, isCode }: { readonly least: number; readonly isList: boolean; readonly isCode: boolean },
): number {
  // In a string of code the block ends with that.
  const quoteAt = isCode ? text.slice(from).search(/(?<!\\)["'`]/) : -1
  const most = quoteAt === -1 ? text.length : from + quoteAt
  EACH_LINE.lastIndex = from
  for (let line = EACH_LINE.exec(text); line !== null && line.index < most; line = EACH_LINE.exec(text)) {
    const inset = String(line[1]).length
    const isInside = inset > least || (isList && inset === least && line[2] !== undefined)
    if (!isInside && !fits(EMPTY, text, EACH_LINE.lastIndex)) return line.index
  }
  return most
}
const EMPTY = new RegExp(`${LINE}|$`, 'y')

/** The value that begins at `at`, if it stands in quotes. */
export function quotedAt(text: string, at: number): ValueSpan | undefined {
  const opening = matchAt(OPENING, text, at)
  if (opening === null) return undefined
  const [written, slashes, quotes] = opening
  const from = at + written.length
  if (slashes === undefined || quotes === undefined) return { from, to: endOfEncoded(text, from, written) }
  const quote = quotes.charAt(0)
  const lines = quotes.length === 3 && fits(BEGINS_LINE, text, from) ? text.indexOf(quotes, from) : -1
  if (lines !== -1) return { from, to: lines }
  if (quotes.length > 1) return { from, to: fits(AFTER, text, from) ? from : endOfDoubled(text, from, quote) }
  const end = endOfQuoted(text, from, quote, slashes.length)
  // `"password:","b"` ends in the quote that seems to begin a value.
  if (isNothing(text.slice(from, end))) return { from, to: from }
  // `'a'b` is one word.
  if (/[\p{L}\p{N}]/u.test(text.charAt(end + 1))) return { from: at, to: endOfBare(text, from, BARE, end) }
  return { from, to: withoutSlashes(text, from, end, slashes.length) }
}

/** Up to the same quote again. Where there is none, as if there were no quotes. */
function endOfEncoded(text: string, from: number, quote: string): number {
  const end = text.indexOf(quote, from)
  return end === -1 ? endOfBare(text, from, BARE) : end
}

/** `""a""` of a table. Four of them are one of the value. */
function endOfDoubled(text: string, from: number, quote: string): number {
  for (let end = text.indexOf(quote, from); end !== -1; ) {
    let behind = end
    while (text.charAt(behind) === quote) behind++
    if (behind - end < 4 || fits(AFTER, text, behind)) return end
    end = text.indexOf(quote, behind)
  }
  return text.length
}

function withoutSlashes(text: string, from: number, end: number, most: number): number {
  let to = end
  while (end - to < most && to > from && text.charAt(to - 1) === '\\') to--
  return to
}

/** Where the quote stands that ends what began with one behind so many backslashes. Those with more are of the value. */
function endOfQuoted(text: string, from: number, quote: string, slashes: number): number {
  let end = text.indexOf(quote, from)
  for (; end !== -1; end = text.indexOf(quote, end + 1)) {
    let before = 0
    while (end - before > from && text.charAt(end - before - 1) === '\\') before++
    if (before >= slashes && (before - slashes) % (2 * (slashes + 1)) !== 0) continue
    if (slashes > 0 || end === from || text.charAt(end + 1) !== quote) return end
    end++
  }
  return text.length
}

/** The place after the bracket that ends a list or an object, whatever stands in quotes in it; of one that was cut, all. */
export function endOfNested(text: string, from: number): number {
  const brackets = text.charAt(from) === '(' ? '()' : '[]{}'
  let depth = 0
  let slashes = 0
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at)
    const bracket = brackets.indexOf(char)
    if (bracket % 2 === 0) depth++
    if (bracket % 2 === 1 && --depth === 0) return at + 1
    if ('"\''.includes(char)) at = endOfQuoted(text, at + 1, char, slashes)
    slashes = char === '\\' ? slashes + 1 : 0
  }
  return text.length
}

/** Punctuation in the middle ends it only where it belongs to what the value stands in. */
function endOfBare(text: string, from: number, chunk: RegExp, goingOnAt = from): number {
  let at = goingOnAt
  for (let behind: number | undefined = at; behind !== undefined; behind = behindPunctuation(text, at, from))
    at = behind + (matchAt(chunk, text, behind)?.[0].length ?? 0)
  if (!begins(text, at, from)) return at
  // JSON of a query.
  return /=[[{]$/.test(text.slice(at - 2, at)) ? endOfNested(text, at - 1) : at - 1
}

/** Whether a quote begins something else: `password:S,"n":1`. */
const begins = (text: string, at: number, from: number): boolean =>
  at > from && QUOTES.includes(text.charAt(at) || ' ') && OPENS.includes(text.charAt(at - 1))

/** Where a value goes on behind the punctuation at `at`; undefined where that ends it. */
function behindPunctuation(text: string, at: number, from: number): number | undefined {
  const quote = matchAt(LITERAL_QUOTE, text, at)
  if (quote !== null) return behindQuote(text, at, from, quote[0])
  switch (text.charAt(at)) {
    case '&':
      return fits(AMPERSAND, text, at) ? undefined : at + 1
    case '<':
      return fits(TAG, text, at) ? undefined : at + 1
    case '>':
      return fits(ANGLE, text, at) ? undefined : at + 1
    case '\\':
      return fits(BACKSLASHES, text, at) ? undefined : at + 1
    default:
      return undefined
  }
}

function behindQuote(text: string, at: number, from: number, quote: string): number | undefined {
  const behind = at + quote.length
  if (at === from || begins(text, at, from) || fits(AFTER, text, behind)) return undefined
  const other = text.indexOf(quote, behind)
  const isPair = other !== -1 && other - at < MOST_QUOTED_CHARS && fits(AFTER, text, other + quote.length)
  return isPair && !/[\r\n]/.test(text.slice(at, other)) ? other + quote.length : behind
}
