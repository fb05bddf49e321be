import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { test } from 'tap'
import { type Example, examplesOf, renderOpenApi } from '../../scripts/lib/docs/openapi.ts'
import { startCommand } from '../fakes/process/command.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

interface Document {
  readonly paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>
}
const committed = (path: string) => readFileSync(path, 'utf8')
const statusesOf = (path: string, id: string) => {
  const { paths } = JSON.parse(committed(path)) as Document
  const operation = Object.values(paths)
    .flatMap((item) => Object.values(item))
    .find(({ operationId }) => operationId === id)
  return Object.keys(operation?.responses ?? {})
}

test('the committed documents are what the routes say: otherwise run npm run openapi', async (t) => {
  for (const [path, text] of Object.entries(await renderOpenApi())) t.equal(committed(path), text, path)
})

test('the documents are valid OpenAPI 3.1, without a warning', async (t) => {
  const args = ['lint', 'openapi/gateway.json', 'openapi/aggregation.json', '--config', '.redocly.yaml']
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', NODE_OPTIONS: '' }
  const { stdout, stderr } = await promisify(execFile)('node_modules/.bin/redocly', args, { env })
  t.match(stdout + stderr, /Your API descriptions are valid/)
  t.notMatch(stdout + stderr, /You have \d+ (warning|error)/)
})

test('every example does what it shows', async (t) => {
  const serve = startCommand(['serve'], {
    HEADGATE_DATA_DIR: t.testdir(),
    HEADGATE_GATEWAY_DURABILITY: 'memory',
    HEADGATE_GATEWAY_LISTEN_PORT: '0',
    HEADGATE_AGGREGATION_LISTEN_PORT: '0',
    HEADGATE_AGGREGATION_SCHEDULE_ENABLED: 'false',
    HEADGATE_APPS: JSON.stringify([
      { id: 'shop', keys: [{ sha256: sha256('demo-key') }], origins: ['https://shop.example.com'] },
    ]),
    HEADGATE_AGGREGATION_TOKENS: JSON.stringify([
      { name: 'demo', sha256: sha256('demo-token'), scopes: ['read', 'run'] },
    ]),
  })
  const urls = {
    'openapi/gateway.json': await serve.url('gateway'),
    'openapi/aggregation.json': await serve.url('aggregation'),
  }
  for (const [path, url] of Object.entries(urls)) {
    const examples = examplesOf(path)
    t.ok(examples.length > 3, `${path} has examples`)
    for (const example of examples) {
      const { status, body } = await execute(url, example)
      const { operationId, name, response } = example
      t.equal(status, response.status, `${operationId}: ${name}`)
      t.match(body, response.body ?? {}, `${operationId}: ${name}`)
      t.ok(
        statusesOf(path, operationId).includes(String(status)),
        `${status} is documented for ${operationId}`,
      )
    }
  }
  serve.terminal.terminate()
  t.equal(await serve.ended, 0)
})

async function execute(url: string, { request }: Example): Promise<{ status: number; body: unknown }> {
  const { method, path, headers, body } = request
  const response = await fetch(url + path, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
  })
  const text = await response.text()
  return {
    status: response.status,
    body: response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : {},
  }
}
