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
