import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import swagger, { type SwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { buildAggregation } from '../../../src/aggregation/aggregation-app.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { Measurement } from '../../../src/event/schema/event.ts'
import { buildGateway } from '../../../src/gateway/gateway-app.ts'
import { problemSchema } from '../../../src/http/documented.ts'
import { systemClock } from '../../../src/std/clock.ts'
import { systemEntropy } from '../../../src/std/id.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { wireAggregation } from '../../../src/wiring/aggregation.ts'
import { wireGateway } from '../../../src/wiring/gateway.ts'
import { openLake } from '../../../src/wiring/open-lake.ts'

/**
 * openapi/*.json, generated from the routes as they are mounted: `npm run openapi` writes them, a test compares them.
 * Examples stand in openapi/examples/ and are executed by the tests; here they are shown beside their operation.
 */
const common = {
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  version: JSON.parse(readFileSync('package.json', 'utf8')).version as string,
}

const options = (info: object, servers: object[], extra: object): SwaggerOptions =>
  ({
    openapi: { openapi: '3.1.0', info: { ...common, ...info }, servers, ...extra },
    refResolver: {
      buildLocalReference: (json: { $id?: string }, _base: unknown, _fragment: unknown, i: number) =>
        json.$id ?? `def-${i}`,
    },
  }) as SwaggerOptions

const gatewayOptions = options(
  {
    title: 'Headgate gateway',
    description:
      'The public front door: measurements in, durable before the answer. Errors are RFC 9457 problem documents.',
  },
  [{ url: 'http://127.0.0.1:8080', description: 'Default listener' }],
  {
    tags: [
      { name: 'collect', description: 'Where clients send measurements.' },
      { name: 'credentials', description: 'Where apps get credentials for streams of their own.' },
      { name: 'health', description: 'Probes, without a key.' },
    ],
    components: {
      securitySchemes: {
        accessToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'Access token of an issuer that the app lists.',
        },
      },
    },
    security: [],
  },
)

const aggregationOptions = options(
  {
    title: 'Headgate aggregation',
    description:
      'The private side: runs, imports, erasures, queries, operations. Bearer tokens with the scopes read, run, write and erase.',
  },
  [{ url: 'http://127.0.0.1:8081', description: 'Default listener' }],
  {
    tags: [
      { name: 'runs', description: 'Aggregations: start, follow, list.' },
      { name: 'query', description: 'Series and rankings from committed rollups.' },
      { name: 'operations', description: 'For scrapers and operators.' },
      { name: 'dashboard', description: 'The page with the graphs.' },
      { name: 'health', description: 'Probes, without a token.' },
    ],
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'Admin token.' } },
    },
    security: [{ bearer: [] }],
  },
)

