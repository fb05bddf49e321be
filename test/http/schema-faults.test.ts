import { test } from 'tap'
import Type from 'typebox'
import {
  faultsIn,
  MOST_FAULTS,
  queryReader,
  readable,
  validatorCompiler,
} from '../../src/http/schema-faults.ts'

const strict = { additionalProperties: false }
const Even = readable(
  Type.Integer({ minimum: 0, form: 'an even number', example: 2 }),
  (n) => n % 2 === 0,
  () => 'must be even',
)
const Hex = readable(Type.String({ maxLength: 4, form: 'hex digits', example: 'ff' }), (text) =>
  /^[\da-f]+$/.test(text),
)
const Body = Type.Object(
  {
    app: Type.String({ minLength: 1, maxLength: 8, form: 'the id of an app', example: 'shop' }),
    kind: Type.Optional(Type.Enum(['even', 'odd'])),
    kinds: Type.Optional(Type.Array(Type.Enum(['even', 'odd']))),
    colour: Type.Optional(Type.String({ maxLength: 9, names: ['violet'] })),
    even: Type.Optional(Even),
    hex: Type.Optional(Hex),
    yes: Type.Optional(Type.Boolean()),
    any: Type.Optional(Type.Array(Type.Boolean())),
    names: Type.Optional(
      Type.Array(Type.String({ maxLength: 3 }), {
        minItems: 1,
        maxItems: 2,
        uniqueItems: true,
        form: 'one or two names',
        example: ['a'],
      }),
    ),
    inner: Type.Optional(
      Type.Object({ text: Type.String({ maxLength: 3 }) }, { ...strict, form: 'an inner object' }),
    ),
    loose: Type.Optional(Type.Object({ n: Type.Number() })),
  },
  { ...strict, form: 'a JSON object', example: { app: 'shop' } },
)

test('what is wrong with a body is said with its field, its form, an example, and what stands there', async (t) => {
  for (const [body, ...faults] of [
    [{ app: 'shop', even: 4, hex: 'ff', names: ['a', 'b'], inner: { text: 'x' }, loose: { n: 1, more: 2 } }],
    [null, ['', 'must be a JSON object, such as {"app":"shop"}; there is none']],
    [{ app: null }, ['app', 'must be the id of an app, such as shop; it is null']],
    [[], ['', 'must be a JSON object, such as {"app":"shop"}; it is a list']],
    ['shop', ['', 'must be a JSON object, such as {"app":"shop"}; it is a text']],
    [{}, ['app', 'is missing: it must be the id of an app, such as shop']],
    [{ app: '' }, ['app', 'must be the id of an app, such as shop; it is empty']],
    [{ app: 'x'.repeat(9) }, ['app', 'must be the id of an app, such as shop; it has 9 characters']],
    [{ app: 7 }, ['app', 'must be the id of an app, such as shop; it is a number']],
    [{ app: ['a'] }, ['app', 'must be the id of an app, such as shop; there are 1 of them']],
    [
      { app: 'a', kind: 'evn' },
      ['kind', 'must be one of even, odd; "evn" is none of them; did you mean "even"?'],
    ],
    [{ app: 'a', kind: 'red' }, ['kind', 'must be one of even, odd']],
    [{ app: 'a', kind: 'ev\nn' }, ['kind', 'must be one of even, odd; did you mean "even"?']],
    [
      { app: 'a', kind: 'vilet' },
      ['kind', 'must be one of even, odd; "vilet" is none of them; did you mean colour=violet?'],
    ],
    [{ app: 'a', kinds: ['red'] }, ['kinds.0', 'must be one of even, odd; it is a text']],
    [{ app: 'a', kind: true }, ['kind', 'must be one of even, odd; it is true or false']],
    [{ app: 'a', even: 3 }, ['even', 'must be even']],
    [{ app: 'a', even: -2 }, ['even', 'must be an even number, such as 2']],
    [{ app: 'a', even: '2' }, ['even', 'must be an even number, such as 2; it is a text']],
    [{ app: 'a', hex: 'xyz' }, ['hex', 'must be hex digits, such as ff']],
    [{ app: 'a', any: [true, 1] }, ['any.1', 'must be true or false; it is a number']],
    [{ app: 'a', yes: 'yes' }, ['yes', 'must be true or false; it is a text']],
    [{ app: 'a', names: [] }, ['names', 'must be one or two names, such as ["a"]; there are 0 of them']],
    [
      { app: 'a', names: ['a', 'b', 5] },
      ['names', 'must be one or two names, such as ["a"]; there are 3 of them'],
    ],
    [
      { app: 'a', names: ['a', 'a'] },
      ['names', 'must be one or two names, such as ["a"]; there are 2 of them'],
    ],
    [
      { app: 'a', names: ['a', 'long'] },
      ['names.1', 'must be a text of 1 to 3 characters; it has 4 characters'],
    ],
    [{ app: 'a', inner: {} }, ['inner.text', 'is missing: it must be a text of 1 to 3 characters']],
    [{ app: 'a', inner: 'x' }, ['inner', 'must be an inner object; it is a text']],
    [
      { app: 'a', inner: { text: 'a', tex: 1 } },
      ['inner.tex', 'is not a known field; did you mean "text"? There are text'],
    ],
    [{ app: 'a', loose: { n: 'x', more: 1 } }, ['loose.n', 'must be a number; it is a text']],
    [
      { app: 'a', what: 1 },
      ['?(4 characters)', /^is not a known field; there are app, kind, kinds, colour, even, /],
    ],
    [
      { app: 'a', violett: 1 },
      ['violett', /^is not a known field; did you mean colour=violet\? There are app, /],
    ],
    [
      { app: 'a', inner: { text: 'a', secret: 1 } },
      ['inner.?(6 characters)', 'is not a known field; there are text'],
    ],
    [
      { aps: 'shop', even: 3, yes: 1 },
      ['aps', /^is not a known field; did you mean "app"\? There are app, kind, /],
      ['app', 'is missing: it must be the id of an app, such as shop'],
      ['even', 'must be even'],
      ['yes', 'must be true or false; it is a number'],
    ],
  ] as const) {
    const found = faultsIn(Body, body).map(({ field, reason }) => [field, reason])
    t.match(found, faults, JSON.stringify(body))
    t.equal(found.length, faults.length, JSON.stringify(body))
  }
})

