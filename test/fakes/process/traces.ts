/** A text that was seen where it must not be. */
export interface Leak {
  /** Name of the text. */
  readonly what: string
  /** Where it was seen. */
  readonly where: string
  /** What stands around it. */
  readonly context: string
}

const CONTEXT_CHARS = 60

/** The forms in which a text may come to light: as it is, escaped for a URL, as bytes in a log, as hex or base64. */
function formsOf(text: string): readonly string[] {
  const bytes = Buffer.from(text)
  // Where in a longer text it stands decides its base64: without the characters that its neighbours have a part in.
  const base64 = [0, 1, 2].map((before) => {
    const code = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    return code.slice(Math.ceil((before * 4) / 3), -4)
  })
  return [text, encodeURIComponent(text), bytes.join(), bytes.toString('hex'), ...base64].map((form) =>
    form.toLowerCase(),
  )
}

/** Which of the named texts are found in which of the places. Case means nothing. */
export function leaks(
  texts: Readonly<Record<string, string>>,
  places: Readonly<Record<string, string>>,
): readonly Leak[] {
  const forms = Object.entries(texts).map(([what, text]) => [what, formsOf(text)] as const)
  return Object.entries(places).flatMap(([where, place]) => {
    const haystack = place.toLowerCase()
    return forms.flatMap(([what, its]) => {
      const at = its.map((form) => haystack.indexOf(form)).find((found) => found >= 0)
      if (at === undefined) return []
      return { what, where, context: place.slice(Math.max(0, at - CONTEXT_CHARS), at + CONTEXT_CHARS) }
    })
  })
}
