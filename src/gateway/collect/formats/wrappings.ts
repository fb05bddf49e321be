import { candidatesIn, candidatesInShort, startOf } from '../../../event/decode/candidates.ts'
import { MAX_OBJECT_NAMES } from '../../../event/decode/scan.ts'
import { MAX_EVENT_BYTES } from '../../../event/verdict.ts'
import type { ResumableWork } from '../../../std/async/yielding.ts'
import { AppError } from '../../../std/errors.ts'
import { memoizeLast } from '../../../std/memoize-last.ts'
import type { Decoded, WireRequest } from './format.ts'
import { fieldsOf, type NameAndText } from './pairs.ts'

/**
 * What a body holds, whatever its content type says, because sendBeacon cannot say it: one event, an array, NDJSON, or
 * `{ context?, events }`. Two content types are wrappings of their own:
 * - urlencoded: JSON all the same (what curl sends by default), else one event in fields named as in the pixel's query;
 * - multipart: each part that holds JSON, as in a FormData of one such field. Where the first holds none and one is called
 *   `name`, each part is a field.
 */
export function* unwrap({ contentType = '', body }: WireRequest): ResumableWork<Decoded> {
  const wrapping = wrappingOf(contentType)
  if (wrapping === 'multipart') return yield* fromMultipart(body)
  if (wrapping === 'form' && !isJson(body)) return { candidates: [fromForm(body)] }
  return yield* candidatesIn(body)
}

export const unwrapShort = ({ contentType = '', body }: WireRequest): Decoded | undefined =>
  wrappingOf(contentType) === 'none' ? candidatesInShort(body) : undefined

const wrappingOf = memoizeLast((contentType) => {
  const type = contentType.trimStart().toLowerCase()
  if (type.startsWith('multipart/')) return 'multipart'
  return type.startsWith('application/x-www-form-urlencoded') ? 'form' : 'none'
})

/** As far as its first character tells. */
const isJson = (bytes: Buffer): boolean =>
  /^[[{]/.test(bytes.toString('latin1', startOf(bytes), startOf(bytes) + 1))

function fromForm(body: Buffer): Record<string, unknown> {
  if (body.length > MAX_EVENT_BYTES) {
    throw new AppError('body_too_large', `A form of more than ${MAX_EVENT_BYTES} bytes is no event`)
  }
  const text = body.toString('utf8').trim()
  if (text === '') throw new AppError('malformed_body', 'The body is empty')
  fewEnough(text.split('&'))
  return fieldsOf([...new URLSearchParams(text)])
}

const PART_HEAD_END = '\r\n\r\n'
const LINE_END = Buffer.from('\n')
/** Two hyphens and at most 70 characters (RFC 2046, 5.1.1). To look for a longer text could cost its length squared. */
const MAX_DELIMITER_BYTES = 72
/** How much of a part's head is read: what names the part stands at its beginning. */
const MAX_HEAD_BYTES = 1_024

function* fromMultipart(body: Buffer): ResumableWork<Decoded> {
  const parts = fewEnough(partsOf(body))
  const [first] = parts
  if (first === undefined) {
    throw new AppError(
      'malformed_body',
      body.length === 0 ? 'The body is empty' : 'The multipart body has no complete part',
    )
  }
  const pairs = parts.map(({ name, content }): NameAndText => [name, content.toString('utf8')])
  // Not what parts them: each time that a form is sent it is another text, which says nothing.
  const said = parts.flatMap(({ name, content }) => [name, content])
  return isJson(first.content) || !pairs.some(([name]) => name === 'name')
    ? { ...(yield* candidatesIn(jsonOf(parts) ?? first.content)), said }
    : { candidates: [fieldsOf(pairs)], said }
}

/** The parts that hold JSON, one behind the other, as in NDJSON. */
function jsonOf(parts: readonly Part[]): Buffer | undefined {
  const bodies = parts.map(({ content }) => content).filter(isJson)
  if (bodies.length < 2) return bodies[0]
  return Buffer.concat(bodies.flatMap((body) => [body.subarray(startOf(body)), LINE_END]))
}

interface Part {
  readonly name: string
  readonly content: Buffer
}

/** Those that are complete. The first line is the delimiter, whatever the content type says that it should be. */
function partsOf(body: Buffer): readonly Part[] {
  const lineEnd = body.indexOf('\r\n')
  if (lineEnd <= 0 || lineEnd > MAX_DELIMITER_BYTES) return []
  const delimiter = Buffer.concat([Buffer.from('\r\n'), body.subarray(0, lineEnd)])
  const parts: Part[] = []
  let at = lineEnd
  while (parts.length <= MAX_OBJECT_NAMES) {
    const headEnd = body.indexOf(PART_HEAD_END, at)
    const end = headEnd === -1 ? -1 : body.indexOf(delimiter, headEnd + 2)
    if (end === -1) break
    const content = body.subarray(Math.min(headEnd + PART_HEAD_END.length, end), end)
    const head = body.toString('latin1', at, Math.min(headEnd, at + MAX_HEAD_BYTES))
    parts.push({ name: nameIn(head), content })
    at = end + delimiter.length
  }
  return parts
}

const nameIn = (head: string): string => /; name="([^"\r\n]*)"/i.exec(head)?.[1] ?? ''

function fewEnough<T>(fields: readonly T[]): readonly T[] {
  if (fields.length > MAX_OBJECT_NAMES) {
    throw new AppError('body_too_large', `A form of more than ${MAX_OBJECT_NAMES} fields is no event`)
  }
  return fields
}
