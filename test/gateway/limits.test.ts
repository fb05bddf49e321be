import type { AddressInfo } from 'node:net'
import { test } from 'tap'
import { parseConfig } from '../../src/config.ts'
import { MAX_EVENT_BYTES } from '../../src/event/verdict.ts'
import { MAX_BEACON_BYTES, MAX_PIXEL_URL_BYTES, MAX_WIRE_BYTES } from '../../src/gateway/collect/body.ts'
import { MAX_INFLATED_BYTES, RATIO_ALARM } from '../../src/gateway/collect/inflate.ts'
import { MAX_EVENTS_PER_REQUEST } from '../../src/gateway/collect/verdicts.ts'
import { CORS_MAX_AGE_SECONDS } from '../../src/http/cors.ts'
import { RETRY_AFTER_MAX_MS, RETRY_AFTER_MIN_MS } from '../../src/http/problems.ts'
import * as server from '../../src/http/server.ts'
import { startGateway } from '../fakes/gateway.ts'

const [KIB, MIB, SECOND_MS] = [1_024, 1_048_576, 1_000]

test('the numbers of the design', async (t) => {
  for (const [what, actual, designed] of [
    ['body on the wire', MAX_WIRE_BYTES, MIB],
    ['body inflated', MAX_INFLATED_BYTES, 4 * MIB],
    ['ratio alarm', RATIO_ALARM, 20],
    ['beacon', MAX_BEACON_BYTES, 64 * KIB],
    ['pixel URL', MAX_PIXEL_URL_BYTES, 8 * KIB],
    ['events a request', MAX_EVENTS_PER_REQUEST, 500],
    ['an event', MAX_EVENT_BYTES, 64 * KIB],
    ['header time', server.HEADERS_TIMEOUT_MS, 10 * SECOND_MS],
    ['request time', server.REQUEST_TIMEOUT_MS, 25 * SECOND_MS],
    ['how often both are looked after', server.CONNECTIONS_CHECK_MS, SECOND_MS],
    ['keep-alive', server.KEEP_ALIVE_TIMEOUT_MS, 72 * SECOND_MS],
    ['headers', server.MAX_HEADER_BYTES, 64 * KIB],
    ['path parameter', server.MAX_PARAM_LENGTH, 512],
    ['preflight cache', CORS_MAX_AGE_SECONDS, 7_200],
    ['503 Retry-After, least', RETRY_AFTER_MIN_MS, 5 * SECOND_MS],
    ['503 Retry-After, most', RETRY_AFTER_MAX_MS, 30 * SECOND_MS],
  ] as const) {
    t.equal(actual, designed, what)
  }
})

test('the quotas are on without being asked for', async (t) => {
  const { gateway, apps } = parseConfig({ apps: [{ id: 'shop' }] }, {})
  t.same(gateway.limits, { address: { requestsPerSecond: 50, burst: 200 }, inflightBytes: 64 * MIB })
  t.match(apps[0]?.limits, { requestsPerSecond: 500, burst: 1_000, bytesPerSecond: 5 * MIB })
})

test('a listening server has these timeouts', async (t) => {
  const { app } = await startGateway(t)
  await app.listen({ port: 0 })
  t.ok((app.server.address() as AddressInfo).port > 0)
  t.equal(app.server.headersTimeout, server.HEADERS_TIMEOUT_MS)
  t.equal(app.server.requestTimeout, server.REQUEST_TIMEOUT_MS)
  t.equal(app.server.keepAliveTimeout, server.KEEP_ALIVE_TIMEOUT_MS)
})
