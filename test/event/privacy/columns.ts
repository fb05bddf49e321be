import type { Measurement } from '../../../src/event/schema/event.ts'
import { scrub } from '../../../src/event/scrub.ts'

export const strict = { allowQuery: new Set<string>(), stripIds: false }

export const stored = (fields: Partial<Measurement>): Measurement =>
  scrub({ name: 'a', value: 1, ...fields }, strict, (id) => id)

/** Whatever prose a client sends: each of these texts in each of the columns for it. */
export function prose(text: string): readonly unknown[] {
  const { exception_message, attributes, resource_type, error_type } = stored({
    exception_message: text,
    attributes: { text },
    resource_type: text,
    error_type: text,
  })
  return [exception_message, attributes?.['text'], resource_type, error_type]
}

/** The same of the columns for URLs, but the path alone. */
export function urls(url: string): readonly unknown[] {
  const { page_url, referrer, url_full } = stored({ page_url: url, referrer: url, url_full: url })
  return [page_url, referrer, url_full]
}

export const four = (text: string): readonly string[] => [text, text, text, text]
export const three = (text: string): readonly string[] => [text, text, text]

/**
 * The texts of which something else is stored than stands beside them, in any of those columns; of one that stands alone
 * something else than itself. Cleaned twice is cleaned once.
 */
export const missed = (rows: Iterable<string | readonly string[]>): readonly unknown[] =>
  Array.from(rows, (row) => [row].flat()).flatMap(([text = '', clean = text]) =>
    [text, clean]
      .map((each) => [each, ...new Set(prose(each)), clean])
      .filter(([, ...found]) => new Set(found).size > 1),
  )
