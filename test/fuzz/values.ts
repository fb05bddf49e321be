import fc, { type Arbitrary } from 'fast-check'
import type { JsonSchema } from './contract.ts'

/** Stands where a sender would name its event: each is replaced by an id of its own when the request is sent. */
export const FRESH_ID = '@id@'
/** Planted wherever a client writes text. No answer and no log may ever hold it. */
export const SECRET = 'S3CRET-hunter2'

/** Values that a schema describes. */
export function described(schema: JsonSchema): Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(described))
  switch (schema.type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return fc.integer({ min: Math.ceil(schema.minimum ?? -1e9), max: Math.floor(schema.maximum ?? 1e9) })
    case 'number':
      return numberOf(schema)
    case 'string':
      return textOf(schema)
    case 'array':
      return arrayOf(schema)
    case 'object':
      return objectOf(schema)
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

const numberOf = ({ minimum = -1e12, exclusiveMinimum, maximum = 1e12 }: JsonSchema) => {
  const minExcluded = exclusiveMinimum !== undefined
  return fc.oneof(
    fc.double({ min: exclusiveMinimum ?? minimum, minExcluded, max: maximum, noNaN: true }),
    fc.constantFrom(1, 0.5, maximum),
  )
}

function textOf({ pattern, format, minLength = 0, maxLength = 64 }: JsonSchema): Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
  if (format === 'date-time') return fc.constantFrom('2026-11-22T10:00:00Z', '2026-11-22T10:00:00.5+01:00')
  return fc.oneof(
    fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 40), unit: 'grapheme' }),
    fc.constantFrom('a', '/products/:id', 'https://u:p@shop.example/cart?token=1#x', 'x'.repeat(maxLength)),
  )
}

const arrayOf = ({ items = {}, minItems = 0, maxItems = 4 }: JsonSchema) =>
  fc.array(described(items), { minLength: minItems, maxLength: Math.min(maxItems, minItems + 3) })

function objectOf({ properties = {}, patternProperties = {}, required = [] }: JsonSchema) {
  const [members] = Object.values(patternProperties)
  if (members !== undefined)
    return fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), described(members), { maxKeys: 4 })
  const fields = Object.entries(properties).map(([name, schema]) => [
    name,
    names.includes(name) ? fc.constant(FRESH_ID) : described(name === 'context' ? unnamed(schema) : schema),
  ])
  return fc.record(Object.fromEntries(fields) as Record<string, Arbitrary<unknown>>, {
    // A report of web-vitals has an event's id only together with its change.
    requiredKeys: [...required, ...('delta' in properties ? ['delta'] : [])],
  })
}

/** By which an event is named: in our format, and in that of web-vitals. */
const names = ['event_id', 'id']

/** What events share cannot name one of them. */
const unnamed = ({ properties = {}, ...schema }: JsonSchema): JsonSchema => ({
  ...schema,
  properties: Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name))),
})

/** Three times in four the usual. */
export const mostly = <T>(usual: T, ...odd: readonly T[]): Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) })

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))

/** Values that programs do not expect. */
export const hostileValue: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    0,
    -0,
    -1,
    5e-324,
    Number.MAX_SAFE_INTEGER + 1,
    1.7976931348623157e308,
    [],
    {},
    nested(31),
    nested(33),
    'null',
    'NaN',
    '\u0000',
    '\ud800',
    '\u2028\u202e',
    '１２',
    'İstanbul ﬃ 👩‍👩‍👧',
    '<script>alert(1)</script>',
    '"; DROP TABLE events; --',
    '=cmd|calc',
    '$\u007bjndi:ldap://x}',
    '../../../../etc/passwd',
    'x'.repeat(3_000),
    'ß'.repeat(70_000),
    `https://shop.example/?q=${SECRET}`,
    SECRET,
    { length: 1e9 },
    JSON.parse('{"toString":null,"valueOf":1,"then":2}'),
    JSON.parse('{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}'),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.double(),
  fc.jsonValue({ maxDepth: 3 }),
)

/** The value, or the value with one thing in it wrong. */
export const sometimesWrong = (value: Arbitrary<unknown>): Arbitrary<unknown> =>
  fc.oneof({ weight: 1, arbitrary: value }, { weight: 1, arbitrary: value.chain(wrongSomewhere) })

function wrongSomewhere(value: unknown): Arbitrary<unknown> {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return hostileValue
  const inside = fc.constantFrom(...Object.keys(value)).chain((name) => {
    const member = (value as Record<string, unknown>)[name]
    return wrongSomewhere(member).map((wrong) => withMember(value, name, wrong))
  })
  const without = fc.constantFrom(...Object.keys(value)).map((name) => withMember(value, name, undefined))
  const beside = fc
    .tuple(fc.constantFrom('x', '', 'app_id', '__proto__', 'ключ', 'a'.repeat(300)), hostileValue)
    .map(([name, extra]) => withMember(value, name, extra))
  return fc.oneof({ weight: 3, arbitrary: inside }, without, beside, hostileValue)
}

function withMember(of: object, name: string, member: unknown): unknown {
  if (Array.isArray(of)) return of.with(Number(name) || 0, member)
  const others = Object.entries(of).filter(([key]) => key !== name)
  return Object.fromEntries(member === undefined ? others : [...others, [name, member]])
}

/** JSON as text, whole or spoilt in the ways that only text can be. */
export const jsonText = (value: Arbitrary<unknown>): Arbitrary<string> =>
  value
    .map((it) => JSON.stringify(it) ?? 'null')
    .chain((text) =>
      fc.oneof(
        { weight: 8, arbitrary: fc.constant(text) },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            '',
            ' \r\n',
            'undefined',
            `\ufeff${text}`,
            `${text}${text}`,
            `${text}\n${text}\n{"broken`,
            `\n\n${text}\n`,
            text.replace(/:-?\d[\d.e+-]*/, ':NaN'),
            text.replace(/:-?\d[\d.e+-]*/, ':1e999'),
            text.replace(/:-?\d[\d.e+-]*/, ':-0.0e-400'),
            text.replace('{', '{"name":"twice","value":3,'),
            text.replace('{', '{"__proto__":{"polluted":"yes"},'),
            text.replace('{', '{"\\ud800":"\\ud800",'),
            text.replaceAll('"', "'"),
            `[${Array(600).fill(text).join()}]`.slice(0, 200_000),
            `${'['.repeat(5_000)}${text}${']'.repeat(5_000)}`,
            `{"events":[${text}],"context":${text}}`,
          ),
        },
        { weight: 1, arbitrary: fc.nat({ max: text.length }).map((at) => text.slice(0, at)) },
        { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
      ),
    )
