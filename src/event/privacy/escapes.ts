/** Forms of ASCII as wide as a character of Chinese or Japanese stand this far behind it. */
export const TO_WIDE = 0xfee0

/**
 * How a character stands in text: as it is, and as those write it who put one text into another. Sources of patterns, for
 * `RegExp`s that are made once; they ignore case.
 *
 * URLs: `%3F`, again `%253F`, old scripts `%u003F`. JSON and code: `\u003f`, `\u{3f}`, `\x3f`. HTML: `&#63;`, `&#x3f;`,
 * `&quest;`, again `&amp;quest;`.
 */
export function encoded(chars: string, names: string): string {
  const codes = [...chars].map((char) => char.charCodeAt(0))
  const hex = codes.map((code) => code.toString(16)).join('|')
  const uri = `%(?:25)*(?:u00)?(?:${hex})`
  const script = `\\\\(?:(?:u00|x)(?:${hex})|u\\{0{0,4}(?:${hex})\\})`
  const numbers = `#0{0,6}(?:${codes.join('|')})(?!\\d);?|#x0{0,6}(?:${hex})(?![\\da-f]);?`
  return `(?:${uri}|${script}|&(?:amp;)*(?:${numbers}|(?:${names});))`
}

/** The same of its wide form: `%EF%BC%9F`, `%uFF1F`, `\uff1f`, `&#65311;`. */
function encodedWide(chars: string): string {
  const wide = [...chars].map((char) => String.fromCharCode(char.charCodeAt(0) + TO_WIDE))
  const codes = wide.map((char) => char.charCodeAt(0))
  const hex = codes.map((code) => code.toString(16)).join('|')
  const bytes = wide.map((char) =>
    [...new TextEncoder().encode(char)].map((byte) => byte.toString(16)).join('%(?:25)*'),
  )
  const numbers = `#0{0,4}(?:${codes.join('|')})(?!\\d);?|#x0{0,4}(?:${hex})(?![\\da-f]);?`
  return `(?:%(?:25)*(?:u(?:${hex})|${bytes.join('|')})|\\\\u(?:${hex}|\\{(?:${hex})\\})|&(?:amp;)*(?:${numbers}))`
}

const spelled = (char: string, names: string): string =>
  `(?:${char.replace('.', '\\.')}|${encoded(char, names)}|${encodedWide(char)})`

/** A backslash is one, as browsers have it, unless it begins what is encoded. */
export const SLASH = `(?:${encoded('/\\', 'b?sol')}|${encodedWide('/\\')}|/|\\\\(?!(?:u(?:00|ff)|x)[\\da-f]{2}|u\\{))`
export const COLON = spelled(':', 'colon')
export const COMMA = spelled(',', 'comma')
export const AT = spelled('@', 'commat')
export const DOT = spelled('.', 'period')
export const ENCODED_DOT = encoded('.', 'period')
/** One of these is in each spelling of a character by its number, but for `%3a` and the like. */
export const ENCODED_TELLS = ['%00', '%u00', '%uff', '%ef', '\\u', '\\x', '&#', '&amp;'] as const
export const AT_TELLS = ['@', '&commat', ...ENCODED_TELLS] as const
export const EQUALS = spelled('=', 'equals')
export const SEMICOLON = spelled(';', 'semi')
/** What a parameter of a query is called. */
export const NAME = '[\\w.~[\\]%-]{1,64}'
/** In their wide form they are punctuation of a sentence, unless a parameter follows. */
export const ENCODED_QUERY = `(?:${encoded('?#', 'quest|num')}|${encodedWide('?#')}(?=${NAME}${EQUALS}))`
/** What begins a query or a fragment. */
export const QUERY = `(?:[?#]|${ENCODED_QUERY})`
/** What ends a word, and a query in it, unless that stands in quotes of its own. */
export const ENDS_WORD = '[\\s"<>`]'
/** What begins a query, a fragment or a parameter of a path, as it is, wide or as mails write it. */
export const OPENS_QUERY = `${QUERY}|[\uff1f\uff03\ufe56\ufe5f]|=(?:3F|23)|${SEMICOLON}(?=${NAME}${EQUALS})`

