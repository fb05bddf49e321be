import Type, { type TObject, type TSchema } from 'typebox'
import Value from 'typebox/value'
import { didYouMean, nearest, plain } from '../std/input/did-you-mean.ts'
import { expected, formOf, told } from '../std/input/expectation.ts'
import { inUnits, measured } from '../std/input/quantities.ts'
import { notADigest, notADigestsGroup } from './digests.ts'
import { isRecord, variableOf } from './environment.ts'
import type { ConfigFault, ValueSource } from './faults.ts'

const NO_JSON = '; it cannot be read as JSON: keys and texts need double quotes'
/** Paths, names and addresses end in system calls, for which it is the end of the text. */
const NUL = 'it holds the character U+0000, which no path, name or address can'
/** Variables of one group that are named; the documentation has the others. Ours. */
const MOST_NAMED = 6

/** What is known of where values came from and might belong. */
export interface Context {
  /** By the path that it was assigned to: the variable whose text stands there. */
  readonly sources: ReadonlyMap<string, ValueSource>
  /** Where in the whole configuration a key of such a name is known, if there is a whole. */
  readonly elsewhere?: (key: string) => KeyPlace | undefined
}

/** A key that is known, by its whole path. */
export interface KeyPlace {
  readonly path: string
  readonly schema: TSchema
}

export interface Shaped {
  /** With defaults, and of the right types throughout: what had another type is its default, or the least there is. */
  readonly value: unknown
  readonly faults: readonly ConfigFault[]
}

/**
 * A value against its schema: units are read, defaults are filled in, and each fault is said in people's words. What has
 * the right type and a wrong value stays, so that rules may look at everything else.
 */
export function shape(schema: TSchema, given: unknown, path: string, context: Context): Shaped {
  const value = given === undefined ? structuredClone(told(schema).default) : given
  if (value === undefined)
    return { value: least(schema), faults: [{ path, message: `is missing: it must be ${expected(schema)}` }] }
  if (Type.IsObject(schema) && isRecord(value)) return ofGroup(schema, value, path, context)
  if (Type.IsArray(schema) && Array.isArray(value)) return ofList(schema, value, path, context)
  if (typeof value === 'string' && value.includes('\0'))
    return { value: least(schema), faults: [{ path, message: `must be ${expected(schema)}; ${NUL}` }] }
  const group = Type.IsUnion(schema) ? schema.anyOf.find((each) => Type.IsObject(each)) : undefined
  if (group !== undefined && isRecord(value)) return shape(group, value, path, context)
  const read = typeof value === 'string' ? readText(schema, value) : value
  if (Value.Check(schema, read)) return { value: read, faults: [] }
  const fits = typeof read !== 'object' && typeof read === typeof least(schema)
  return { value: fits ? read : least(schema), faults: [wrong(schema, value, path, context)] }
}

function ofGroup(
  { properties, required }: TObject,
  given: Record<string, unknown>,
  path: string,
  context: Context,
): Shaped {
  const faults: ConfigFault[] = []
  const value: Record<string, unknown> = {}
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(properties, key)) continue
    faults.push({ path: within(path, key), message: unknownKey(key, properties, path, context) })
  }
  for (const [key, schema] of Object.entries(properties)) {
    const inner = Object.hasOwn(given, key) ? given[key] : undefined
    if (inner === undefined && !isRequired(required, key)) continue
    const shaped = shape(schema, inner, within(path, key), context)
    value[key] = shaped.value
    faults.push(...shaped.faults)
  }
  return { value, faults }
}

function ofList(
  schema: TSchema & { readonly items: TSchema },
  given: readonly unknown[],
  path: string,
  context: Context,
): Shaped {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = told(schema)
  const entries = given.map((entry, i) => shape(schema.items, entry ?? null, within(path, `${i}`), context))
  const isLong = given.length < minItems || given.length > maxItems
  const message = `must be ${expected(schema)}; it has ${given.length}`
  return {
    value: entries.map(({ value }) => value),
    faults: [...(isLong ? [{ path, message }] : []), ...entries.flatMap(({ faults }) => faults)],
  }
}

const isRequired = (required: readonly string[] | undefined, key: string): boolean =>
  required?.includes(key) === true

/** Units become numbers, digests lower case. What cannot be read stays as it is. */
function readText(schema: TSchema, text: string): unknown {
  const { measure } = told(schema)
  if (measure === undefined) return text
  return measure === 'digest' ? text.toLowerCase() : (measured(measure, text) ?? text)
}

function unknownKey(
  key: string,
  properties: TObject['properties'],
  path: string,
  { elsewhere }: Context,
): string {
  const known = Object.keys(properties)
  const near = nearest(key, known)
  const schema = near === undefined ? undefined : properties[near]
  if (near !== undefined && schema !== undefined)
    return `is not a known key${meant({ path: within(path, near), schema })}`
  const secret = secretItself(key, properties)
  if (secret !== undefined) return `is not a known key: ${secret} in ${within(path, 'sha256')}`
  const other = elsewhere?.(key)
  // No list is meant to stand within itself.
  if (other !== undefined && !`${path}.`.startsWith(`${other.path}.`))
    return `is not a known key here${meant(other)}`
  return `is not a known key; ${path === '' ? 'at the top' : path} takes ${known.join(', ')}`
}

