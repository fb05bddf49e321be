/** A name and its text, as in a query or a form. */
export type NameAndText = readonly [string, string]

const ATTRIBUTE = 'attributes.'

/** A candidate from names and texts, without the key that came with them. Which are numbers is for the verdict to say. */
export function fieldsOf(pairs: readonly NameAndText[]): Record<string, unknown> {
  // Entries, not assignments: `__proto__` is a name like any other.
  const fields: [string, unknown][] = []
  const attributes: NameAndText[] = []
  for (const [name, text] of pairs) {
    if (name.startsWith(ATTRIBUTE)) attributes.push([name.slice(ATTRIBUTE.length), text])
    else if (name === 'event_time') fields.push([name, withPlus(text)])
    else if (name !== 'key') fields.push([name, text])
  }
  if (attributes.length > 0) fields.push(['attributes', Object.fromEntries(attributes)])
  return Object.fromEntries(fields)
}

/** In a query a plus is a space: `12:00:00+01:00` arrives as `12:00:00 01:00` when nobody has encoded it. */
const withPlus = (time: string): string => time.replace(/ (?=\d\d(?::?\d\d)?$)/, '+')
