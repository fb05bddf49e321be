import { eventsIn, isEnvelope, sharing } from '../../../event/envelope.ts'
import { decodeText, fewEnough, type JsonObject, parseJson } from '../../../event/json.ts'
import { MAX_EVENT_BYTES } from '../../../event/verdict.ts'
import { AppError } from '../../../std/errors.ts'
import { type Format, Unreadable, type WireRequest } from './format.ts'
import { fromPairs } from './pixel.ts'

/**
 * Headgate's own format: one event, an array, NDJSON, or `{ sent_at?, context?, events }`, whatever the content type
 * says, because sendBeacon cannot say it. Two content types are wrappings of their own:
 * - urlencoded: JSON all the same (what curl sends by default), else one event in fields named as in the pixel's query;
 * - multipart: the first part is read, and the others are not: a FormData of one field that holds JSON.
 * `sent_at` is accepted and not used: shifting each delivery by it would put the copies of a retry into two windows.
 */
export const native: Format = {
  name: 'native',
  decode: (request) => ({ candidates: candidatesOf(request) }),
}

function candidatesOf({ contentType = '', body }: WireRequest): readonly unknown[] {
  const text = decodeText(body).trim()
  if (text === '') throw new AppError('malformed_body', 'The body is empty')
  const type = contentType.toLowerCase()
  if (type.startsWith('multipart/')) return fromJson(firstPart(text))
  if (type.startsWith('application/x-www-form-urlencoded') && !/^[[{]/.test(text)) return [fromForm(text)]
  return fromJson(text)
}

function firstPart(text: string): string {
  const delimiter = text.slice(0, text.indexOf('\r\n'))
  const start = text.indexOf('\r\n\r\n')
  const end = text.indexOf(`\r\n${delimiter}`, start + 4)
  if (start === -1 || end === -1) {
    throw new AppError('malformed_body', 'The multipart body has no complete part')
  }
  return text.slice(start + 4, end).trim()
}

function fromForm(text: string): Record<string, unknown> {
  if (text.length > MAX_EVENT_BYTES) {
    throw new AppError('body_too_large', `A form of more than ${MAX_EVENT_BYTES} bytes is no event`)
  }
  return fromPairs([...new URLSearchParams(text)])
}

function fromJson(text: string): readonly unknown[] {
  let value: unknown
  try {
    value = parseJson(text)
  } catch (error) {
    return fromLines(text, error)
  }
  if (Array.isArray(value)) return fewEnough(value)
  return isEnvelope(value) ? fromEnvelope(value) : [value]
}

/** NDJSON: a bad line keeps its place. If no line at all can be read, the error of the body as one value says more. */
function fromLines(text: string, ofWhole: unknown): readonly unknown[] {
  if (text.startsWith('[')) throw ofWhole
  const items = fewEnough(text.split('\n').filter((line) => line.trim() !== '')).map(readLine)
  if (items.every((item) => item instanceof Unreadable)) throw ofWhole
  return items
}

function readLine(line: string): unknown {
  try {
    return parseJson(line)
  } catch {
    return new Unreadable('The line cannot be read as JSON')
  }
}

function fromEnvelope(envelope: JsonObject): readonly unknown[] {
  const events = eventsIn(envelope)
  const withContext = sharing(envelope)
  return fewEnough(events).map(withContext)
}
