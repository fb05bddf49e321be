import { type Test, test } from 'tap'
import { buildAggregation } from '../../src/aggregation/aggregation-app.ts'
import { aggregationState } from '../../src/aggregation/serve/pipeline.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { quietTelemetry } from '../../src/std/telemetry.ts'
import { aggregation, T0 } from '../fakes/aggregation/aggregation.ts'
import { noErasures } from '../fakes/aggregation/erasures.ts'
import { emptyExplorer } from '../fakes/aggregation/explorer.ts'
import { importsHere } from '../fakes/aggregation/imports.ts'
import { queriesHere } from '../fakes/aggregation/queries.ts'
import { tokenOf } from '../fakes/credentials/vending.ts'
import { startVendingGateway } from '../fakes/credentials/vending-gateway.ts'
import { sha256, someApps } from '../fakes/gateway.ts'
import { type JsonSchema, type Operation, operationsOf } from '../fuzz/contract.ts'

/** What whoever reads an answer need not know: words of validators, patterns, and where Fastify has things. */
const OF_SCHEMAS =
  /must match|must NOT|pattern|[\^$\\]|\{\d|additional propert|allowed values|equal to one|schema|querystring|params|headers\.|\bstring\b|\binteger\b|\barray\b|undefined|NaN/

/** Values of what a route cannot do without. */
const RIGHT: Readonly<Record<string, string>> = {
  app: 'shop',
  metric: 'lcp',
  set: 'app',
  id: 'x',
  kind: 'app-attest',
}

const schemasOf = (schema: JsonSchema): readonly JsonSchema[] => schema.anyOf ?? [schema]

/** Texts that a parameter does not take, by what its schema says; of one that is read by other rules too, any word. */
function wrongTexts(schema: JsonSchema): readonly (readonly string[])[] {
  const kinds = schemasOf(schema)
  const longest = Math.max(...kinds.map(({ maxLength = 0 }) => maxLength))
  const most = kinds.find(({ maxItems }) => maxItems !== undefined)?.maxItems ?? 1
  const isChosen = kinds.some(({ enum: choices, pattern }) => choices ?? pattern)
  return [
    ...(longest > 0 ? [['x'.repeat(longest + 1)]] : []),
    ...(isChosen ? [['~']] : []),
    ...(kinds.some(({ minLength }) => minLength) ? [['']] : []),
    Array(most + 1).fill('1'),
  ]
}

/** Values of a member of a body that are none. */
function wrongValues(schema: JsonSchema): readonly unknown[] {
  const [{ type, enum: choices, pattern, maxLength, items, minimum } = {}] = schemasOf(schema)
  if (choices !== undefined) return ['~', 1]
  return [
    ...(type === 'string' ? [{}] : ['~', null, {}]),
    ...(pattern ? ['~'] : []),
    ...(maxLength ? ['x'.repeat(maxLength + 1)] : []),
    ...(items ? [[1], []] : []),
    ...(minimum ? [minimum - 1] : []),
  ]
}

/** Each path to a member of an object, and a body that has everything that it needs. */
function membersOf(
  schema: JsonSchema,
  path: readonly string[] = [],
): readonly (readonly [string[], JsonSchema])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => [
    [[...path, name], member] as const,
    ...membersOf(member, [...path, name]),
  ])
}

function bodyWith(
  { required = [], properties = {} }: JsonSchema,
  path: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const [name = '', ...rest] = path
  const needed = Object.fromEntries(required.map((each) => [each, RIGHT[each] ?? 'x']))
  const inner = rest.length === 0 ? value : bodyWith(properties[name] ?? {}, rest, value)
  return { ...needed, [name]: inner }
}

interface Sent {
  readonly url: string
  readonly body?: object
  /** Named in the answer. */
  readonly field: string
}

/** How `nobody` is told of: a name that is nothing like ours may be a secret. */
const STRANGE = '?(6 characters)'

function* wrongRequests(operation: Operation): Generator<Sent> {
  const { schema = {} } = operation.body['application/json'] ?? {}
  const needed = schema.required && { body: bodyWith(schema, ['app'], 'ios') }
  for (const each of [...inQuery(operation), ...inPath(operation)]) yield { ...each, ...needed }
  const url = urlOf(operation, rightQuery(operation))
  for (const [at, member] of membersOf(schema)) {
    for (const value of wrongValues(member))
      yield { url, body: bodyWith(schema, at, value), field: at.join('.') }
  }
  if (schema.properties) yield { url, body: { ...needed?.body, nobody: 1 }, field: STRANGE }
}

const urlOf = ({ path }: Operation, query: URLSearchParams): string =>
  `${path.replace(/\{(\w+)\}/g, (_, name) => RIGHT[name] ?? 'x')}?${query}`

