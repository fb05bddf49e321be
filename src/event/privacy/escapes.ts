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
  const markup = `&(?:amp;)*(?:#0{0,6}(?:${codes.join('|')})|#x0{0,6}(?:${hex})|${names});`
  return `(?:${uri}|${script}|${markup})`
}

/** A backslash is one, as browsers have it, unless it begins what is encoded. */
export const SLASH = `(?:${encoded('/\\', 'b?sol')}|/|\\\\(?!(?:u00|x)[\\da-f]{2}|u\\{))`
export const COLON = `(?::|${encoded(':', 'colon')})`
export const COMMA = `(?:,|${encoded(',', 'comma')})`
export const AT = `(?:@|${encoded('@', 'commat')})`
export const DOT = `(?:\\.|${encoded('.', 'period')})`
/** One of these is in each of its spellings. */
export const AT_TELLS = ['@', '%00', '%u00', '\\u', '\\x', '&#', '&commat', '&amp;'] as const
export const EQUALS = `(?:=|${encoded('=', 'equals')})`
export const SEMICOLON = `(?:;|${encoded(';', 'semi')})`
export const ENCODED_QUERY = encoded('?#', 'quest|num')
/** What begins a query or a fragment. */
export const QUERY = `(?:[?#]|${ENCODED_QUERY})`

const HEX2 = '[\\da-fA-F]{2}'
/** What ends in a letter or digit, and has nothing to do with what follows: `\n`, `%20`, `\u0020`. */
export const ESCAPE = `\\\\[nrtbfv]|%(?:25){0,3}(?:u${HEX2})?${HEX2}|\\\\(?:u${HEX2}|x)${HEX2}`
