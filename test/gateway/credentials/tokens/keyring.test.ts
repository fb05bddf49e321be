import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type Test, test } from 'tap'
import { createKeyring } from '../../../../src/gateway/credentials/tokens/keyring.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { startIssuer } from '../../../fakes/credentials/issuer.ts'
import { signingKey } from '../../../fakes/credentials/jws.ts'

async function start(t: Test) {
  const lines: (Record<string, unknown> & { msg: string; issuer: string; level: number })[] = []
  const telemetry = createTelemetry('info', { write: (line) => lines.push(JSON.parse(line)) })
  const clock = fakeClock()
  const keyring = createKeyring({ clock, telemetry })
  t.teardown(() => keyring.close())
  const one = await startIssuer(t)
  const two = await startIssuer(t)
  one.publish(signingKey('k1'))
  two.publish(signingKey('k2'))
  const issuerOf = ({ jwksUri }: { jwksUri: string }, issuer: string) => ({
    issuer,
    audience: 'gateway',
    jwksUri,
  })
  return {
    ...{ keyring, clock, one, two, lines },
    first: issuerOf(one, 'https://one'),
    second: issuerOf(two, 'https://two'),
    metrics: async (name: string) =>
      (await telemetry.metrics.metrics()).split('\n').filter((line) => line.startsWith(name)),
  }
}

test('keys are fetched at the start, once for all apps that name the issuer, and their age is known', async (t) => {
  const { keyring, clock, first, second, one, two, metrics } = await start(t)
  await keyring.prefetch([first, { ...first, audience: 'other' }, second])
  t.same([one.fetches(), two.fetches()], [1, 1])
  t.same(keyring.missing(), [])
  clock.advance(90_000)
  t.same(await metrics('headgate_jwks_age_seconds'), [
    'headgate_jwks_age_seconds{issuer="https://one"} 90',
    'headgate_jwks_age_seconds{issuer="https://two"} 90',
  ])
  t.same(await metrics('headgate_jwks_fetches_total'), [
    'headgate_jwks_fetches_total{issuer="https://one",result="fetched"} 1',
    'headgate_jwks_fetches_total{issuer="https://two",result="fetched"} 1',
  ])
})

test('an issuer out of reach is a hint and a line in the log, not a failure to start', async (t) => {
  const { keyring, clock, first, second, two, lines, metrics } = await start(t)
  await two.stop()
  await keyring.prefetch([first, second])
  t.same(keyring.missing(), ['https://two'])
  t.same(await metrics('headgate_jwks_age_seconds'), ['headgate_jwks_age_seconds{issuer="https://one"} 0'])
  clock.advance(5_000)
  await keyring.of(second).fetch()
  await two.restart()
  await keyring.of(second).fetch()
  t.same(keyring.missing(), [])
  t.same(
    lines.map(({ level, issuer, msg }) => [level, issuer, msg]),
    [
      [40, 'https://two', 'the keys of an issuer cannot be fetched'],
      [30, 'https://two', 'the keys of an issuer can be fetched again'],
    ],
    'once when it begins, once when it ends',
  )
  t.same(
    (await metrics('headgate_jwks_fetches_total')).filter((line) => line.includes('two')),
    [
      'headgate_jwks_fetches_total{issuer="https://two",result="failed"} 2',
      'headgate_jwks_fetches_total{issuer="https://two",result="fetched"} 1',
    ],
  )
})

test('a reload fetches anew what is still listed, and forgets what is not', async (t) => {
  const { keyring, first, second, one, two, metrics } = await start(t)
  await keyring.prefetch([first, second])
  const before = keyring.of(first)
  await keyring.prefetch([first])
  t.equal(keyring.of(first), before)
  t.same([one.fetches(), two.fetches()], [2, 1])
  t.same(await metrics('headgate_jwks_age_seconds'), ['headgate_jwks_age_seconds{issuer="https://one"} 0'])
  await keyring.prefetch([{ ...first, jwksUri: two.jwksUri }])
  t.not(keyring.of({ ...first, jwksUri: two.jwksUri }), before, 'another address, other keys')
  t.equal(two.fetches(), 2)
})

test('of an issuer out of reach one line says whose tokens it issues, what happened, and what is done meanwhile', async (t) => {
  const refused = { why: /^The keys could not be fetched: nothing listens at its jwksUri \(ECONNREFUSED\)$/ }
  const unknown = {
    meanwhile:
      /^Its tokens are refused: no key is known\. They are fetched again when .* after 30 s at the latest\.$/,
  }
  {
    const { keyring, first, one, lines } = await start(t)
    await one.stop()
    await keyring.prefetch([
      { ...first, app: 'shop' },
      { ...first, audience: 'other', app: 'shop' },
      { ...first, audience: 'other', app: 'lab' },
    ])
    t.equal(lines.length, 1)
    t.match(lines[0], {
      issuer: 'https://one',
      apps: ['shop', 'lab'],
      code: 'issuer_unavailable',
      ...refused,
      ...unknown,
    })
    t.notOk('err' in Object(lines[0]), 'and no stack')
  }
  for (const [advanceMs, left] of [
    [0, '24 h'],
    [85_800_000, '10 min'],
    [90_000_000, '0 min'],
  ] as const) {
    const { keyring, clock, first, one, lines } = await start(t)
    await keyring.prefetch([{ ...first, app: 'shop' }])
    clock.advance(advanceMs)
    await one.stop()
    await keyring.of(first).fetch()
    t.match(lines[0], {
      why: /^The keys could not be fetched: .* \(E[A-Z]+\)$/,
      meanwhile: new RegExp(`^Its tokens are checked by the keys that are known, for ${left} more\\.`),
    })
  }
  {
    const { keyring, first, lines } = await start(t)
    const stranger = createServer((socket) => void socket.end('no HTTP\r\n\r\n')).listen(0, '127.0.0.1')
    t.teardown(() => stranger.close())
    await once(stranger, 'listening')
    const { port } = stranger.address() as AddressInfo
    await keyring.prefetch([{ ...first, jwksUri: `http://127.0.0.1:${port}/keys` }])
    t.match(lines[0], { why: /^The keys could not be fetched: Parse Error: .* \(HPE_[A-Z_]+\)$/, ...unknown })
  }
  const { keyring, first, one, lines } = await start(t)
  one.publish()
  await keyring.prefetch([first])
  t.match(lines[0], { apps: [], why: 'The issuer published no key that can be used.', ...unknown })
  lines.splice(0)
  await keyring.prefetch([
    { ...first, issuer: 'https://tls', jwksUri: first.jwksUri.replace('http:', 'https:') },
  ])
  t.match(lines[0], { why: /^The keys could not be fetched: .* \(E[A-Z_]+\)$/ }, 'what has no words of ours')
})
