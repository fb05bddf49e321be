import { readFileSync } from 'node:fs'
import { Compile } from 'typebox/schema'
import { header, type RawAnswer } from '../fakes/raw-http.ts'

/** As much of JSON Schema as the documents use. */
export interface JsonSchema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly pattern?: string
  readonly format?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
}

export interface Parameter {
  readonly name: string
  readonly in: 'query' | 'header' | 'path'
  readonly required?: boolean
  readonly schema: JsonSchema
  /** Values that a test knows to be there. */
  readonly known?: readonly string[] | undefined
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>

export interface Operation {
  readonly operationId: string
  readonly method: string
  readonly path: string
  readonly parameters: readonly Parameter[]
  readonly body: Content
  readonly answers: Readonly<Record<string, { readonly content?: Content }>>
}

interface OperationObject {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Operation['answers']
}

/** Every operation of a committed OpenAPI document. */
export function operationsOf(document: string): readonly Operation[] {
  const text = readFileSync(document, 'utf8')
  const { schemas } = JSON.parse(text).components
  const { paths } = JSON.parse(text, (_, value) => schemas[referred(value) ?? ''] ?? value) as {
    paths: Record<string, Record<string, OperationObject>>
  }
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { operationId, parameters = [], requestBody, responses }]) => ({
      operationId,
      method: method.toUpperCase(),
      path,
      parameters,
      body: requestBody?.content ?? {},
      answers: responses,
    })),
  )
}

/** The shared schema that stands in the place of a reference. None of ours refers to another. */
const referred = (value: { $ref?: string } | null): string | undefined =>
  value?.$ref?.replace('#/components/schemas/', '')

/** What the document says, compiled once a schema. */
const validators = new WeakMap<JsonSchema, (value: unknown) => string[]>()
function faultsOfBody(schema: JsonSchema, value: unknown): string[] {
  const known = validators.get(schema)
  if (known !== undefined) return known(value)
  const compiled = Compile(schema as never)
  const faultsOf = (candidate: unknown) =>
    compiled.Check(candidate)
      ? []
      : compiled.Errors(candidate)[1].map(({ instancePath, message }) => `body${instancePath} ${message}`)
  validators.set(schema, faultsOf)
  return faultsOf(value)
}

/** Statuses of what is no operation: an unknown path or method, a preflight, and what is no HTTP. */
const OUTSIDE: readonly number[] = [204, 400, 401, 403, 404, 405, 408, 413, 415, 429, 431, 503]

/** Everything in which an answer deviates from the document; empty when it is as promised. Of a HEAD nothing is documented. */
export function deviations(operation: Operation | undefined, answer: RawAnswer, toHead = false): string[] {
  const { status } = answer
  const faults = [...alwaysTrue(answer)]
  if (toHead) return status < 500 || status === 503 ? faults : [...faults, `status ${status}`]
  if (operation === undefined) return OUTSIDE.includes(status) ? faults : [...faults, `status ${status}`]
  const documented = operation.answers[status]
  if (documented === undefined) return [...faults, `undocumented status ${status}`]
  return [...faults, ...contentFaults(documented.content ?? {}, answer)]
}

function* alwaysTrue(answer: RawAnswer): Generator<string> {
  const { status } = answer
  if (header(answer, 'cache-control') !== 'no-store') yield 'may be cached'
  if (header(answer, 'x-content-type-options') !== 'nosniff') yield 'may be sniffed'
  if (header(answer, 'set-cookie') !== undefined) yield 'sets a cookie'
  if ([429, 503].includes(status) && !/^[1-9]\d*$/.test(header(answer, 'retry-after') ?? '')) {
    yield 'says no Retry-After'
  }
  if (status === 401 && header(answer, 'www-authenticate') === undefined) yield 'no WWW-Authenticate'
  if (status === 405 && header(answer, 'allow') === undefined) yield 'no Allow'
  if (status >= 400 && !header(answer, 'content-type')?.startsWith('application/problem+json')) {
    yield 'is no problem document'
  }
}

function contentFaults(content: Content, answer: RawAnswer): string[] {
  const mediaType = header(answer, 'content-type')?.split(';')[0]
  if (Object.keys(content).length === 0) {
    return answer.body.length === 0 ? [] : ['a body where none is documented']
  }
  const schema = mediaType === undefined ? undefined : content[mediaType]?.schema
  if (schema === undefined) return [`undocumented content type ${mediaType}`]
  const text = answer.body.toString('utf8')
  if (!mediaType?.endsWith('json') || mediaType.endsWith('ndjson')) return faultsOfBody(schema, text)
  return faultsOfBody(schema, JSON.parse(text))
}
