import type { Format } from './format.ts'

/** Columns that are numbers: a query string has only text. A time may also be ISO 8601, and then stays text. */
const numeric: ReadonlySet<string> = new Set(['value', 'weight', 'http_response_status_code', 'event_time'])
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
const ATTRIBUTE = 'attributes.'

/** `GET /v1/pixel.gif?name=…&value=…&attributes.plan=pro`, for places without script: one measurement a request. */
export const pixel: Format = {
  name: 'pixel',
  decode: ({ query }) => ({ candidates: [fromPairs(Object.entries(query))] }),
}

/** A candidate from names and texts. What is no decimal number stays text, for the verdict to name the field. */
export function fromPairs(pairs: readonly (readonly [string, string])[]): Record<string, unknown> {
  const isAttribute = ([name]: readonly [string, string]) => name.startsWith(ATTRIBUTE)
  const fields = pairs.filter((pair) => !isAttribute(pair) && pair[0] !== 'key')
  const attributes = pairs.filter(isAttribute)
  return {
    ...Object.fromEntries(fields.map(([name, text]) => [name, read(name, text)])),
    ...(attributes.length > 0 && {
      attributes: Object.fromEntries(attributes.map(([name, text]) => [name.slice(ATTRIBUTE.length), text])),
    }),
  }
}

const read = (name: string, text: string): string | number =>
  numeric.has(name) && DECIMAL.test(text) ? Number(text) : text
