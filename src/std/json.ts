/** What a text says as JSON; undefined where it is none, the only way in which parsing a text fails. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
