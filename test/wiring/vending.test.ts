import { generateKeyPairSync } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import { type Test, test } from 'tap'
import { parseConfig } from '../../src/config/parse.ts'
import { createRegistry } from '../../src/gateway/apps/registry.ts'
import { systemClock } from '../../src/std/clock.ts'
import { createTelemetry } from '../../src/std/telemetry.ts'
import { wireGateway } from '../../src/wiring/gateway.ts'
import { openLake } from '../../src/wiring/open-lake.ts'
import { wireVending } from '../../src/wiring/vending.ts'
import { startSts } from '../fakes/aws/sts.ts'
import { startIssuer } from '../fakes/credentials/issuer.ts'
import { signed, signingKey } from '../fakes/credentials/jws.ts'
import { credentialsOf, REGION, SUBJECT_KEY } from '../fakes/credentials/vending.ts'
import { seededEntropy } from '../fakes/entropy.ts'
import { withEnvironment } from '../fakes/environment.ts'
import { sha256 } from '../fakes/gateway.ts'
import { until } from '../fakes/process/process.ts'

const audience = 'https://beacons.example.com'

const KEYS = { AWS_ACCESS_KEY_ID: 'AKIAGATEWAY', AWS_SECRET_ACCESS_KEY: 'secret' }

async function systemOf(config: ReturnType<typeof parseConfig>, env: Readonly<Record<string, string>>) {
  const telemetry = createTelemetry('error', { write: () => {} })
  const lake = await openLake(config, systemClock)
  return { clock: systemClock, entropy: seededEntropy(), telemetry, lake, env }
}

async function started(t: Test, credentials: object = {}, env: Readonly<Record<string, string>> = {}) {
  withEnvironment(t, KEYS)
  const [sts, idp, key] = [await startSts(t), await startIssuer(t), signingKey('ec')]
  idp.publish(key)
  const issuer = { issuer: idp.url, audience, jwksUri: idp.jwksUri }
  const file = {
    dataDir: t.testdir(),
    aws: { region: REGION, endpoint: 'http://127.0.0.1:1' },
    gateway: { credentials: { endpoint: sts.endpoint, subjectKeyEnv: 'SUBJECT_KEY', ...credentials } },
    apps: [
      {
        id: 'ios',
        keys: [{ sha256: sha256('ios-key') }],
        credentials: credentialsOf('ios', { issuers: [issuer] }),
      },
    ],
  }
  const config = parseConfig(file, {})
  const iat = Math.floor(Date.now() / 1_000)
  const token = signed(
    { alg: 'ES256', kid: 'ec' },
    { iss: idp.url, aud: audience, sub: 'anna', iat, exp: iat + 600 },
    key,
  )
  const wire = async () =>
    wireVending(config, createRegistry(config.apps), {
      ...(await systemOf(config, { SUBJECT_KEY, ...env })),
      workers: 1,
    })
  const ask = {
    route: 'credentials',
    app: 'ios',
    key: 'ios-key',
    authorization: `Bearer ${token}`,
    origin: undefined,
    address: '127.0.0.1',
  } as const
  return { sts, idp, config, file, wire, ask }
}

test('with a role, an issuer and its secrets a gateway vends, by keys that it has fetched before', async (t) => {
  const recordKey = JSON.stringify({
    ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }),
    kid: 'r',
  })
  const { sts, idp, wire, ask } = await started(t, { recordKeyEnv: 'RECORD_KEY' }, { RECORD_KEY: recordKey })
  const vending = await wire()
  t.equal(idp.fetches(), 1)
  await idp.stop()
  const issued = await vending.credentials.issue(ask)
  t.equal(issued.session.accessKeyId, 'ASIAEXAMPLE000000001')
  t.equal(decodeProtectedHeader(issued.recordToken ?? '').kid, 'r')
  await vending.credentials.issue({ ...ask, durationSeconds: 900 })
  t.equal(sts.calls.length, 2)
  t.match(sts.calls[0]?.headers.authorization, /Credential=AKIAGATEWAY\/\d+\/eu-west-1\/sts/)
  await vending.close()
})

