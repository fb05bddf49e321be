import { test } from 'tap'
import { isProbe, probeRoutes } from '../../../src/http/operations/probes.ts'
import { answerWithProblems } from '../../../src/http/problems.ts'
import { createServer } from '../../../src/http/server.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'

async function start(t: { teardown(f: () => unknown): void }, ready: () => boolean | string) {
  const { log } = quietTelemetry()
  const app = createServer([], log)
  t.teardown(() => app.close())
  answerWithProblems(app, log)
  await app.register(probeRoutes, { ready })
  return app
}

test('a process that answers is alive, ready or not', async (t) => {
  const app = await start(t, () => false)
  const answer = await app.inject('/livez')
  t.equal(answer.statusCode, 200)
  t.same(answer.json(), { status: 'alive' })
})

test('readiness', async (t) => {
  for (const [ready, status, detail] of [
    [true, 200, undefined],
    [false, 503, 'This instance is not ready.'],
    ['The journal is being recovered.', 503, 'The journal is being recovered.'],
  ] as const) {
    const app = await start(t, () => ready)
    const answer = await app.inject('/readyz')
    t.equal(answer.statusCode, status)
    t.equal(answer.json().detail, detail)
  }
})

test('probes are known by their exact path', async (t) => {
  t.ok(isProbe('/livez') && isProbe('/readyz'))
  t.notOk(isProbe('/livez/../v1/events') || isProbe('/v1/events'))
})
