/** Ends a text that was too long. */
export const CUT_ENDING = '…'

/** At most `max` UTF-16 units, that ending included, and never half a character. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text
  return text.slice(0, max - CUT_ENDING.length).replace(/[\ud800-\udbff]$/, '') + CUT_ENDING
}

const TILDE = 0x7e
/** Looks the same, and is none of ours. */
const TILDE_OPERATOR = '\u223c'

/** `~other` and `~unknown` are values of a rollup's own: what a client says never begins as they do. */
export const withoutTilde = (text: string): string =>
  text.charCodeAt(0) === TILDE ? TILDE_OPERATOR + text.slice(1) : text

/**
 * What no text is stored with. A surrogate without its other half is refused by some readers, with the whole file; a control
 * character says nothing, takes six bytes and moves the cursor of whoever prints it. A U+FEFF is not seen, and many readers
 * take it off the beginning of a text: what follows it, such as a `~`, would be the beginning.
 */
export const UNSTORABLE = /[\p{Cc}\p{Surrogate}\ufeff]/gu

/** Nothing unstorable, no quote and no backslash: text that is its own JSON, as most is. */
export const PLAIN = /^[ !#-[\]-~\u00a0-\ud7ff\ue000-\ufefe\uff00-\uffff]*$/

/** Those written out, as JSON does it: replaced by one character, as in other texts, they would make two ids one. */
export const withEscapes = (id: string): string =>
  PLAIN.test(id)
    ? id
    : id.replace(UNSTORABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