/** With the two that join words to a name. */
const LETTER_OR_DIGIT = '2d|3\\d|5f|[46][1-9a-f]|[57][\\da]'
const DECIMAL_ONE = '4[589]|5[0-7]|6[5-9]|[78]\\d|9[057-9]|1[01]\\d|12[0-2]'
/**
 * What looks like octal before three digits may be a number behind a folder or a domain: one that nothing of a word
 * follows, nor another group of a card.
 */
const NO_NUMBER = '(?!\\d{3,}(?![\\w%+-]|[\\w.%+-]{1,64}@))'
const NO_NUMBER_OR_CARD = '(?!\\d{3,}(?![\\w%+-]|[\\w.%+-]{1,64}@|[ .]\\d{4}))'
/** With what stands in addresses. */
const OCTAL = `\\\\(?:0(?:4[2367]|5[5-7]|7[257])${NO_NUMBER}|0(?:6[0-7]|7[01])${NO_NUMBER_OR_CARD}|1(?:[01256][0-7]|4[1-7]|[37][0-2]|37)${NO_NUMBER})`
/**
 * Nobody writes a letter or digit of ASCII so but to hide a word or a number, or because all is written so; nor a dot
 * between digits but in an address.
 */
const CODES = [
  `(?:%(?:25)*(?:u00)?|\\\\(?:u00|x))(?:${LETTER_OR_DIGIT})`,
  `&(?:amp;)*#(?:x0{0,4}(?:${LETTER_OR_DIGIT})|0{0,4}(?:${DECIMAL_ONE}));`,
  `\\\\u\\{0{0,4}(?:${LETTER_OR_DIGIT})\\}`,
  '\\\\(?:u00|x)2[27]|&(?:amp;)*#(?:x0{0,4}2[27]|0{0,4}3[49]);',
  OCTAL,
  `(?<=\\d;?|#x[\\da-f]{2};)${ENCODED_DOT}(?=\\d|%(?:25)*(?:u00)?3\\d|&(?:amp;)*#)`,
].join('|')
const HAS_CODES = new RegExp(CODES, 'i')
const ENCODED = new RegExp(`(${ENDS_WORD})|(${OPENS_QUERY})|${CODES}`, 'gi')
const MAY_BE_ENCODED = /[%\\&]/
const CODE = /#(\d+);?$|\\([01][0-7]{2})$|([\da-f]{2})[;}]?$/i

function decoded(char: string): string {
  const [, decimal, octal, hex] = CODE.exec(char) ?? []
  const code = decimal ?? octal ?? hex
  if (code === undefined) return '.'
  const base = decimal !== undefined ? 10 : octal !== undefined ? 8 : 16
  const plain = String.fromCharCode(Number.parseInt(code, base))
  // Bare, a quote would end the value that it is a part of.
  if (plain === '"') return char.startsWith('\\') ? '\\"' : '&quot;'
  if (plain === "'") return char.startsWith('\\') ? "\\'" : '&apos;'
  return plain
}

const IS_QUOTE = /["']$|&(?:quot|apos);$/

/** What a pattern found, and what stands before and behind it. */
interface Found {
  readonly text: string
  readonly before: string
  readonly after: string
  readonly isInQuery: boolean
}

/** Replaces what a pattern finds beside the ends of words and what opens queries, which are its first two groups. */
export function readBy(read: (found: Found) => string) {
  let isInQuery = false
  return (
    found: string,
    end: string | undefined,
    query: string | undefined,
    at: number,
    text: string,
  ): string => {
    if (end !== undefined || query !== undefined) {
      isInQuery = end === undefined
      return found
    }
    const after = text.charAt(at + found.length)
    const plain = read({ text: found, before: text.charAt(at - 1), after, isInQuery })
    if (plain === '?' || plain === '#') isInQuery = true
    else if (IS_QUOTE.test(plain)) isInQuery = false
    return plain
  }
}

const QUOTE = /(?:u00|x0{0,4})2[27];?$|#0{0,4}3[49];$|\\04[27]$/i
/** What stands behind the quotes of a value. */
const BEHIND_QUOTES = /^[\s,:;)}\]>]?$/

