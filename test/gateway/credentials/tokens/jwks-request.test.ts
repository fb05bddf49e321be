import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { globalAgent } from 'node:https'
import { type Test, test } from 'tap'
import { MAX_JWKS_BYTES, requestJwks } from '../../../../src/gateway/credentials/tokens/jwks-request.ts'
import { startIssuer } from '../../../fakes/credentials/issuer.ts'
import { signingKey } from '../../../fakes/credentials/jws.ts'
import {
  basicConstraints,
  certificateSigning,
  forLoopback,
  issueCertificate,
} from '../../../fakes/credentials/x509.ts'

const never = () => new AbortController().signal
const key = signingKey('k1')

test('a key set is fetched as JSON', async (t) => {
  const issuer = await startIssuer(t)
  issuer.publish(key)
  t.same(await requestJwks(issuer.jwksUri, never()), { keys: [key.jwk] })
})

test('whatever else an issuer answers is a failure, and no redirect is followed', async (t) => {
  const issuer = await startIssuer(t)
  const other = await startIssuer(t)
  other.publish(key)
  for (const [rule, status, headers, body] of [
    ['a redirect to where there are keys', 302, { location: other.jwksUri }, ''],
    ['a permanent redirect', 308, { location: other.jwksUri }, ''],
    ['an error', 500, {}, '{"keys":[]}'],
    ['nothing new', 304, {}, ''],
    ['no content', 204, {}, ''],
    ['no JSON', 200, {}, '<html>'],
    ['half an answer', 200, { 'content-length': 100 }, '{"keys":'],
    ['an answer that only inflates to something', 200, { 'content-encoding': 'gzip' }, '\x1f\x8b'],
    ['more than 256 KiB', 200, {}, `{"keys":"${'k'.repeat(MAX_JWKS_BYTES)}"}`],
  ] as const) {
    issuer.answer((response) => {
      response.writeHead(status, headers)
      response.write(body)
      if ('content-length' in headers) response.destroy()
      else response.end()
    })
    await t.rejects(requestJwks(issuer.jwksUri, never()), { code: 'issuer_unavailable' }, rule)
  }
  t.equal(other.fetches(), 0)
})

test('an address that is not allowed is not asked, nobody waits for one that says nothing', async (t) => {
  const issuer = await startIssuer(t)
  await t.rejects(requestJwks('http://login.example.com/jwks', never()), {
    message: 'Keys are fetched by https only.',
  })
  const aborting = new AbortController()
  issuer.answer(() => aborting.abort())
  await t.rejects(requestJwks(issuer.jwksUri, aborting.signal), { code: 'issuer_unavailable' })
  issuer.answer((response) => response.write('{"keys":'))
  await t.rejects(
    requestJwks(issuer.jwksUri, never()),
    { code: 'issuer_unavailable', cause: { message: 'aborted' } },
    'after two seconds, though it began to answer',
  )
  await issuer.stop()
  await t.rejects(requestJwks(issuer.jwksUri, never()), { cause: { code: 'ECONNREFUSED' } })
})

test('https is believed when its certificate is', async (t) => {
  const { ca, tls } = ownAuthority()
  const issuer = await startIssuer(t, tls)
  issuer.publish(key)
  await t.rejects(requestJwks(issuer.jwksUri, never()), {
    code: 'issuer_unavailable',
    cause: { code: /SELF_SIGNED|UNABLE_TO_VERIFY/ },
  })
  t.equal(issuer.fetches(), 0)
  trust(t, ca)
  t.same(await requestJwks(issuer.jwksUri, never()), { keys: [key.jwk] })
})

/** A server of a certificate authority that nobody knows yet. */
function ownAuthority() {
  const ca = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issued = (subject: string, publicKey: KeyObject, ...extensions: Buffer[]) =>
    issueCertificate({
      ...{ subject, publicKey, issuer: 'ca', issuerKey: ca.privateKey, extensions },
      fromMs: Date.now() - 60_000,
      toMs: Date.now() + 600_000,
    }).toString()
  return {
    ca: issued('ca', ca.publicKey, basicConstraints(true), certificateSigning),
    tls: {
      key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      cert: issued('issuer', server.publicKey, basicConstraints(false), forLoopback),
    },
  }
}

/** As an operator does it with NODE_EXTRA_CA_CERTS. */
function trust(t: Test, ca: string): void {
  globalAgent.options.ca = ca
  t.teardown(() => {
    globalAgent.options.ca = undefined
  })
}
