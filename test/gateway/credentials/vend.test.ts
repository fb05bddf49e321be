import { Registry } from 'prom-client'
import { type Test, test } from 'tap'
import { parseConfig } from '../../../src/config/parse.ts'
import { createDirectory } from '../../../src/gateway/apps/vending-apps.ts'
import type { AuditFacts } from '../../../src/gateway/credentials/audit.ts'
import { createBreaker, OPEN_MS } from '../../../src/gateway/credentials/limits/circuit-breaker.ts'
import { createVendingLimits } from '../../../src/gateway/credentials/limits/vending-limits.ts'
import { createVendingMetrics } from '../../../src/gateway/credentials/metrics.ts'
import { createSessionVendor, type VendPermit } from '../../../src/gateway/credentials/vend.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { type StsFault, startSts } from '../../fakes/aws/sts.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { credentialsOf, REGION, sessionsAt } from '../../fakes/credentials/vending.ts'
import { seededEntropy } from '../../fakes/entropy.ts'

async function started(t: Test, limits: object = {}) {
  const clock = fakeClock()
  const sts = await startSts(t, clock.nowMs)
  const { apps, gateway } = parseConfig(
    {
      gateway: { credentials: { region: REGION, subjectKeyEnv: 'K', limits } },
      apps: ['ios', 'web'].map((id) => ({ id, credentials: credentialsOf(id) })),
    },
    {},
  )
  const directory = createDirectory(apps, REGION)
  const sessions = sessionsAt(sts, clock)(directory)
  t.teardown(() => sessions.close())
  const breaker = createBreaker(clock)
  const telemetry = { ...quietTelemetry(), metrics: new Registry() }
  const vendor = createSessionVendor({
    ...{ sts: sessions, breaker, clock, entropy: seededEntropy() },
    limits: createVendingLimits(gateway.credentials.limits, 1, clock),
    metrics: createVendingMetrics(telemetry, { brokenApps: breaker.openApps }),
  })
  const grantFor = (id: string, more: Partial<VendPermit> = {}): VendPermit => ({
    app: directory.byId(id)!,
    subjectHash: 'abcdefghijABCDEFGHIJ_-',
    durationSeconds: 3_600,
    notAfterMs: undefined,
    identity: `${id} somebody`,
    ...more,
  })
  const notes: AuditFacts[] = []
  const vend = (grant: VendPermit) => vendor.vend(grant, (facts) => notes.push(facts))
  return { clock, sts, telemetry, grantFor, vend, notes: () => Object.assign({}, ...notes) as AuditFacts }
}

const error = (code: string, status: number): StsFault => ({ kind: 'error', code, status })

test('a vend is a session of STS and its number, which the session carries as a tag', async (t) => {
  const { sts, clock, grantFor, vend, notes } = await started(t)
  const { vendId, session, expiresMs } = await vend(grantFor('ios'))
  t.equal(session.reveal().secretAccessKey, 'PlantedStsSecret/0001')
  t.equal(expiresMs, clock.nowMs() + 3_600_000)
  t.equal(sts.calls[0]?.params['Tags.member.2.Value'], vendId)
  t.match(notes(), {
    vendId,
    sessionName: 'headgate-ios-abcdefghijABCDEFGHIJ_-',
    policySha256: /^[0-9a-f]{64}$/,
  })
})

test('credentials that end early say so, and cannot do anything after', async (t) => {
  const { sts, clock, grantFor, vend } = await started(t)
  const notAfterMs = clock.nowMs() + 1_200_000
  t.equal((await vend(grantFor('ios', { notAfterMs }))).expiresMs, notAfterMs)
  const { Statement } = JSON.parse(sts.calls[0]?.params['Policy'] ?? '')
  t.same(Statement[0].Condition, { DateLessThan: { 'aws:CurrentTime': '2026-11-22T12:20:00Z' } })
})

test('who asks for the same at the same time gets the same; nobody else does, and nothing is kept', async (t) => {
  const { sts, grantFor, vend, notes } = await started(t)
  const keys = async (grants: readonly VendPermit[]) =>
    (await Promise.all(grants.map(vend))).map(({ session }) => session.accessKeyId)
  const [first, ...others] = await keys(Array(10).fill(grantFor('ios')))
  t.same(new Set(others), new Set([first]))
  t.equal(sts.calls.length, 1)
  t.match(notes(), { isJoined: true })
  t.not((await keys([grantFor('ios')]))[0], first, 'a later one is new')
  const distinct = [grantFor('ios'), grantFor('web'), grantFor('ios', { identity: 'ios somebody else' })]
  t.equal(new Set(await keys(distinct)).size, 3)
  const strangers = grantFor('ios', { identity: undefined })
  t.equal(new Set(await keys([strangers, strangers])).size, 2, 'two who may be anybody are two')
})

