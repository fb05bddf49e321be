import Type, { type Static, type TArray, type TObject, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import Value from 'typebox/value'
import type { AppError } from '../std/errors.ts'
import { nearest, oneOf } from '../std/input/did-you-mean.ts'
import { expected, told } from '../std/input/expectation.ts'
import { INSTANT_FORM, isInstant, whyNoInstant } from '../std/input/instant.ts'
import { type FieldFault, invalidRequest, unknownName } from '../std/input/invalid.ts'

/** As many as somebody reads at once. A body may have a hundred thousand. */
export const MOST_FAULTS = 8

/** A value of this schema that also has to be read, by the rules that `isRead` knows; `why` says which one it breaks. */
export const readable = <T extends TSchema>(
  schema: T,
  isRead: (value: Static<T>) => boolean,
  why: (value: Static<T>) => string = () => `must be ${expected(schema)}`,
) => Type.Refine(schema, (value) => !Value.Check(schema, value) || isRead(value), why)

/** A time that may be left out, as `instant` reads it. */
export const optionalInstant = (description: string) =>
  Type.Optional(
    readable(
      Type.String({ minLength: 1, maxLength: 64, form: INSTANT_FORM, description }),
      isInstant,
      whyNoInstant,
    ),
  )

/** Each fault of a value, in people's words: the field, what it must be, an example. Empty where the schema takes it. */
export const faultsIn = (schema: TSchema, value: unknown): readonly FieldFault[] =>
  faultsAt(schema, value, []).slice(0, MOST_FAULTS)

type Judge = (sent: unknown) => { readonly value?: unknown; readonly error?: AppError }

/** What validates the query, the path and the body of each route. Defaults of the query are filled in. */
export function validatorCompiler({ schema, httpPart }: { schema: unknown; httpPart?: string }): Judge {
  // Each of them is read by whoever wants it: they are texts, whatever their schema says.
  if (httpPart === 'headers') return (value) => ({ value })
  const shape = schema as TObject
  const compiled = Compile(shape)
  const defaults = httpPart === 'querystring' ? defaultsOf(shape) : undefined
  return (sent: unknown) => {
    const value = defaults === undefined ? sent : { ...defaults, ...Object(sent) }
    return compiled.Check(value) ? { value } : { error: invalidRequest(faultsIn(shape, value)) }
  }
}

/** What reads parameters as the query of a route with this schema; it throws what is wrong with them. */
export function queryReader<Parameters>(schema: TSchema): (sent: unknown) => Parameters {
  const judge = validatorCompiler({ schema, httpPart: 'querystring' })
  return (sent) => {
    const { value, error } = judge(sent)
    if (error !== undefined) throw error
    return value as Parameters
  }
}

const defaultsOf = ({ properties }: TObject): object =>
  Object.fromEntries(
    Object.entries(properties).flatMap(([name, schema]) =>
      told(schema).default === undefined ? [] : [[name, told(schema).default]],
    ),
  )

/** The names on the way to a value. */
type Path = readonly string[]

const faultOf = (path: Path, reason: string): FieldFault => ({ field: path.join('.'), path, reason })

function faultsAt(schema: TSchema, value: unknown, path: Path): FieldFault[] {
  if (Value.Check(schema, value)) return []
  const inner = faultsWithin(schema, value, path)
  return inner.length > 0 ? inner : [faultOf(path, reasonFor(schema, value, path))]
}

/** Those of the members of an object and of the items of a list. */
function faultsWithin(schema: TSchema, value: unknown, path: Path): FieldFault[] {
  if (Type.IsObject(schema) && isObject(value))
    return [...strangers(schema, value, path), ...ofMembers(schema, value, path)]
  if (Type.IsArray(schema) && Array.isArray(value) && value.length <= most(schema))
    return value.flatMap((item, i) => faultsAt(schema.items, item, [...path, `${i}`]))
  return []
}

function strangers(schema: TObject, value: object, path: Path): FieldFault[] {
  if (told(schema).additionalProperties !== false) return []
  const { properties } = schema
  const { namesElsewhere = [] } = told(schema)
  const known = Object.keys(properties)
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(properties, name))
  return unknown.slice(0, MOST_FAULTS).map((name) => {
    const { field, reason } = unknownName(name, known, (word) => meantElsewhere(schema, word))
    if (field === name || !namesElsewhere.includes(name)) return faultOf([...path, field], reason)
    return faultOf([...path, name], `is not asked for here, but elsewhere; there are ${known.join(', ')}`)
  })
}

function ofMembers(schema: TObject, value: Record<string, unknown>, path: Path): FieldFault[] {
  const required = schema.required as readonly string[] | undefined
  return Object.entries(schema.properties).flatMap(([name, member]) => {
    const [at, given] = [[...path, name], value[name]]
    if (!Object.hasOwn(value, name))
      return required?.includes(name) ? [faultOf(at, `is missing: it must be ${expected(member)}`)] : []
    if (!Type.IsEnum(member) || typeof given !== 'string') return faultsAt(member, given, at)
    const choices = member.enum.map(String)
    if (choices.includes(given)) return []
    return [faultOf(at, oneOf(choices, given, meantElsewhere(schema, given)))]
  })
}

/** Where a word is nearly one that another member takes: `; did you mean set=country?` */
function meantElsewhere({ properties }: TObject, word: string): string {
  for (const [name, schema] of Object.entries(properties)) {
    const meant = nearest(word, told(schema).names ?? [])
    if (meant !== undefined) return `; did you mean ${name}=${meant}?`
  }
  return ''
}

function reasonFor(schema: TSchema, value: unknown, path: Path): string {
  if (Type.IsRefine(schema)) {
    const broken = schema['~refine'].find(({ check }) => !check(value))
    if (broken !== undefined) return `${broken.error(value)}`
  }
  return `must be ${expected(schema)}${instead(schema, value, path)}`
}

/** What is there, where that is not plain from what was expected. Never the value. */
function instead(schema: TSchema, value: unknown, path: Path): string {
  if (value === '') return '; it is empty'
  if (Array.isArray(value)) return Type.IsObject(schema) ? '; it is a list' : many(schema, value.length)
  // Fastify hands on null where no body came.
  if (value === null) return path.length === 0 ? '; there is none' : '; it is null'
  const { maxLength = Number.POSITIVE_INFINITY } = told(schema)
  if (typeof value === 'string' && value.length > maxLength) return `; it has ${value.length} characters`
  return typeof value === kindOf(schema) ? '' : `; it is ${KINDS[typeof value]}`
}

/** A parameter that comes twice is a list, too. */
const many = (schema: TSchema, count: number): string =>
  `; there are ${count} of them${Type.IsString(schema) && count > 1 ? ', and one is taken' : ''}`

const kindOf = (schema: TSchema): string =>
  Type.IsNumber(schema) || Type.IsInteger(schema) ? 'number' : Type.IsString(schema) ? 'string' : ''

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const most = (schema: TArray): number => told(schema).maxItems ?? Number.POSITIVE_INFINITY
