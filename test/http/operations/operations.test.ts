import { Counter } from 'prom-client'
import { test } from 'tap'
import { createAuth } from '../../../src/http/auth.ts'
import { operationsRoutes } from '../../../src/http/operations/operations.ts'
import { answerWithProblems } from '../../../src/http/problems.ts'
import type { GatewayBalance } from '../../../src/http/reconciliation.ts'
import { createServer } from '../../../src/http/server.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { sha256 } from '../../fakes/gateway.ts'
import { reconciliation } from '../../fakes/reconciliation.ts'

async function start(
  t: { teardown(f: () => unknown): void },
  auth?: ReturnType<typeof createAuth>,
  known: GatewayBalance | null = reconciliation(),
) {
  const { log, metrics } = quietTelemetry()
  new Counter({ name: 'headgate_things_total', help: 'Things.', registers: [metrics] }).inc(3)
  const app = createServer([], log)
  t.teardown(() => app.close())
  answerWithProblems(app, log)
  await app.register(operationsRoutes, { metrics: async () => metrics, balance: async () => known, auth })
  return app
}

test('metrics are Prometheus text, and the books are JSON, all of them', async (t) => {
  const app = await start(t)
  const metrics = await app.inject('/metrics')
  t.equal(metrics.statusCode, 200)
  t.match(metrics.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  t.match(metrics.body, /^headgate_things_total 3$/m)
  const reconcile = await app.inject('/reconcile')
  t.same(reconcile.json(), reconciliation())
  t.equal(reconcile.headers['cache-control'], 'no-store')
})

test('where no gateway is known, there are no books', async (t) => {
  const app = await start(t, undefined, null)
  const answer = await app.inject('/reconcile')
  t.equal(answer.statusCode, 404)
  t.match(answer.json(), { code: 'not_found', detail: /gatewayUrl/ })
})

test('where tokens are configured, both need one with the scope read', async (t) => {
  const token = (name: string, scopes: ('read' | 'run')[]) => ({ name, sha256: sha256(name), scopes })
  const limited = { ...token('limited', ['read']), apps: ['shop'] }
  const app = await start(t, createAuth([token('reader', ['read']), token('runner', ['run']), limited]))
  for (const url of ['/metrics', '/reconcile']) {
    t.equal((await app.inject(url)).statusCode, 401)
    t.equal((await app.inject(`${url}?token=reader`)).statusCode, 401, 'a token in a URL is none')
    const as = (name: string) => app.inject({ url, headers: { authorization: `Bearer ${name}` } })
    t.equal((await as('runner')).statusCode, 403)
    t.match((await as('limited')).json(), { status: 403, code: 'app_not_in_token', detail: /all apps/ })
    t.equal((await as('reader')).statusCode, 200)
  }
})
