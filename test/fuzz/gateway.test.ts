import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { lakeRows } from '../../scripts/lib/demo/lake-rows.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { REQUEST_BYTES } from '../../src/gateway/collect/memory-budget.ts'
import { buildGateway } from '../../src/gateway/gateway-app.ts'
import { systemClock } from '../../src/std/clock.ts'
import { systemEntropy } from '../../src/std/id.ts'
import { createTelemetry } from '../../src/std/telemetry.ts'
import { wireGateway } from '../../src/wiring/gateway.ts'
import { openLake } from '../../src/wiring/open-lake.ts'
import { someApps } from '../fakes/gateway.ts'
import { exchangeBytes, header } from '../fakes/raw-http.ts'
import { asItIs } from './bodies.ts'
import { operationsOf } from './contract.ts'
import { type FuzzExchange, type FuzzTarget, fuzz, nextId, RUNS, SEED, wasUnreadable } from './fuzz.ts'
import { type FuzzIdentity, render } from './requests.ts'
import { described, FRESH_ID, SECRET } from './values.ts'

const operations = operationsOf('openapi/gateway.json')
const origins = ['https://shop.example', 'https://blog.example', 'https://open.example']

const inHeader = (key: string): FuzzIdentity => ({ headers: [['x-headgate-key', key]], query: [] })
const inQuery = (key: string): FuzzIdentity => ({ headers: [], query: [['key', key]] })
const identities: readonly FuzzIdentity[] = [
  ...Array<FuzzIdentity>(6).fill(inHeader('shop-key')),
  ...Array<FuzzIdentity>(2).fill(inQuery('shop-key')),
  { headers: [['x-api-key', 'blog-key']], query: [] },
  { headers: [['x-api-key', SECRET]], query: [['key', 'shop-key']] },
  { headers: [['x-headgate-key', 'blog-key']], query: [['key', 'shop-key']] },
  {
    headers: [
      ['x-headgate-key', 'shop-key'],
      ['X-Headgate-Key', SECRET],
    ],
    query: [],
  },
  inHeader(SECRET),
  inQuery(SECRET),
  { headers: [], query: [] },
]

/** The gateway as it is wired, with a journal and a lake on disk, no quota that gets in the way, and its log at hand. */
async function listening(t: Test, gateway: object = {}, limits: object = {}, inflightBytes?: number) {
  const dataDir = t.testdir()
  const plenty = { requestsPerSecond: 1e6, burst: 1e6, bytesPerSecond: 1e9, eventsPerSecond: 1e7, ...limits }
  const apps = someApps.map((app) => ({ ...app, limits: plenty }))
  const config = parseConfig({ dataDir, gateway: { limits: { address: 'off' }, ...gateway }, apps }, {})
  const logLines: string[] = []
  const telemetry = createTelemetry('debug', { write: (line) => logLines.push(line) })
  const lake = await openLake(config, systemClock)
  const system = { clock: systemClock, entropy: systemEntropy, telemetry, lake, env: {} }
  const wiring = await wireGateway(config, system)
  const ready = () => true
  const inForce = { ...config.gateway.limits, ...(inflightBytes !== undefined && { inflightBytes }) }
  const app = await buildGateway(
    { ...config.gateway, limits: inForce },
    { ...system, ...wiring, listener: { ready, workers: 1 } },
  )
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  let closed: ReturnType<typeof close> | undefined
  async function close() {
    await app.close()
    await wiring.close(30_000)
    return wiring.balance()
  }
  const closeOnce = () => {
    closed ??= close()
    return closed
  }
  t.teardown(async () => {
    await closeOnce()
  })
  return { port, dataDir, logLines, close: closeOnce }
}

/** What a browser needs to be able to read the answer, and nobody else. */
function* corsFaults({ request, answer }: FuzzExchange): Iterable<string> {
  if (answer === undefined || wasUnreadable(answer)) return
  const sent = request.headers.filter(([name]) => name === 'Origin').map(([, value]) => value)
  const allowed = sent.find((origin) => origins.includes(origin))
  // An origin of another app may not read the refusal; of a pixel's and a HEAD's the code is not seen.
  const refused = /^GIF|^$|"code":"origin_not_allowed"/.test(answer.body.toString('latin1'))
  const seen = header(answer, 'access-control-allow-origin')
  const expected = refused && seen === undefined ? undefined : allowed
  if (seen !== expected) yield 'CORS for the wrong origin'
  const credentials = header(answer, 'access-control-allow-credentials')
  const isRight =
    credentials === (expected && 'true') || (credentials === undefined && VENDING.test(request.target))
  if (!isRight) yield 'CORS credentials'
  if (!/\bOrigin\b/i.test(header(answer, 'vary') ?? '')) yield 'no Vary: Origin'
}

/** Routes that take tokens, and no cookies. */
const VENDING = /\/v1\/(credentials|container-credentials|attest)/

const target = (port: number): FuzzTarget => ({ port, origins, identities, faultsOf: corsFaults })

