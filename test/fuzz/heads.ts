import fc, { type Arbitrary } from 'fast-check'
import type { Parameter } from './contract.ts'
import { described, FRESH_ID, hostileValue, SECRET } from './values.ts'

export type HeaderPair = readonly [string, string]

export const methods: readonly string[] = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'],
  ...['QUERY', 'PROPFIND', 'BREW'],
]

/** What may stand before a path: proxies are sent whole URLs. */
export const prefixes: readonly string[] = [
  'http://a',
  `https://${SECRET}.example:1`,
  '/.',
  '/..',
  '//',
  '/%2e',
  'x',
  '*',
]

/** What may stand behind a path. */
export const suffixes: readonly string[] = ['x', '/x', '/..', '%2e%2e', '%00', '//', `/${SECRET}`]

export const strangeOrigins: readonly string[] = ['null', '', `https://${SECRET}.example`]

/** Headers that mean something to somebody, or to nobody. */
export const oddHeaders: readonly HeaderPair[] = [
  ['X-Forwarded-For', `1.2.3.4, ${SECRET}`],
  ['X-Forwarded-Proto', 'https'],
  ['X-Http-Method-Override', 'DELETE'],
  ['Sec-GPC', '1'],
  ['Cookie', `session=${SECRET}`],
  ['Expect', '100-continue'],
  ['Expect', 'the-unexpected'],
  ['Connection', 'Upgrade, close'],
  ['Connection', 'keep-alive, keep-alive'],
  ['Upgrade', 'websocket'],
  ['Upgrade', 'h2c'],
  ['Host', 'b'],
  ['Accept', 'application/xml'],
  ['Accept-Encoding', 'br;q=0'],
  ['If-None-Match', '*'],
  ['Range', 'bytes=0-0'],
  ['Content-Type', 'text/plain'],
  ['Content-Encoding', 'gzip'],
  ['User-Agent', `Mozilla/5.0 (${'('.repeat(4_000)}`],
  ['User-Agent', `${SECRET}\xff\xfe`],
  ['User-Agent', ''],
  ['X-Long', 'x'.repeat(60_000)],
  ['X-Empty', ''],
  ['__proto__', 'polluted'],
  ['Access-Control-Request-Method', 'POST'],
  ['CloudFront-Viewer-Country', SECRET],
  ['Traceparent', SECRET],
]

/** Headers with which a request ends before it is one. */
export const impossibleHeaders: readonly HeaderPair[] = [
  ['Content-Length', '5'],
  ['Content-Length', '-1'],
  ['Transfer-Encoding', 'gzip'],
  ['X-Longer', 'x'.repeat(70_000)],
  ['x-bad name', 'a'],
  ['X-Folded', 'a\r\n b'],
  ['X-Control', 'a\x01b'],
  ['', 'a'],
]

const hostileQueries: readonly string[] = [
  '%zz',
  '%ff%fe',
  '&&&=&',
  '=',
  'a[b]=c&a[b]=d',
  '__proto__=1&__proto__[polluted]=yes&constructor=2',
  `key=${SECRET}`,
  'key=a&key=b',
  `${SECRET}=1`,
  'name=a%00b&value=1',
  '%D0%BA=%F0%9F%98%80',
  'x'.repeat(9_000),
  Array.from({ length: 2_000 }, (_, i) => `p${i}=`).join('&'),
  '\xff\xfe',
  'a b',
  '#fragment',
]

const hostileSegments = [
  '..',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '%00',
  '%zz',
  '%ff',
  SECRET,
  'x'.repeat(600),
  '-',
]

/** Percent-encoded, lone surrogates included. */
const encode = (value: unknown): string =>
  encodeURIComponent(String(value).replace(/[\ud800-\udfff]/gu, '\ufffd'))

export const queryText = (pairs: readonly (readonly [string, unknown])[]): string =>
  pairs
    .map(([name, value]) => `${encode(name)}=${encode(value).slice(0, 20_000)}`)
    .join('&')
    .replaceAll(encode(FRESH_ID), FRESH_ID)

export function pathsOf(path: string, parameters: readonly Parameter[]): Arbitrary<string> {
  const segments = parameters.map((parameter) =>
    fc.oneof(
      { weight: 2, arbitrary: usual(parameter).map((value) => encode(value) || 'x') },
      { weight: 1, arbitrary: fc.constantFrom(...hostileSegments) },
    ),
  )
  return fc
    .tuple(...segments)
    .map((values) =>
      parameters.reduce((filled, { name }, i) => filled.replace(`{${name}}`, () => `${values[i]}`), path),
    )
}

/** What is there, where a test knows it; else what the schema allows. */
const usual = ({ known, schema }: Parameter): Arbitrary<unknown> =>
  known === undefined ? described(schema) : fc.constantFrom(...known)

/** As a query or a header would have it: as documented, as the schema has it, or anything. */
const textual = (parameter: Parameter): Arbitrary<unknown> =>
  fc.oneof(
    { weight: 4, arbitrary: usual(parameter) },
    { weight: 1, arbitrary: described(parameter.schema) },
    {
      weight: 1,
      arbitrary: hostileValue.map((value) => (value instanceof Object ? JSON.stringify(value) : value)),
    },
  )

type Pairs = readonly (readonly [string, unknown])[]
const none: Pairs = []
const once =
  (name: string) =>
  (value: unknown): Pairs =>
    [value].flat().map((one) => [name, one])

/** As documented, or nearly. `named`: the query is all that an event has. */
export function queriesOf(parameters: readonly Parameter[], named: boolean): Arbitrary<string> {
  const right = parameters.map((parameter) => {
    const given = usual(parameter).map(once(parameter.name))
    return parameter.required ? given : fc.oneof(given, fc.constant(none))
  })
  const nearly = parameters.map((parameter) => {
    const given = textual(parameter).map(once(parameter.name))
    return fc.oneof(
      { weight: 6, arbitrary: given },
      { weight: 2, arbitrary: fc.constant(none) },
      { weight: 1, arbitrary: given.map((pairs) => [...pairs, ...pairs]) },
    )
  })
  const beside: Arbitrary<Pairs> = fc.oneof(
    { weight: 8, arbitrary: fc.constant(none) },
    { weight: 1, arbitrary: fc.string({ maxLength: 10 }).map((name): Pairs => [[name, SECRET]]) },
    { weight: 1, arbitrary: fc.constant([['attributes.plan', 'pro']] as const) },
    { weight: 1, arbitrary: fc.constant([['event_id', named ? FRESH_ID : '']] as const) },
  )
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(...right).map((lists) => queryText(lists.flat())) },
    { weight: 5, arbitrary: fc.tuple(beside, ...nearly).map((lists) => queryText(lists.flat())) },
    { weight: 1, arbitrary: fc.constantFrom(...hostileQueries) },
  )
}

/** Documented headers, now and then: all of ours may be left out. */
export function headersOf(parameters: readonly Parameter[]): Arbitrary<readonly HeaderPair[]> {
  const each = parameters.map((parameter) =>
    fc.option(
      textual(parameter).map((value): HeaderPair => [parameter.name, asHeader(value)]),
      { freq: 1, nil: undefined },
    ),
  )
  return fc.tuple(...each).map((pairs) => pairs.filter((pair) => pair !== undefined))
}

/** Latin-1 without the characters that would end the header. */
const asHeader = (value: unknown): string =>
  String(value)
    .replace(/[\r\n\0]|[^\0-\xff]/g, '?')
    .slice(0, 20_000)