/** The documents by path, as the routes of this moment give them. */
export async function renderOpenApi(): Promise<Readonly<Record<string, string>>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'headgate-openapi-'))
  const config = parseConfig({ dataDir, aggregation: { schedule: { enabled: false } } }, {})
  const lake = await openLake(config, systemClock)
  const system = () => ({
    clock: systemClock,
    entropy: systemEntropy,
    telemetry: quietTelemetry(),
    lake,
    env: {},
  })
  const ready = () => true
  const gatewaySystem = system()
  const gateway = await wireGateway(config, gatewaySystem)
  const aggregationSystem = system()
  const aggregation = await wireAggregation(config, { ...aggregationSystem, askGateway: async () => null })
  const { log, metrics } = aggregationSystem.telemetry
  try {
    return {
      'openapi/gateway.json': await document('openapi/gateway.json', gatewayOptions, (prepare) =>
        buildGateway(config.gateway, {
          ...gatewaySystem,
          ...gateway,
          listener: { ready, workers: 1, prepare },
        }),
      ),
      'openapi/aggregation.json': await document('openapi/aggregation.json', aggregationOptions, (prepare) =>
        buildAggregation(config.aggregation, {
          ...aggregation,
          clock: systemClock,
          listener: {
            log,
            ready,
            operations: { metrics: async () => metrics, balance: async () => null },
            prepare,
          },
          apps: () => [],
          gateway: () => ({ host: '127.0.0.1', port: 8080 }),
        }),
      ),
    }
  } finally {
    await gateway.close(0)
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** A request that works as it stands, and what is answered: shown in the document, executed by the tests. */
export interface Example {
  readonly operationId: string
  readonly name: string
  readonly summary: string
  /** A body that is wrong on purpose is executed, but not shown as an example of its schema. */
  readonly conforms?: false
  readonly request: {
    readonly method: 'GET' | 'POST'
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: unknown
  }
  /** Keeps of the body only what the example is about. */
  readonly response: { readonly status: number; readonly body?: object }
}

export const examplesOf = (document: string): Example[] =>
  JSON.parse(readFileSync(document.replace('openapi/', 'openapi/examples/'), 'utf8')) as Example[]

interface MediaType {
  readonly schema?: { readonly type?: string; readonly required?: readonly string[] }
  examples?: Record<string, object>
}

interface RouteOperation {
  readonly operationId: string
  readonly parameters?: { required?: boolean; readonly schema: { readonly default?: unknown } }[]
  readonly requestBody?: { required?: boolean; readonly content: Record<string, MediaType> }
}

function withExamples(path: string, document: { paths?: object }): object {
  const operations = Object.values(document.paths ?? {}).flatMap(
    (item) => Object.values(item) as RouteOperation[],
  )
  for (const { operationId, name, summary, request } of examplesOf(path).filter(
    ({ conforms }) => conforms !== false,
  )) {
    const content = operations.find((operation) => operation.operationId === operationId)?.requestBody
      ?.content
    const json = content?.['application/json']
    if (json) json.examples = { ...json.examples, [name]: { summary, value: request.body } }
  }
  return document
}

/**
 * What may be left out, although Fastify's schemas do not say so: a parameter with a default, which is filled in before
 * anything is missed, and a body without a required member.
 */
function withWhatMayBeAbsent(document: { paths?: object }): object {
  const operations = Object.values(document.paths ?? {}).flatMap(
    (item) => Object.values(item) as RouteOperation[],
  )
  for (const { parameters = [], requestBody } of operations) {
    for (const parameter of parameters) if (parameter.schema.default !== undefined) parameter.required = false
    const { type, required = [] } = requestBody?.content['application/json']?.schema ?? {}
    if (requestBody && type === 'object' && required.length === 0) requestBody.required = false
  }
  return document
}

/** Schemas that stand in many places, by the name under which they are told once. */
const shared: Readonly<Record<string, object>> = { Measurement, Problem: problemSchema }

function withSharedSchemas(document: object): object {
  const names = new Map(Object.entries(shared).map(([name, schema]) => [JSON.stringify(schema), name]))
  const named = (value: unknown): unknown => {
    const name = names.get(JSON.stringify(value))
    if (name !== undefined) return { $ref: `#/components/schemas/${name}` }
    if (Array.isArray(value)) return value.map(named)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, named(member)]))
  }
  const { components, ...rest } = document as { components?: object }
  const told = named(rest) as object
  const used = Object.entries(shared).filter(([name]) => JSON.stringify(told).includes(`/schemas/${name}"`))
  return { ...told, components: { ...components, schemas: Object.fromEntries(used) } }
}

/** `form` and `names` are for people who sent something else (http/schema-faults.ts): OpenAPI does not know them. */
const withoutForms = (key: string, value: unknown): unknown =>
  (key === 'form' && typeof value === 'string') || (key === 'names' && Array.isArray(value))
    ? undefined
    : value

type Prepare = (app: FastifyInstance) => Promise<void>

async function document(
  path: string,
  options: SwaggerOptions,
  build: (prepare: Prepare) => Promise<FastifyInstance>,
): Promise<string> {
  const app = await build(async (instance) => {
    await instance.register(swagger, options)
  })
  await app.ready()
  const told = withSharedSchemas(withExamples(path, withWhatMayBeAbsent(app.swagger())))
  const text = `${JSON.stringify(told, withoutForms, 2)}\n`
  await app.close()
  return text
}

if (process.argv[2] === '--write') {
  for (const [path, text] of Object.entries(await renderOpenApi())) writeFileSync(path, text)
}
