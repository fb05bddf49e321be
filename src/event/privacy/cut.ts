/** At most `max` UTF-16 units, never half a character. */
export function cutChars(text: string, max: number): string {
  return text.length <= max ? text : text.slice(0, max).replace(/[\ud800-\udbff]$/, '')
}

const encoder = new TextEncoder()

/** At most `max` bytes of UTF-8, never half a character. Encoded into the same room again and again to see how far it goes. */
export function cuttingBytes(max: number): (text: string) => string {
  const room = new Uint8Array(max)
  return (text) => (text.length * 3 <= max ? text : text.slice(0, encoder.encodeInto(text, room).read))
}

const MASK = /\[(?:digits|email|id|ip|token|user)\]$/
/** The longest, with its brackets. */
const MOST_MASK_CHARS = 8

/** Whether a rule took what stood at the end of a text. */
export const endsInMask = (text: string): boolean => MASK.test(text.slice(-MOST_MASK_CHARS))

/** No character, and so in no text of a client (Unicode 17, 23.7). */
const CUT = '\uffff'
/** A longer word is none of a person: an e-mail address has at most 254 (RFC 5321, 4.5.3.1.3). */
const MOST_WORD_CHARS = 256
/** An account has the most as it is printed: 34, and what parts its groups. */
const MOST_GROUPS_CHARS = 64

/**
 * The first `most` characters of a text, cleaned. What touches the cut goes, unless a rule has taken it, as none knows a
 * part of what it looks for: the word, and the groups of a number before it. It would be stored where so much goes of what
 * stands before that it comes within what is kept.
 */
export function withinWindow(text: string, most: number, clean: (seen: string) => string): string {
  if (text.length <= most) return clean(text)
  const seen = clean(cutChars(text, most) + CUT)
  if (!seen.endsWith(CUT)) return seen
  const kept = seen.slice(0, -CUT.length)
  if (endsInMask(kept)) return kept
  const end = startOfWord(kept, kept.length)
  const from = Math.max(0, end - MOST_GROUPS_CHARS)
  const groupsAt = kept.slice(from, end).search(/\d/)
  return kept.slice(0, groupsAt === -1 ? end : startOfWord(kept, from + groupsAt))
}

function startOfWord(text: string, at: number): number {
  const least = Math.max(0, at - MOST_WORD_CHARS)
  let start = at
  while (start > least && /\S/.test(text.charAt(start - 1))) start--
  return start
}
