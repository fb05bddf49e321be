import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { buildAggregation } from '../../src/aggregation/aggregation-app.ts'
import { aggregationState } from '../../src/aggregation/serve/pipeline.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { createTelemetry } from '../../src/std/telemetry.ts'
import { aggregation, GRAIN, MIN, never, T0 } from '../fakes/aggregation/aggregation.ts'
import { noErasures } from '../fakes/aggregation/erasures.ts'
import { emptyExplorer } from '../fakes/aggregation/explorer.ts'
import { importsHere } from '../fakes/aggregation/imports.ts'
import { queriesHere } from '../fakes/aggregation/queries.ts'
import { sha256, someApps } from '../fakes/gateway.ts'
import { header } from '../fakes/raw-http.ts'
import { reconciliation } from '../fakes/reconciliation.ts'
import { type Operation, operationsOf } from './contract.ts'
import { type FuzzExchange, type FuzzTarget, fuzz } from './fuzz.ts'
import type { FuzzIdentity } from './requests.ts'
import { SECRET } from './values.ts'

const operations = operationsOf('openapi/aggregation.json')
const tokens = [
  { name: 'ops', sha256: sha256('ops'), scopes: ['read', 'run', 'write', 'events', 'erase'] },
  { name: 'viewer', sha256: sha256('viewer'), scopes: ['read'] },
  { name: 'runner', sha256: sha256('runner'), scopes: ['run'] },
  { name: 'of-blog', sha256: sha256('of-blog'), scopes: ['read', 'run'], apps: ['blog'] },
]

const objectives = [
  { id: 'fast', app: 'shop', metric: 'browser.web_vital.lcp', at: 2, share: 0.5, window: '1h', set: 'route' },
  { id: 'whole', app: 'shop', metric: 'browser.web_vital.lcp', at: 2, share: 0.5, window: '1h' },
]

const alerts = [
  { id: 'slow', app: 'shop', metric: 'browser.web_vital.lcp', when: 'p75 > 1', for: '1 of 2' },
  { id: 'burning', app: 'shop', metric: 'browser.web_vital.lcp', when: 'burn(15m) > 1' },
]

const bearer = (value: string): FuzzIdentity => ({ headers: [['Authorization', value]], query: [] })
const identities: readonly FuzzIdentity[] = [
  ...Array<FuzzIdentity>(20).fill(bearer('Bearer ops')),
  ...[
    'Bearer viewer',
    'bearer  runner',
    'Bearer of-blog',
    `Bearer ${SECRET}`,
    'Basic b3BzOg==',
    'ops',
    '',
  ].map(bearer),
  { headers: [], query: [] },
  { headers: [], query: [['access_token', 'ops']] },
  {
    headers: [
      ['Authorization', 'Bearer ops'],
      ['Authorization', `Bearer ${SECRET}`],
    ],
    query: [],
  },
]

/** The private side as a whole, with a run behind it and time standing still. */
async function listening(t: Test) {
  const it = await aggregation(t)
  const runs = await it.open()
  it.deliver(T0, [1, 2, 3])
  it.clock.advance(GRAIN + 2 * MIN)
  await runs.tick(never)
  await runs.work(never)
  const logLines: string[] = []
  const { log, metrics } = createTelemetry('debug', { write: (line) => logLines.push(line) })
  const config = parseConfig({ aggregation: { tokens, objectives, alerts }, apps: someApps }, {})
  // Releases are asked of a set that has values.
  const definitions = it.options().definitions.map((definition) => ({
    ...definition,
    sets: [...definition.sets, { name: 'release', dimensions: ['app_version' as const] }],
  }))
  const app = await buildAggregation(config.aggregation, {
    listener: {
      log,
      ready: () => true,
      operations: { metrics: async () => metrics, balance: async () => reconciliation() },
    },
    clock: it.clock,
    explorer: emptyExplorer,
    queries: queriesHere({ ...it, definitions }),
    definitions,
    runs,
    lakeWork: { imports: importsHere(t).imports, erasures: noErasures },
    apps: () => ['shop', 'blog'],
    gateway: () => ({ host: '127.0.0.1', port: 21_280 }),
    pipeline: {
      firstEventMs: () => undefined,
      lackingRows: () => new Map(),
      state: async () => ({
        gateway: null,
        aggregation: { ...aggregationState([], { nowMs: T0, graceMs: 0, tickMs: 0 }), notIngested: 0 },
      }),
    },
  })
  t.teardown(() => app.close())
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  for (let i = 0; i < 5; i++) await runs.submit({ at: T0 }, 'ops')
  const runIds = (await runs.list({ limit: 10 })).map(({ id }) => id)
  return { ...it, runs, port, logLines, runIds }
}

