/**
 * How a character stands in text: as it is, percent-encoded, or encoded again by whoever put one URL into another
 * (`?`, `%3F`, `%253F`). Sources of patterns, for `RegExp`s that are made once.
 */
const encoded = (hex: string): string => `%(?:25)*(?:${hex})`

export const SLASH = `(?:[\\\\/]|${encoded('2f|5c')})`
export const COLON = `(?::|${encoded('3a')})`
export const AT = `(?:@|${encoded('40')})`
export const EQUALS = `(?:=|${encoded('3d')})`
export const SEMICOLON = `(?:;|${encoded('3b')})`
/** What begins a query or a fragment. */
export const QUERY = `(?:[?#]|${encoded('3f|23')})`
export const ENCODED_QUERY = encoded('3f|23')
