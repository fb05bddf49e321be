import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'tap'
import {
  createRefusals,
  MAX_CLIENTS,
  MAX_LINES_A_MINUTE,
  MAX_SERIES,
  MAX_TOLD,
} from '../../../src/gateway/apps/refusals.ts'
import { PIPELINE_LIMITS } from '../../../src/http/pipelines.ts'
import { createTelemetry } from '../../../src/std/telemetry.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { lcp, startGateway } from '../../fakes/gateway.ts'
import { readAnswers, sendBytes } from '../../fakes/raw-http.ts'

function opened() {
  const lines: Record<string, unknown>[] = []
  const telemetry = createTelemetry('info', { write: (line) => lines.push(JSON.parse(line)) })
  const clock = fakeClock()
  const refusals = createRefusals(clock, telemetry)
  const series = async () =>
    ((await telemetry.metrics.getSingleMetric('headgate_refused_clients_total')?.get())?.values ?? []).map(
      ({ labels, value }) => [labels['app'], labels['code'], labels['from'], value],
    )
  return { lines, clock, refusals, series }
}

test('who is refused is known by what it says of itself, as far as that has the form of it', async (t) => {
  const gateway = await startGateway(t)
  const { clock } = gateway
  const firstMs = clock.nowMs()
  const post = (headers: Record<string, string>, url = '/v1/events') =>
    gateway.app.inject({ method: 'POST', url, headers, payload: lcp() })
  await post({ 'x-headgate-key': 'shop-key', origin: 'https://Evil.example' })
  clock.advance(1_000)
  await post({ 'x-headgate-key': 'shop-key', origin: 'https://Evil.example' })
  await post({ 'x-headgate-key': 'SECRET-KEY-OF-NOBODY' })
  await post({ 'x-api-key': 'ab\u007f' }, '/v1/events?key=abc')
  await gateway.app.inject({
    url: '/v1/pixel.gif?key=blog-key&name=a&value=1',
    headers: { 'sec-fetch-site': 'cross-site', referer: 'https://mirror.example/x?token=SECRET' },
  })
  await post({}, '/v1/events?key=SECRETS')
  await post({ 'x-headgate-key': 'hg_pub_7Gx4SECRETSECRETSECRETSE' })
  await post({ 'x-headgate-key': 'hg_pub_SEC' })
  await post({ origin: 'null' })
  await post({ origin: 'https://joe:pw@evil.example/?token=SECRET' })
  await post({ 'x-headgate-key': 'K'.repeat(257) })
  await post({})
  await post({ 'x-headgate-key': 'blog-key' }, '/nowhere')
  await gateway.app.inject({
    method: 'POST',
    url: '/v1/events',
    headers: { 'x-headgate-key': 'blog-key' },
    payload: '{',
  })
  const lastMs = clock.nowMs()
  const once = { requests: 1, firstMs: lastMs, lastMs }
  t.same(
    new Set(gateway.notes.refusals.top()),
    new Set([
      {
        app: 'shop',
        code: 'origin_not_allowed',
        origin: 'https://evil.example',
        requests: 2,
        firstMs,
        lastMs,
      },
      { code: 'unknown_key', keyPrefix: 'SECRET', ...once },
      { code: 'unknown_key', keyPrefix: 'a', ...once },
      { code: 'unknown_key', keyPrefix: 'SEC', ...once },
      { code: 'unknown_key', keyPrefix: 'hg_pub_7Gx4', ...once },
      { code: 'unknown_key', keyPrefix: 'hg_pub_S', ...once },
      { code: 'unknown_key', origin: '~odd', ...once, requests: 2 },
      { code: 'unknown_key', ...once, requests: 2 },
      { app: 'blog', code: 'origin_not_allowed', origin: 'https://mirror.example', ...once },
      { app: 'blog', code: 'not_found', ...once },
      { app: 'blog', code: 'malformed_body', ...once },
    ]),
  )
  t.equal(await gateway.metric('headgate_refused_clients_total', { from: 'https://evil.example' }), 2)
  t.equal(await gateway.metric('headgate_refused_clients_total', { from: 'key SECRET…', app: '~unknown' }), 1)
  t.equal(await gateway.metric('headgate_refused_clients_total', { from: '~none', app: 'blog' }), 2)
})

test('each is told in the log at once, and then once a minute with how often it was', async (t) => {
  const { lines, clock, refusals } = opened()
  const shop = { app: 'shop', code: 'origin_not_allowed', origin: 'https://evil.example' }
  refusals.note(shop)
  refusals.note(shop)
  clock.advance(59_999)
  refusals.note(shop)
  t.match(lines, [{ ...shop, requests: 1, msg: 'requests are refused' }])
  t.equal(lines.length, 1)
  clock.advance(1)
  refusals.note(shop)
  t.match(lines[1], { ...shop, requests: 3 }, 'those since the last line')
  t.equal(lines.length, 2)
})

