/** Forms of ASCII as wide as a character of Chinese or Japanese stand this far behind it. */
export const TO_WIDE = 0xfee0

/**
 * How a character stands in text: as it is, and as those write it who put one text into another. Sources of patterns, for
 * `RegExp`s that are made once; they ignore case.
 *
 * URLs: `%3F`, again `%253F`, old scripts `%u003F`. JSON and code: `\u003f`, `\u{3f}`, `\x3f`. HTML: `&#63;`, `&#x3f;`,
 * `&quest;`, again `&amp;quest;`.
 */
function encoded(chars: string, names: string): string {
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

const HEX2 = '[\\da-fA-F]{2}'
/** What ends in a letter or digit, and has nothing to do with what follows: `\n`, `%20`, `\u0020`. */
export const ESCAPE = `\\\\[nrtbfv]|%(?:25){0,3}(?:u${HEX2})?${HEX2}|\\\\(?:u${HEX2}|x)${HEX2}`
/** Where a console puts a text or a style. */
export const FORMAT = '%[cdios]'
/** Where a word begins: behind none of its characters, but for the last one of these. */
export const START = `(?:(?<![A-Za-z\\d])|(?<=${ESCAPE}|${FORMAT}))`

/** What begins a command to a terminal, as it is, as programs show or store it, and as code writes it. */
const ESC = '(?:[\\x1b\\u241b]|\\\\(?:u001b|u\\{1b\\}|x1b|e|0?33)|%(?:25)*1b|&#(?:27|x1b);|\\^\\[)'
/** What may follow it: numbers and a letter, of which `m` sets a colour and `K` clears a line. No mask begins like that. */
const CONTROLS = '(?:[?<=>]?\\d[\\d;:]{0,32}[a-z@]|[mk])'
/** What a number in brackets is of, and what may stand behind that up to the last of them. */
const UNIT = '(?:m?s|secs?|m|mins?|months?|hr?s?|d|m[abglmvw]|[kmg]i?b|k?hz|x|st|nd|th)'
const BEHIND_UNIT = '(?![a-z\\d/\\\\])[^[\\]]{0,32}'
/** Less than any rule looks for. */
const LITTLE = '(?:[^\\s[\\].:=@\\\\]|:(?!:)){0,8}'
/** A quantity in brackets is no command, though it begins as one: `[100ms]`, `[30min left]`, `[5m:1m]`. */
const NO_QUANTITY = `(?!\\d[\\d;:]{0,32}(?:${UNIT}${BEHIND_UNIT}|[a-z]${LITTLE})\\])`
/**
 * Commands to a terminal (ECMA-48), of which the last letter is none of the text: `\\x1b[31m`. What begins one may be an
 * arrow or a replaced character as well, or lost, of a colour.
 */
export const TERMINAL = [
  `${ESC}(?:\\[|%(?:25)*5b)${CONTROLS}`,
  `[\\u2190\\ufffd]\\[${NO_QUANTITY}${CONTROLS}`,
  `\\x9b${CONTROLS}`,
  '[\\x1b\\ufffd]\\([AB0-2]',
  `\\[${NO_QUANTITY}\\d{1,3}(?:;\\d{1,3}){0,8}m(?=[^\\s\\]])`,
].join('|')
