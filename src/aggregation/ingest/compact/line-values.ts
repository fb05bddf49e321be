/**
 * Values and names of a line. Each takes DuckDB some fifty bytes of memory while it is read, and a byte or two of the line:
 * those of a few long lines were more than a session may have. Ours: a line of as many bytes cannot hold more.
 */
export const MAX_LINE_VALUES = 65_536

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const [COMMA, COLON, LIST, OBJECT] = [0x2c, 0x3a, 0x5b, 0x7b]

/** Whether a line has more of them, however they lie in one another. What is no JSON is told later to be none. */
export function holdsTooMany(line: Uint8Array): boolean {
  if (line.length <= MAX_LINE_VALUES) return false
  let values = 0
  let isText = false
  for (let at = 0; at < line.length && values <= MAX_LINE_VALUES; at++) {
    const byte = line[at]
    if (byte === QUOTE) isText = !isText
    else if (isText) at += byte === BACKSLASH ? 1 : 0
    else if (byte === COMMA || byte === COLON || byte === LIST || byte === OBJECT) values++
  }
  return values > MAX_LINE_VALUES
}
