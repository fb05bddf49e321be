import Type, { type TSchema } from 'typebox'
import { inUnits, type Measure } from './quantities.ts'

/** What a schema says of itself for people. */
interface Told {
  readonly description?: string
  readonly measure?: Measure | 'digest'
  /** Whose digest it is. */
  readonly holder?: 'key' | 'token'
  /** What a text must be, where a pattern says it to machines: `a region of AWS`. */
  readonly form?: string
  readonly example?: unknown
  /** What a text is mostly one of, where that is not for the schema to say: names of the configuration. */
  readonly names?: readonly string[]
  /** Names that others like it take, of an object that takes no more than its own. */
  readonly namesElsewhere?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  /** Its maximum is where numbers end, and worth no word before somebody goes beyond. */
  readonly isOpen?: boolean
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly default?: unknown
  readonly additionalProperties?: unknown
}

export const told = (schema: TSchema): Told => schema as Told

const UNIT_WORDS = {
  duration: 'a duration such as 2m, 90s or 1h',
  bytes: 'a size such as 64MiB or 512KiB',
} as const

/** What a value of this schema is, in the words of whoever writes one; where these say a form, with an example. */
export function expected(schema: TSchema): string {
  const { measure, form, example, minimum, maxLength } = told(schema)
  const maximum = mostOf(schema)
  if (measure === 'duration' || measure === 'bytes')
    return `${UNIT_WORDS[measure]}${bounds(minimum, maximum, (amount) => inUnits(measure, amount))}`
  if (form === undefined && !Type.IsString(schema)) return kindExpected(schema)
  const text = form ?? `a text of 1 to ${maxLength ?? 'any number of'} characters`
  if (example === undefined || measure === 'digest') return text
  return `${text}, such as ${typeof example === 'object' ? JSON.stringify(example) : example}`
}

/** The most that it takes, where that is worth a word. */
export function mostOf(schema: TSchema): number | undefined {
  const { maximum, isOpen } = told(schema)
  return isOpen === true ? undefined : maximum
}

function kindExpected(schema: TSchema): string {
  const { minimum, minItems, maxItems } = told(schema)
  if (Type.IsEnum(schema)) return `one of ${schema.enum.join(', ')}`
  if (Type.IsLiteral(schema)) return `"${schema.const}"`
  if (Type.IsUnion(schema)) return schema.anyOf.map(expected).join(' or ')
  if (Type.IsInteger(schema)) return `a whole number${bounds(minimum, mostOf(schema), String)}`
  if (Type.IsNumber(schema)) return `a number${bounds(minimum, mostOf(schema), String)}`
  if (Type.IsBoolean(schema)) return 'true or false'
  if (Type.IsArray(schema))
    return `a list${bounds(minItems, maxItems, (count) => (count === 1 ? '1 entry' : `${count} entries`))}`
  return 'a group of keys'
}

function bounds(
  least: number | undefined,
  most: number | undefined,
  say: (amount: number) => string,
): string {
  if (least !== undefined && most !== undefined) return `, from ${say(least)} to ${say(most)}`
  if (least !== undefined && least > 0) return `, at least ${say(least)}`
  if (most !== undefined) return `, at most ${say(most)}`
  return ''
}

/** What is there instead. Of a text its length alone: it may be a secret in the wrong place. */
export function formOf(value: unknown): string {
  if (value === null) return 'it is empty'
  if (value === '') return 'it is an empty text'
  if (typeof value === 'string')
    return `it is a text of ${value.length} character${value.length === 1 ? '' : 's'}`
  if (Array.isArray(value)) return 'it is a list'
  if (typeof value === 'object') return 'it is a group of keys'
  return `it is ${value}`
}
