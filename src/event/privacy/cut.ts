/** At most `max` UTF-16 units, never half a character. */
export function cutChars(text: string, max: number): string {
  return text.length <= max ? text : text.slice(0, max).replace(/[\ud800-\udbff]$/, '')
}

/** At most `max` bytes of UTF-8, never half a character. */
export function cutBytes(text: string, max: number): string {
  if (text.length * 3 <= max) return text
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(max)).read)
}
