/** Ends a text that was too long. */
export const CUT_MARK = '…'

/** At most `max` UTF-16 units, the mark included, and never half a character. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text
  return text.slice(0, max - CUT_MARK.length).replace(/[\ud800-\udbff]$/, '') + CUT_MARK
}

const TILDE = 0x7e
/** Looks the same, and is none of ours. */
const TILDE_OPERATOR = '\u223c'

/** `~other` and `~unknown` are values of a rollup's own: what a client says never begins as they do. */
export const withoutTilde = (text: string): string =>
  text.charCodeAt(0) === TILDE ? TILDE_OPERATOR + text.slice(1) : text