test('an answer that got lost is asked for once more, a refusal is not', async (t) => {
  const { sts, grantFor, vend, notes } = await started(t)
  sts.faults.push({ kind: 'reset' })
  t.equal((await vend(grantFor('ios'))).session.accessKeyId, 'ASIAEXAMPLE000000002')
  for (const [faults, code, message] of [
    [
      [error('InternalFailure', 500), error('InternalFailure', 500)],
      'sts_failed',
      'STS gave no credentials (transient).',
    ],
    [[error('Throttling', 400)], 'sts_throttled', 'STS takes no more calls for now.'],
    [[error('AccessDenied', 403)], 'sts_failed', 'STS gave no credentials (misconfigured).'],
  ] as const) {
    const before = sts.calls.length
    sts.faults.push(...faults)
    await t.rejects(vend(grantFor('ios')), { code, message })
    t.equal(sts.calls.length - before, faults.length, code)
    t.match(notes(), { stsStatus: faults[0].kind === 'error' ? faults[0].status : 0, stsRequestId: /^0{8}-/ })
  }
  t.match(notes(), { stsCode: 'AccessDenied', stsStatus: 403 })
})

test('what STS refuses for good opens the breaker of that app, which a session closes', async (t) => {
  const { sts, clock, telemetry, grantFor, vend } = await started(t)
  const open = async () =>
    (await telemetry.metrics.getSingleMetric('headgate_credentials_broken')?.get())?.values ?? []
  sts.outage = error('AccessDenied', 403)
  const refused = { code: 'sts_failed' }
  await t.rejects(vend(grantFor('ios')), refused)
  for (let i = 0; i < 20; i++) {
    await t.rejects(vend(grantFor('ios')), { ...refused, message: /somebody has to mend it/ })
  }
  t.equal(sts.calls.length, 1, 'STS is left alone')
  t.match(await open(), [{ labels: { app: 'ios' }, value: 1 }])
  sts.outage = undefined
  await vend(grantFor('web'))
  for (const [fault, calls] of [
    [error('InternalFailure', 500), 4],
    [error('Throttling', 400), 5],
  ] as const) {
    sts.outage = fault
    clock.advance(OPEN_MS)
    for (let i = 0; i < 20; i++) await t.rejects(vend(grantFor('ios')))
    t.equal(sts.calls.length, calls, 'what says nothing of the role')
  }
  sts.outage = undefined
  clock.advance(OPEN_MS)
  await vend(grantFor('ios'))
  await vend(grantFor('ios'))
  t.equal(sts.calls.length, 7)
  t.same(await open(), [])
})

test('threat 20: STS is asked no more often than the gateway may, whoever asks', async (t) => {
  const { sts, clock, grantFor, vend } = await started(t, { stsPerSecond: 2, stsBurst: 4 })
  const results = await Promise.allSettled(
    ['a', 'b', 'c', 'd', 'e'].map((identity) => vend(grantFor('ios', { identity }))),
  )
  t.same(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
  )
  t.match(results.at(-1), { reason: { code: 'vending_saturated', retryAfterMs: 500 } })
  t.equal(sts.calls.length, 4)
  clock.advance(500)
  await vend(grantFor('ios'))
  t.equal(sts.calls.length, 5)
})

test('the metrics tell how STS answers and how much room policies leave, of no subject', async (t) => {
  const { sts, telemetry, grantFor, vend } = await started(t)
  await vend(grantFor('ios', { notAfterMs: Date.UTC(2026, 10, 22, 12, 30) }))
  await vend(grantFor('ios'))
  sts.faults.push(error('Throttling', 400))
  await t.rejects(vend(grantFor('ios')), { code: 'sts_throttled' })
  const text = await telemetry.metrics.metrics()
  t.match(text, /headgate_sts_seconds_count\{outcome="minted"\} 2/)
  t.match(text, /headgate_sts_seconds_count\{outcome="throttled"\} 1/)
  t.match(text, /headgate_sts_packed_policy_percent 14/)
  t.notMatch(text, /abcdefghij|somebody/)
})