test('a pointer has a step for each member, and a name with a dot is one', async (t) => {
  const pointers = (schema: object, httpPart: string, value: object) => {
    const { error } = Object(validatorCompiler({ schema, httpPart })(value))
    return error.details.errors.map(({ pointer }: { readonly pointer: string }) => pointer)
  }
  const text = Type.String()
  t.same(pointers(Body, 'body', { app: 1, inner: { text: 1, more: 1 }, kinds: ['odd', 'red'] }), [
    '#/app',
    '#/kinds/1',
    '#/inner/?(4 characters)',
    '#/inner/text',
  ])
  const query = Type.Object({ 'a.from': text, 'a.to': text }, strict)
  t.same(pointers(query, 'querystring', { 'a.from': ['1', '2'] }), ['#/a.from', '#/a.to'])
})

test('of very many faults some are told', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x${i}`, i]))
  t.equal(faultsIn(Body, { app: 'a', ...many }).length, MOST_FAULTS)
})

test('a query gets its defaults, whatever else it holds, and nothing else does', async (t) => {
  const schema = Type.Object(
    { app: Type.String(), limit: Type.String({ default: '20', pattern: '^\\d+$', form: 'a number' }) },
    strict,
  )
  const query = validatorCompiler({ schema, httpPart: 'querystring' })
  t.same(query(Object.assign(Object.create(null), { app: 'a' })), { value: { app: 'a', limit: '20' } })
  t.same(query({ app: 'a', limit: '5' }), { value: { app: 'a', limit: '5' } })
  t.match(query({ limit: ['5', '6'], __proto__: { app: 'a' } }), {
    error: {
      code: 'invalid_request',
      message:
        'app is missing: it must be a text of 1 to any number of characters. limit must be a number; there are 2 of them, and one is taken.',
    },
  })
  t.match(validatorCompiler({ schema, httpPart: 'body' })({ app: 'a' }), {
    error: { message: /^limit is missing/ },
  })
  t.same(validatorCompiler({ schema, httpPart: 'headers' })({ app: 1 }), { value: { app: 1 } })
  const read = queryReader(schema)
  t.same(read({ app: 'a' }), { app: 'a', limit: '20' })
  t.throws(() => read({}), { code: 'invalid_request', message: /^app is missing/ })
})