/** What somebody wanted to write where only the digest of it belongs. */
function secretItself(key: string, { sha256 }: TObject['properties']): string | undefined {
  const { holder } = sha256 === undefined ? {} : told(sha256)
  if (holder === undefined || !plain(key).includes(holder)) return undefined
  return `the ${holder} itself belongs in no file, only its SHA-256,`
}

/** Whoever has mistyped a key is to look up neither where it stands nor what it takes. */
function meant({ path, schema }: KeyPlace): string {
  const form = expected(schema)
  const { example } = told(schema)
  const isShown = example === undefined || form.includes('such as')
  const shown = typeof example === 'object' ? JSON.stringify(example) : example
  return `; did you mean "${path}"? It must be ${form}${isShown ? '' : `, such as ${shown}`}`
}

function wrong(schema: TSchema, value: unknown, path: string, { sources }: Context): ConfigFault {
  const isText = typeof value === 'string'
  const example = exampleOf(schema, sources.get(path))
  const undigested = isText ? noDigest(schema, value) : undefined
  if (undigested !== undefined) return { path, message: undigested }
  if (sources.has(path) && Type.IsObject(schema))
    return { path, message: notOneValue(schema, path, isText ? value : '') }
  if (isText && sources.has(path) && Type.IsArray(schema))
    return { path, message: `must be ${expected(schema)}, as JSON${NO_JSON}${example}` }
  const beyond = tooMuch(schema, value)
  if (beyond !== undefined) return { path, message: beyond }
  const choices = Type.IsEnum(schema) ? schema.enum.map(String) : (told(schema).names ?? [])
  const near = isText ? choiceMeant(value, choices) : ''
  return {
    path,
    message: `must be ${expected(schema)}${near === '' ? `; ${formOf(value)}` : near}${example}`,
  }
}

/** What is wrong with a text in the place of a digest, or of the group that holds one; undefined for any other place. */
function noDigest(schema: TSchema, text: string): string | undefined {
  const { holder } = told(schema)
  if (holder !== undefined) return notADigest(text, holder)
  const digest = Type.IsObject(schema) ? schema.properties['sha256'] : undefined
  const held = digest && told(digest).holder
  return held && notADigestsGroup(text, held)
}

/** The choice that was nearly written, or the one that has the word for a part: `route` of `page_route`. */
function choiceMeant(word: string, choices: readonly string[]): string {
  const near = didYouMean(word, choices)
  const having = choices.filter((choice) => choice.split('_').includes(word))
  return near === '' && having.length === 1 ? `; did you mean "${having[0]}"?` : near
}

/** What is where numbers end, which nobody is told of who is not there. */
function tooMuch(schema: TSchema, value: unknown): string | undefined {
  const { measure, maximum = Number.POSITIVE_INFINITY, isOpen } = told(schema)
  const amount = typeof value === 'string' ? readText(schema, value) : value
  if (isOpen !== true || typeof amount !== 'number' || amount <= maximum) return undefined
  const most = measure === 'duration' || measure === 'bytes' ? inUnits(measure, maximum) : maximum
  return `must be at most ${most}; ${formOf(value)}`
}

/** A group has a variable for each of its keys. */
function notOneValue({ properties }: TObject, path: string, text: string): string {
  const names = Object.keys(properties).map((key) => variableOf([...path.split('.'), key]))
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : ''
  const why = text.trim().startsWith('{') ? NO_JSON : ''
  return `must be a group of keys as JSON, such as {"a":1}, or set by a variable for each: ${names.slice(0, MOST_NAMED).join(', ')}${more}${why}`
}

/** Where the form alone says little: of a list, and where somebody sets a variable. */
function exampleOf(schema: TSchema, source: ValueSource | undefined): string {
  const { example, default: usual } = told(schema)
  const value = example ?? usual
  const list = Type.IsArray(schema) && value !== undefined ? JSON.stringify(value) : undefined
  const shown = source === undefined ? list : source.example
  return shown === undefined ? '' : `. Example: ${shown}`
}

/** The smallest value of a schema's type, for rules that look at other keys. */
function least(schema: TSchema): unknown {
  if ('default' in schema || Type.IsObject(schema))
    return shape(schema, told(schema).default ?? {}, '', NOWHERE).value
  if (Type.IsArray(schema)) return []
  if (Type.IsBoolean(schema)) return false
  if (Type.IsInteger(schema)) return told(schema).minimum ?? 0
  return Type.IsEnum(schema) ? schema.enum[0] : ''
}

const NOWHERE: Context = { sources: new Map() }

const within = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`)
