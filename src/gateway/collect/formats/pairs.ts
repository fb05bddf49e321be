import { MAX_MOMENT_CHARS, momentIn } from '../../../event/values/moment.ts'

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

/** Where a plus stands whatever the time is: before a year of six digits, and in the clock reading that Go writes. */
const SURE = /^ (?=00\d{4}-)|(?<=m=) (?=\d)/g

/**
 * In a query a plus is a space: `12:00:00+01:00` arrives as `12:00:00 01:00` when nobody has encoded it. It is put back
 * where that makes a moment of what is none: times are written in too many ways to tell from a space what it was.
 */
function withPlus(time: string): string {
  if (!time.includes(' ') || time.length > MAX_MOMENT_CHARS || isMoment(time)) return time
  const text = time.replace(SURE, '+')
  const mended = Array.from(
    text.matchAll(/ (?=\d)/g),
    ({ index }) => `${text.slice(0, index)}+${text.slice(index + 1)}`,
  )
  return [text, ...mended].find(isMoment) ?? time
}

const isMoment = (time: string): boolean => !Number.isNaN(momentIn(time))