/** What a query cannot do without. */
const rightQuery = ({ parameters }: Operation): URLSearchParams =>
  new URLSearchParams(
    parameters
      .filter(({ in: where, required }) => where === 'query' && required)
      .map(({ name }): [string, string] => [name, RIGHT[name] ?? 'x']),
  )

function* inQuery(operation: Operation): Generator<Sent> {
  const inIt = operation.parameters.filter(({ in: where }) => where === 'query')
  for (const { name, schema, required } of inIt) {
    const query = rightQuery(operation)
    query.delete(name)
    if (required) yield { url: urlOf(operation, query), field: name }
    for (const texts of wrongTexts(schema)) {
      const values = new URLSearchParams(query)
      for (const text of texts) values.append(name, text)
      yield { url: urlOf(operation, values), field: name }
    }
  }
  const unknown = new URLSearchParams([...rightQuery(operation), ['nobody', '1']])
  if (inIt.length > 0) yield { url: urlOf(operation, unknown), field: STRANGE }
}

function* inPath(operation: Operation): Generator<Sent> {
  for (const { name, in: where, schema } of operation.parameters) {
    if (where !== 'path') continue
    const wrong = schema.pattern ? '~' : 'x'.repeat(Number(schema.maxLength) + 1)
    yield { url: operation.path.replace(`{${name}}`, wrong), field: name }
  }
}

async function privateSide(t: Test) {
  const it = await aggregation(t)
  const runs = await it.open()
  const { log, metrics } = quietTelemetry()
  const tokens = [{ name: 'ops', sha256: sha256('ops'), scopes: ['read', 'run', 'write', 'erase'] }]
  const { definitions } = it.options()
  const app = await buildAggregation(
    parseConfig({ aggregation: { tokens }, apps: someApps }, {}).aggregation,
    {
      listener: {
        log,
        ready: () => true,
        operations: { metrics: async () => metrics, balance: async () => null },
      },
      clock: it.clock,
      explorer: emptyExplorer,
      queries: queriesHere({ ...it, definitions }),
      definitions,
      runs,
      lakeWork: { imports: importsHere(t).imports, erasures: noErasures },
      apps: () => ['shop'],
      gateway: () => ({ host: '127.0.0.1', port: 1 }),
      pipeline: {
        firstEventMs: () => undefined,
        lackingRows: () => new Map(),
        state: async () => ({
          gateway: null,
          aggregation: { ...aggregationState([], { nowMs: T0, graceMs: 0, tickMs: 0 }), notIngested: 0 },
        }),
      },
    },
  )
  t.teardown(() => app.close())
  return app
}

test('whatever is wrong with a parameter or a member of a body, the answer names it, in words', async (t) => {
  const vending = await startVendingGateway(t, { gateway: { limits: { address: 'off' } } })
  const sides = [
    {
      document: 'openapi/gateway.json',
      app: vending.app,
      headers: { 'x-headgate-key': 'ios-key' },
      token: tokenOf('u'),
    },
    { document: 'openapi/aggregation.json', app: await privateSide(t), headers: {}, token: 'ops' },
  ]
  const seen: string[] = []
  const passedOver: string[] = []
  for (const { document, app, headers, token } of sides) {
    for (const operation of operationsOf(document)) {
      const { operationId, method, path } = operation
      if (/^\/v1\/(events|web-vitals|pixel)/.test(path)) {
        passedOver.push(operationId)
        continue
      }
      // Each event of a body is judged by itself there.
      const asked = path === '/imports' ? { ...operation, body: {} } : operation
      for (const { url, body, field } of wrongRequests(asked)) {
        seen.push(`${operationId} ${field}`)
        const what = `${operationId}: ${field} in ${url.slice(0, 80)} ${JSON.stringify(body)?.slice(0, 80)}`
        const answer = await app.inject({
          method: method as 'GET',
          url,
          headers: { authorization: `Bearer ${token}`, ...headers },
          ...(body && { payload: body }),
        })
        t.match(answer.json(), { status: 400, code: 'invalid_request' }, what)
        const { detail, errors } = answer.json()
        t.ok(
          detail.includes(`${field} must be `) ||
            detail.includes(`${field} is `) ||
            detail.includes(`${field}.`),
          `${what}: ${detail}`,
        )
        t.notMatch(detail, OF_SCHEMAS, what)
        t.match(errors, [{ pointer: /^#/, reason: /./ }], what)
        t.notOk(/x{70}/.test(detail), 'never what was sent')
      }
    }
  }
  t.ok(seen.length > 100, `${seen.length} faults`)
  t.same(passedOver, ['sendEvents', 'sendWebVitals', 'pixel'], 'event/verdict.ts judges events one by one')
})