test('a secret that is not there is a fault at the start, named by its variable', async (t) => {
  const { wire } = await started(t, { recordKeyEnv: 'RECORD_KEY' }, { RECORD_KEY: '' })
  await t.rejects(wire(), {
    code: 'bad_configuration',
    message: 'The variable RECORD_KEY, which holds a secret, is not set',
  })
  const short = await started(t, { subjectKeyEnv: 'SHORT' }, { SHORT: 'PlantedShort' })
  await t.rejects(short.wire(), { code: 'bad_configuration', message: /at least 32 characters$/ })
})

test('processes with one subject key take the challenges of each other, others do not', async (t) => {
  const { wire } = await started(t)
  const other = await started(t, {}, { SUBJECT_KEY: `${SUBJECT_KEY}.` })
  const vendings = [await wire(), await wire(), await other.wire()]
  const attestations = vendings.map(({ credentials }) => credentials.attestation)
  const app = { id: 'ios', attestation: { appAttest: { appId: 'A.b', environment: 'production' } } } as const
  const { challenge } = attestations[0]!.challenge(app, 'app-attest')
  const claim = { kind: 'app-attest', challenge, token: 'x', keyId: 'x' } as const
  const reasons = await Promise.all(
    attestations.map((attestation) =>
      attestation
        .check(claim, { app, subject: 'anna', streams: [] }, new AbortController().signal)
        .catch(({ details }) => details.reason),
    ),
  )
  t.same(reasons, ['malformed', 'malformed', 'challenge'])
  await Promise.all(vendings.map((vending) => vending.close()))
})

test('a gateway that never vends needs no secret, loads no SDK and closes', async (t) => {
  const config = parseConfig({ dataDir: t.testdir(), aws: { endpoint: 'http://127.0.0.1:1' } }, {})
  const system = await systemOf(config, {})
  const vending = await wireVending(config, createRegistry([]), { ...system, workers: 1 })
  await t.rejects(
    vending.credentials.issue({
      ...{ route: 'credentials', app: 'ios', key: 'k', authorization: undefined },
      ...{ origin: undefined, address: '127.0.0.1' },
    }),
    { code: 'invalid_client' },
  )
  await vending.close()
})

test('a reload of the whole gateway takes the apps or leaves all as it was, and fetches the keys of new issuers', async (t) => {
  const { config, file, ask } = await started(t)
  const gateway = await wireGateway(config, await systemOf(config, { SUBJECT_KEY }))
  t.equal((await gateway.credentials.issue(ask)).app.id, 'ios')
  const off = { ...file.apps[0], credentials: { ...file.apps[0]?.credentials, enabled: false } }
  gateway.reload(parseConfig({ ...file, apps: [off] }, {}).apps)
  await t.rejects(gateway.credentials.issue(ask), { code: 'app_disabled' })
  gateway.reload(config.apps)
  t.equal((await gateway.credentials.issue(ask)).app.id, 'ios')
  const next = await startIssuer(t)
  const moved = credentialsOf('ios', { issuers: [{ issuer: next.url, audience, jwksUri: next.jwksUri }] })
  gateway.reload(parseConfig({ ...file, apps: [{ ...file.apps[0], credentials: moved }] }, {}).apps)
  t.equal(await until('a fetch of the new keys', async () => next.fetches() || undefined), 1)
  await t.rejects(gateway.credentials.issue(ask), { code: 'invalid_token' })
  await gateway.close(1_000)

  const without = parseConfig({ dataDir: t.testdir(), apps: [{ id: 'ios', keys: file.apps[0]?.keys }] }, {})
  const plain = await wireGateway(without, await systemOf(without, {}))
  t.throws(() => plain.reload(config.apps), { code: 'bad_configuration', message: /subjectKeyEnv/ })
  await t.rejects(plain.credentials.issue(ask), { code: 'app_disabled' })
  await plain.close(1_000)
})