test('a crowd takes neither memory, nor series, nor lines without end', async (t) => {
  const { lines, clock, refusals, series } = opened()
  for (let i = 0; i < MAX_CLIENTS * 3; i++) refusals.note({ code: 'unknown_key', keyPrefix: `k${i}` })
  t.equal(refusals.top().length, MAX_TOLD)
  t.equal(lines.length, MAX_LINES_A_MINUTE)
  const found = await series()
  t.equal(found.length, MAX_SERIES + 1)
  t.same(found.at(-1), ['~unknown', 'unknown_key', '~other', MAX_CLIENTS * 3 - MAX_SERIES])
  clock.advance(60_000)
  refusals.note({ code: 'unknown_key', keyPrefix: 'k0' })
  t.match(lines.at(-1), { keyPrefix: 'k0', requests: 1 }, 'the next minute has lines again')
})

test('made-up keys and origins push out nobody else, and of their own kind those that came once', async (t) => {
  const { lines, refusals, series } = opened()
  const [page, stray] = [
    { code: 'unknown_key', origin: 'https://shop.example' },
    { code: 'unknown_key', keyPrefix: 'stray' },
  ]
  const app = { app: 'shop', code: 'origin_not_allowed', origin: 'https://mirror.example' }
  const nothing = { code: 'unknown_key' }
  refusals.note(stray)
  refusals.note(stray)
  for (let i = 0; i < MAX_CLIENTS * 3; i++) refusals.note({ code: 'unknown_key', keyPrefix: `k${i}` })
  for (const each of [page, app, nothing]) refusals.note(each)
  for (let i = 0; i < MAX_CLIENTS * 3; i++) refusals.note({ code: 'unknown_key', keyPrefix: `l${i}` })
  const top = refusals.top()
  t.match(top[0], { ...stray, requests: 2 })
  for (const each of [page, app, nothing]) {
    t.ok(
      top.some((told) => isLike({ ...told }, each)),
      'it is told',
    )
    t.ok(
      lines.some((line) => isLike(line, each)),
      'and was logged',
    )
  }
  const [own, others] = [await series(), new Set(['https://shop.example', 'https://mirror.example', '~none'])]
  t.equal(own.filter(([, , from]) => others.has(String(from))).length, 3)
})

test('of clients that all came again, the one that came longest ago is forgotten', async (t) => {
  const { refusals } = opened()
  for (let i = 0; i <= MAX_CLIENTS; i++) {
    for (let times = 0; times < 2 + (i === 0 ? 5 : 0); times++)
      refusals.note({ code: 'c', keyPrefix: `k${i}` })
  }
  t.equal(refusals.top().length, MAX_TOLD)
  t.notOk(refusals.top().some(({ keyPrefix }) => keyPrefix === 'k0'))
})

test('whose good events could not be stored is told, however many others are refused', async (t) => {
  const { refusals } = opened()
  for (let i = 0; i < MAX_TOLD * 2; i++) {
    for (let times = 0; times < 2; times++) refusals.note({ app: 'shop', code: 'app_limit', origin: `o${i}` })
  }
  refusals.note({ app: 'shop', code: 'journal_full' })
  t.equal(refusals.top().length, MAX_TOLD)
  t.match(refusals.top().at(-1), { app: 'shop', code: 'journal_full', requests: 1 })
})

const isLike = (told: Readonly<Record<string, unknown>>, of: Readonly<Record<string, unknown>>): boolean =>
  ['app', 'origin', 'keyPrefix'].every((name) => told[name] === of[name])

test('one whose connection sends too much ahead is counted as well', async (t) => {
  const gateway = await startGateway(t)
  await gateway.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = gateway.app.server.address() as AddressInfo
  // So short that more than may wait are in the 64 KiB that are read at a time.
  const request = 'GET /livez HTTP/1.1\r\nHost:a\r\nX-Api-Key:shop-key\r\n\r\n'
  const flood = sendBytes(t, port, request.repeat(2 * PIPELINE_LIMITS.waiting))
  const statuses = readAnswers(await flood.closed).map(({ status }) => status)
  t.equal(statuses.at(-1), 429)
  t.equal(await gateway.metric('headgate_requests_refused_total', { code: 'address_limit' }), 1)
  t.match(gateway.notes.refusals.top(), [{ app: 'shop', code: 'address_limit', requests: 1 }])
})

test('who ends its side with its events gets the answer to them', async (t) => {
  const { app, journal } = await startGateway(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  let open = () => {}
  journal.gate = new Promise((resolve) => (open = resolve))
  const body = JSON.stringify(lcp())
  const request = `POST /v1/events HTTP/1.1\r\nHost: a\r\nX-Headgate-Key: shop-key\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const ended = once(app.server, 'connection').then(([socket]) => once(socket, 'end'))
  const sender = sendBytes(t, port, request.repeat(5))
  sender.end()
  await ended
  open()
  t.same(
    readAnswers(await sender.closed).map(({ status }) => status),
    [202, 202, 202, 202, 202],
  )
  t.equal(journal.batches.length, 5)
})