test('whatever is sent to the gateway is answered as documented, and each event ends in one place', async (t) => {
  const it = await listening(t)
  const exchanges: FuzzExchange[] = []
  for (const operation of operations) {
    exchanges.push(...(await fuzz(operation, target(it.port))))
    t.pass(operation.operationId)
  }
  const alive = await fetch(`http://127.0.0.1:${it.port}/readyz`)
  t.equal(alive.status, 200, 'it still serves')
  const totals = await it.close()
  const { received, accepted, ledgerEvents, rejected, delivered, unaccounted, backlog } = totals
  const refused = Object.values(rejected).reduce((sum, count) => sum + count, 0)
  t.equal(received, accepted + refused, 'received = accepted + rejected')
  t.match(
    { delivered, unaccounted, backlog },
    { delivered: accepted + ledgerEvents, unaccounted: 0, backlog: { events: 0 } },
  )
  await t.test('the lake holds every accepted event once, and no other', async (t) => {
    const rows = await lakeRows(it.dataDir)
    t.equal(rows.length, accepted)
    checkIds(
      t,
      exchanges,
      rows.map(({ eventId }) => eventId),
    )
  })
  t.notMatch(it.logLines.join(''), SECRET, 'the log repeats nothing')
  t.same(
    it.logLines.filter((line) => /"level":[56]0/.test(line)),
    [],
    'and has nothing to complain of',
  )
  t.notOk('polluted' in {})
  const statuses = exchanges.map(({ answer }) => answer?.status ?? 0)
  t.comment(JSON.stringify(tally(statuses)))
})

function checkIds(t: Test, exchanges: readonly FuzzExchange[], eventIds: readonly string[]) {
  const found = eventIds.flatMap((id) => /^fuzz-\d+(?=$|:)/.exec(id) ?? [])
  t.equal(new Set(found).size, found.length, 'no id twice')
  const issued = new Set(exchanges.flatMap(({ ids }) => ids))
  t.same(
    found.filter((id) => !issued.has(id)),
    [],
    'none is invented',
  )
  const kept = new Set(found)
  const acknowledged = exchanges.filter(
    ({ ids, answer }) => answer?.status === 202 && allAccepted(ids, answer),
  )
  t.ok(acknowledged.length > 20, `${acknowledged.length} requests were acknowledged as a whole`)
  for (const { request, ids } of acknowledged) {
    // Under Global Privacy Control ids are salted, and a flipped bit may be one of an id.
    const asSent = request.body?.damage === 'none' && !request.headers.some(([name]) => name === 'Sec-GPC')
    if (!asSent || WITHOUT_CHANGE.test(request.body?.text ?? '')) continue
    t.same(
      ids.filter((id) => !kept.has(id)),
      [],
      'what was acknowledged is there',
    )
  }
  const refused = exchanges.filter(({ answer }) => answer !== undefined && answer.status >= 400)
  t.same(
    refused.flatMap(({ ids }) => ids.filter((id) => kept.has(id))),
    [],
    'what was refused is not',
  )
}

/** A report of web-vitals that does not say its change names a measurement, and no event. */
const WITHOUT_CHANGE = new RegExp(`"id":"${FRESH_ID}"(?!,"delta":-?\\d)`)

const allAccepted = (ids: readonly string[], { body }: { body: Buffer }) => {
  const { accepted, rejected } = JSON.parse(`${body}`)
  return rejected.length === 0 && accepted === ids.length
}

const tally = (values: readonly number[]) =>
  Object.fromEntries([...new Set(values)].map((one) => [one, values.filter((value) => value === one).length]))

test('what the document calls valid is accepted, all of it', async (t) => {
  const it = await listening(t)
  const headers = [
    ['Host', 'a'],
    ['x-headgate-key', 'shop-key'],
    ['Content-Type', 'application/json'],
  ] as const
  for (const { operationId, method, path, body, answers } of operations) {
    const schema = body['application/json']?.schema
    if (schema === undefined || answers['202'] === undefined) continue
    const property = fc.asyncProperty(described(schema), async (value) => {
      const request = {
        direct: true,
        method,
        target: path,
        headers,
        body: { text: JSON.stringify(value), ...asItIs },
      }
      const answer = await exchangeBytes(it.port, render(request, nextId).bytes)
      const { accepted, rejected } = JSON.parse(`${answer?.body}`)
      if (answer?.status !== 202 || accepted === 0 || rejected.length > 0)
        throw new Error(`${answer?.status} ${answer?.body}`)
    })
    await fc.assert(property, { numRuns: RUNS, seed: SEED })
    t.pass(operationId)
  }
  t.equal((await it.close()).unaccounted, 0)
})

test('under limits that are always met, the same holds', async (t) => {
  const it = await listening(
    t,
    { limits: { address: { requestsPerSecond: 20, burst: 20 } } },
    { requestsPerSecond: 10, burst: 10, bytesPerSecond: 5_000 },
    REQUEST_BYTES + 300,
  )
  const exchanges: FuzzExchange[] = []
  for (const operation of operations) exchanges.push(...(await fuzz(operation, target(it.port))))
  t.comment(JSON.stringify(tally(exchanges.map(({ answer }) => answer?.status ?? 0))))
  const { received, accepted, rejected, unaccounted } = await it.close()
  t.equal(received, accepted + Object.values(rejected).reduce((sum, count) => sum + count, 0))
  t.equal(unaccounted, 0)
})