/** With characters in the place of codes. A quote is one within a query only where it ends those that the URL stands in. */
export function withoutCodes(text: string): string {
  if (!MAY_BE_ENCODED.test(text) || !HAS_CODES.test(text)) return text
  let isQuoted = false
  const read = readBy(({ text: found, before, after, isInQuery }) => {
    if (!QUOTE.test(found)) return decoded(found)
    if (isInQuery && (!isQuoted || before === '\\' || !BEHIND_QUOTES.test(after))) return found
    isQuoted = !isQuoted
    return decoded(found)
  })
  return text.replace(ENCODED, read)
}

const HEX2 = '[\\da-fA-F]{2}'
/** What ends in a letter or digit, and has nothing to do with what follows: `\n`, `\012`, `%20`, `\u0020`. */
export const ESCAPE = `\\\\(?:[nrtbfv]|[0-3][0-7]{2})|%(?:25){0,3}(?:u${HEX2})?${HEX2}|\\\\(?:u${HEX2}|x)${HEX2}`
/** The same where it is only looked back at: what mails write may be a value as well, as in `=20`. */
export const ESCAPE_AHEAD = `${ESCAPE}|=(?:0[9ADad]|20)`
/** Where a console puts a text or a style. */
export const FORMAT = '%[cdios]'
/** Where a word begins: behind none of its characters, but for the last one of these. */
export const START = `(?:(?<![A-Za-z\\d])|(?<=${ESCAPE_AHEAD}|${FORMAT}))`

/** Words where a word begins. They are looked at first: few places have one, and to look back at each of the others is dear. */
export const starting = (words: string): string => `(?=${words})${START}(?:${words})`

/** What begins a command to a terminal, as it is, as programs show or store it, and as code writes it. */
const WRITTEN_ESC = '\\\\(?:u001b|u\\{1b\\}|x1b|0?33)|%(?:25)*1b|&#(?:27|x1b);'
const ESC = `(?:[\\x1b\\u241b]|${WRITTEN_ESC}|\\\\e|\\^\\[)`
/** But what a path or a pattern may hold as well. */
const SURE_ESC = `(?:[\\x1b\\u241b]|${WRITTEN_ESC})`
/** What may follow it: numbers and a letter, of which `m` sets a colour and `K` clears a line. No mask begins like that. */
const CONTROLS = '(?:[?<=>]?[\\d;][\\d;:]{0,32}[a-z@]|[mk])'
/** What a number in brackets is of, and what may stand behind that up to the last of them. */
const UNIT = '(?:m?s|secs?|m|mins?|months?|hr?s?|d|m[abglmvw]|[kmg]i?b|k?hz|x|st|nd|th)'
const BEHIND_UNIT = '(?![a-z\\d/\\\\])[^[\\]]{0,32}'
/** Less than any rule looks for. */
const LITTLE = '(?:[^\\s[\\].:=@\\\\]|:(?!:)){0,8}'
/** A quantity in brackets is no command, though it begins as one: `[100ms]`, `[30min left]`, `[5m:1m]`. */
const NO_QUANTITY = `(?!\\d[\\d;:]{0,32}(?:${UNIT}${BEHIND_UNIT}|[a-z]${LITTLE})\\])`
/** What ends the URL of a link, or a title. */
const STRING_END = `(?:[\\x07\\x9c]|\\\\(?:u0007|x07|a|007)|%(?:25)*07|${ESC}(?:\\\\{1,2}|%(?:25)*5c))`
/**
 * Commands to a terminal (ECMA-48), of which the last letter is none of the text: `\x1b[31m`; links with their URLs, and
 * those of one character, as that which saves the place of the cursor. What begins one may be an arrow or a replaced
 * character as well, or lost, of a colour.
 */
export const TERMINAL = [
  `${ESC}(?:\\[|%(?:25)*5b)${CONTROLS}`,
  `${ESC}\\]\\d{1,4};[^\\s\\x07\\x1b\\x9c]{0,256}?${STRING_END}`,
  `${SURE_ESC}[78c=>]`,
  `[\\u2190\\ufffd]\\[${NO_QUANTITY}${CONTROLS}`,
  `\\x9b${CONTROLS}`,
  '[\\x1b\\ufffd]\\([AB0-2]',
  `\\[${NO_QUANTITY}\\d{1,3}(?:;\\d{1,3}){0,8}m(?=[^\\s\\]])`,
].join('|')

