import { EQUALS, NAME } from './escapes.ts'

/** What stands behind the name of a value, without its quotes: where it begins and ends. */
export interface ValueSpan {
  readonly from: number
  readonly to: number
}

/** How far the other of two quotes in the middle of a value is looked for. */
const MOST_QUOTED_CHARS = 128

/** In JSON that was put into JSON, again and again, each quote has more backslashes. Tables double it. */
const OPENING = /(\\{0,7})("+|'+|`+)|&(?:quot|apos|#3[49]);|%(?:25)*2[27]/y
const NESTED = /[[{](?=\s{0,4}(?:["'`[{\\&]|%(?:25)*2[27]))/y
const NESTED_MEMBER = /[[{]/y
/** What may follow a quote that ends a value: behind anything else the value goes on, as shells and SQL have it. */
const AFTER = /$|[\s,:;)}\]>&|<"'`\\]|[.!?](?:\s|$)|\/>/y
/** Text of these characters alone holds nothing personal. */
const NOTHING = /^[\s,:;()[\]{}"'`\\]*$/
/** Without quotes: up to what may end it. A mask is one word. */
const BARE = /[^\s"'`<>&\\]+/y
const BARE_MEMBER = /(?:\[[a-z]+\]|[^\s"'`<>&\\,}\]])+/y
/** Ampersands of markup and forms end a value. */
const AMPERSAND = new RegExp(`&(?:amp;)*(?:${NAME}${EQUALS}|(?:quot|apos|#3[49]|[lg]t);|\\s|$)`, 'iy')
const TAG =
  /<(?:[/!\s]|$|(?:a|b|br|code|dd|div|dt|em|h[1-6]|hr|i|img|li|p|pre|small|span|strong|td|th|tr|u|ul)\b)/iy
const ANGLE = />(?![\p{L}\p{N}])/uy
const BACKSLASHES = /\\{1,8}(?:[\snrtux]|$)/y
const LITERAL_QUOTE = /\\{0,7}["'`]/y
/** Before a quote that begins something else. */
const OPENS = ',:;({[=|'
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
  if (fits(isMember ? NESTED_MEMBER : NESTED, text, at)) return { from: at, to: endOfNested(text, at) }
  return quotedAt(text, at) ?? { from: at, to: endOfBare(text, at, isMember ? BARE_MEMBER : BARE) }
}

/** The same, if it stands in quotes. */
export function quotedAt(text: string, at: number): ValueSpan | undefined {
  const opening = matchAt(OPENING, text, at)
  if (opening === null) return undefined
  const [written, slashes, quotes] = opening
  const from = at + written.length
  if (slashes === undefined || quotes === undefined) return { from, to: endOfEncoded(text, from, written) }
  const quote = quotes.charAt(0)
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
  let depth = 0
  let slashes = 0
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at)
    if ('[{'.includes(char)) depth++
    if (']}'.includes(char) && --depth === 0) return at + 1
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
  return begins(text, at, from) ? at - 1 : at
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