/** Pages of other origins learn nothing, and nobody frames or shares what is here. */
function* isolationFaults({ answer }: FuzzExchange): Iterable<string> {
  if (answer === undefined || header(answer, 'connection') === 'close') return
  if (header(answer, 'access-control-allow-origin') !== undefined) yield 'CORS'
  if (!header(answer, 'content-security-policy')?.includes("frame-ancestors 'none'")) yield 'no CSP'
}

/** The operation, with ids and names that are there. */
const acquainted = (operation: Operation, known: Readonly<Record<string, readonly string[]>>): Operation => ({
  ...operation,
  parameters: operation.parameters.map((parameter) => ({ ...parameter, known: known[parameter.name] })),
})

test('whatever is sent to the private side is answered as documented', async (t) => {
  const it = await listening(t)
  const target: FuzzTarget = {
    port: it.port,
    origins: ['https://evil.example'],
    identities,
    faultsOf: isolationFaults,
    operations,
  }
  const statuses: number[] = []
  for (const operation of operations) {
    const exchanges = await fuzz(acquainted(operation, knownOf(it.runIds)), target)
    statuses.push(...exchanges.map(({ answer }) => answer?.status ?? 0))
    t.ok(
      exchanges.some(({ answer }) => answer !== undefined && answer.status < 300),
      `${operation.operationId} was reached`,
    )
  }
  t.comment(
    JSON.stringify(
      Object.fromEntries(
        [...new Set(statuses)].map((one) => [one, statuses.filter((value) => value === one).length]),
      ),
    ),
  )
  await it.runs.work(never)
  const states = new Set((await it.runs.list({ limit: 1_000 })).map(({ state }) => state))
  t.same(
    [...states].filter((state) => !['succeeded', 'cancelled', 'failed'].includes(state)),
    [],
    'every run ends',
  )
  t.notMatch(it.logLines.join(''), SECRET, 'the log repeats nothing')
  t.same(
    it.logLines.filter((line) => /"level":[56]0/.test(line)),
    [],
    'and has nothing to complain of',
  )
  t.notOk('polluted' in {})
})

const FROM = ['0', `${T0}`, '2026-11-22T11:00:00Z', '2026-11-22']
const TO = [`${T0 + GRAIN}`, '2026-11-23', '253402300799999', '8640000000000000']

const knownOf = (runIds: readonly string[]) => ({
  id: [...runIds, 'fast', 'slow'],
  app: ['shop', 'blog'],
  name: ['before'],
  metric: ['browser.web_vital.lcp'],
  set: ['app', 'release'],
  rollup: ['vitals'],
  sets: ['app', 'app,app'],
  ...{ from: FROM, 'base.from': FROM, to: TO, 'base.to': TO },
  // Of two ranges few would be right by chance.
  ...{ 'a.from': [`${T0}`], 'a.to': [`${T0 + GRAIN}`], 'b.from': [`${T0}`], 'b.to': ['2026-11-23'] },
  ...{ 'a.set': ['app'], 'a.value': [''], 'b.set': ['app'], 'b.value': [''], at: ['0', '2500', '0.1'] },
  step: ['15m', '1h', '1d', '7m'],
  tz: ['UTC', 'Europe/Berlin', 'Pacific/Apia', 'America/New_York', '+25:00', 'Etc/Unknown'],
  q: ['0.5', '0.5,0.75,0.999999', '1', '.1'],
  limit: ['1', '100', '101', '0'],
})