/** A quantity or a file, and no domain: `timeout=40ms.`, `chunk=40a1.js`. */
const NO_DOMAIN = [
  '(?:[mn]?s|px|r?em|[kmg]i?b|v[hw]|pt|fps|k?hz)\\.',
  '[\\w.-]*\\.(?:[cm]?[jt]sx?|css|map|json|html?|xml|png|jpe?g|gif|svg|webp|ico|woff2?|php|log|txt|csv|gz|zip|tar)(?![\\w.-])',
].join('|')
/** An `@` of a mail, without anything else of one around it. */
const MAIL_AT = `(?<=[\\w.+-])=40(?!${NO_DOMAIN})(?=[a-z][\\w-]*(?:(?:\\.|=2E)[\\w-]+)*(?:\\.|=2E)[a-z]{2,}(?![\\w-]))`
/** Quoted-printable (RFC 2045, 6.7), as mails write URLs: `=3Fq=3D1=26r=3D2`. A number or `=3D` alone is none. */
const IN_MAIL = new RegExp(
  [
    `=(?:3F|23)${NAME}=|\\w=3D["'\\w%{[]|=3A//|\\d=2E\\d|${MAIL_AT}`,
    '=3F(?=[\\da-f]{0,8}[g-z])(?<=/[\\w.-]{1,64}=3F)',
  ].join('|'),
  'i',
)
const OF_MAIL = new RegExp(
  [
    `=(3F|23|26)(?=${NAME}=)|=(3F)(?=[\\da-f]{0,8}[g-z])(?<=/[\\w.-]{1,64}=3F)`,
    `(?<=\\w)=(3D)(?=["'\\w%{[])|=(2F|3A|3B)|=(40)(?=[a-z][\\w-]*(?:\\.|=2E))|=(40)(?=\\w)(?<=//[^\\s/:]{1,64}:[^\\s/:]{1,64}=40)`,
    '(?<=\\d)=(2E)(?=\\d)|(?<==40[\\w.=-]{1,64})=(2E)(?=[a-z])',
  ].join('|'),
  'gi',
)
/** A letter, a digit, or what joins them to a name, a token or a domain. */
const WORD_OF_MAIL = /=(2[DE]|3\d|4[1-9A-F]|5[\dAF]|6[1-9A-F]|7[\dA])/g
/** The end of a line, as it is and in code. Each of its characters is stored as U+FFFD, but in exceptions. */
export const LINE = '(?:\\r?\\n|\\ufffd{1,2}|(?:\\\\{1,4}r)?\\\\{1,4}n)'
/** A line that goes on in the next. */
const SOFT_BREAK = `=${LINE}(?=[\\w%&=+./~-])`
const EACH_SOFT_BREAK = new RegExp(SOFT_BREAK, 'g')
const BROKEN_QUERY = new RegExp(`\\?(?:[^\\s?=\\ufffd]|${SOFT_BREAK}|=)+`, 'g')

const charOf = (code: string): string => String.fromCharCode(Number.parseInt(code.slice(1), 16))

/** With the characters in their place that tell of a mail. */
export function readMail(text: string): string {
  return IN_MAIL.test(text) ? text.replace(OF_MAIL, charOf) : text
}

/** With queries in one line that go on in the next. One that has no value ends like them. */
export const withQueriesJoined = (text: string): string =>
  text.replace(BROKEN_QUERY, (query) => query.replace(EACH_SOFT_BREAK, ''))

const NAMED_JOINER = /&(?:amp;)*(?:hyphen|dash|lowbar|underbar);/gi
const EACH_DOT = new RegExp(ENCODED_DOT, 'gi')

/** With what joins the words of a token: as `ENCODED` has it only where it joins numbers, as a file may end so. */
export const readJoiners = (text: string): string =>
  MAY_BE_ENCODED.test(text)
    ? text.replace(NAMED_JOINER, (found) => (/bar/i.test(found) ? '_' : '-')).replace(EACH_DOT, '.')
    : text

/** With all that words are made of: a number may be read as a letter, as in `n=41`. */
export const readWordsOfMail = (text: string): string => text.replace(WORD_OF_MAIL, charOf)
