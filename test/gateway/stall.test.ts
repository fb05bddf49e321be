import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { someApps, startGateway } from '../fakes/gateway.ts'
import { longestStretch } from '../fakes/stretch.ts'

/** What a request may keep the loop from others in one stretch, in processor time: this process's, sender included. */
const ACCEPTED_MS = 50
const REFUSED_MS = 5
/** A machine that is busy or slower than ours, where all take 1 to 27 ms; what these bounds are against took 50 to 4,000. */
const MARGIN = { accepted: 2, refused: 4 }
const RUNS = 5

/** Of the app, which sends more in a few seconds than it may otherwise. */
const limits = {
  requestsPerSecond: 10_000,
  burst: 10_000,
  eventsPerSecond: 1_000_000,
  bytesPerSecond: 1_000_000_000,
}

async function listening(t: Test) {
  const { app } = await startGateway(t, { apps: [{ ...shop, limits }] })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const send = (path: string, headers: Record<string, string>, body: Buffer) =>
    new Promise<number>((resolve, reject) => {
      const asking = request({
        port,
        path,
        method: 'POST',
        headers: { ...headers, 'content-length': body.length },
      })
      asking.on('response', (answer) => answer.resume().on('end', () => resolve(answer.statusCode ?? 0)))
      asking.on('error', reject)
      asking.end(body)
    })
  /** The least of several runs: nothing makes one look cheaper than it is. */
  return async (path: string, headers: Record<string, string>, body: Buffer) => {
    let least = Number.POSITIVE_INFINITY
    let status = 0
    for (let run = 0; run < RUNS; run++) {
      const { result, ms } = await longestStretch(() => send(path, headers, body))
      status = result
      least = Math.min(least, ms)
    }
    return { status, ms: least }
  }
}

const [shop] = someApps

const MIB = 1_048_576
const event = '{"name":"a","value":1}'
const many = (bytes: number, of: (i: number) => string) => {
  const parts: string[] = []
  for (let [i, length] = [0, 0]; length < bytes; i++) {
    parts.push(of(i))
    length += parts.at(-1)?.length ?? 0
  }
  return parts.join('')
}
/** What each rule of the cleaner has to look at closely, and some of it again and again. */
const hostile = {
  'groups of digits': '11.',
  'single digits': '0-',
  'addresses of IPv4': '1.1.1.1 ',
  'colons and quads': '::1.',
  'at signs and quotes': 'a@"',
  'encoded queries': '%3f',
  schemes: 'x://',
  queries: '?a=',
  'beginnings of tokens': 'eyJhbGci',
  'names of secrets': 'token=',
  'card numbers': '4111 1111 1111 1111 ',
}
const attributesOf = (i: number, part: string) =>
  Object.fromEntries(
    Array.from({ length: 32 }, (_, at) => [`a${at}`, `${i}-${at}${part.repeat(128)}`.slice(0, 256)]),
  )
const urlsOf = (i: number, part: string) => {
  const url = `https://a.example/${i}${part.repeat(8_192)}`.slice(0, 8_100)
  return { page_url: url, referrer: `${url}x`, url_full: `${url}y`, page_path: url.slice(17) }
}
const batch = (count: number, of: (i: number) => object) =>
  JSON.stringify(Array.from({ length: count }, (_, i) => ({ name: 'a', value: 1, ...of(i) })))
const parts = Object.values(hostile)
const long = 'https://a.example/0-0-1.1.1.1 '.repeat(80)
const ofContext = JSON.stringify({
  context: {
    ...{
      exception_message: long,
      exception_stacktrace: long,
      page_url: `https://a.example/${'0-'.repeat(4_000)}`,
    },
    attributes: attributesOf(0, '1::1 10.0.0.1 '),
  },
  padding: 'x'.repeat(80_000),
  events: Array(500).fill({ name: 'a', value: 1 }),
})
const mixed = batch(200, (i) => ({ attributes: attributesOf(i, String(parts[i % parts.length])) }))
const ownUrls = batch(44, (i) => urlsOf(i, String(parts[i % parts.length])))

const shapes = {
  'line ends': `1${'\n'.repeat(4 * MIB - 100)}1`,
  'lines of nothing': many(4 * MIB - 100, () => '1\n'),
  'a form of one number': `name=a&value=${'0'.repeat(65_000)}x`,
  'an object of many names': `{"name":"LCP","value":1${many(4 * MIB - 100, (i) => `,"k${i}":"v"`)}}`,
  'attributes of many names': `{"name":"LCP","value":1,"attributes":{"a":"b"${many(4 * MIB - 100, (i) => `,"k${i}":"v"`)}}}`,
  'a list of numbers': `{"name":"a","value":1,"x":[${'1,'.repeat(2 * MIB - 100)}1]}`,
  'one name again and again': `{"name":"a","value":1${many(4 * MIB - 100, () => ',"x":1')}}`,
  'as many containers as may be': `{"name":"a","value":1,"x":[${'{},'.repeat(65_000)}1]}`,
  'brackets in brackets': '['.repeat(4 * MIB - 100),
  'some brackets in brackets': '['.repeat(130_000),
  'brackets that are closed': `${'['.repeat(65_000)}${']'.repeat(65_000)}`,
  'objects in objects': `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  'brackets in an event': `{"name":"a","value":1,"x":${'['.repeat(60_000)}${']'.repeat(60_000)}}`,
  'as many names as may be': `[${many(MIB, (i) => `${i > 0 && i % 1_000 === 0 ? '"z":1},' : ''}${i % 1_000 === 0 ? '{' : ''}"k${i}":1,`)}"z":1}]`,
  'a long number': `{"name":"a","value":${'1'.repeat(4 * MIB - 100)}}`,
  'a batch of 500': `[${Array(500).fill(event).join()}]`,
  'a long text': `{"name":"a","value":1,"page_url":"https://a.example/${'a'.repeat(4 * MIB - 100)}"}`,
}

function isShort(t: Test, ms: number, mostMs: number): void {
  t.ok(ms <= mostMs, `${ms.toFixed(1)} ms`)
}

test('no request keeps the loop from others for longer than this', async (t) => {
  const cost = await listening(t)
  const types = { form: 'application/x-www-form-urlencoded', json: 'application/json' }
  await cost('/v1/events?key=shop-key', { 'content-type': types.json }, Buffer.from(event))
  for (const [rule, text] of Object.entries(shapes)) {
    const body = gzipSync(text)
    const type = rule.startsWith('a form') ? types.form : types.json
    for (const path of ['/v1/events', '/v1/web-vitals']) {
      for (const [who, key] of [
        ['of nobody', 'wrong'],
        ['of an app', 'shop-key'],
      ] as const) {
        const { status, ms } = await cost(
          `${path}?key=${key}`,
          { 'content-type': type, 'content-encoding': 'gzip' },
          body,
        )
        const mostMs = status < 300 ? ACCEPTED_MS * MARGIN.accepted : REFUSED_MS * MARGIN.refused
        t.ok(status < 500, `${rule}, ${who}, ${path}: ${status}`)
        isShort(t, ms, mostMs)
      }
    }
  }
})

test('nor one whose texts all deserve a closer look', async (t) => {
  const cost = await listening(t)
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const shapes = {
    'attributes of all kinds': mixed,
    'URLs of all kinds': ownUrls,
    'a context of 500 events': ofContext,
    ...Object.fromEntries(
      Object.entries(hostile).map(([what, part]) => [
        what,
        batch(15, (i) => ({ attributes: attributesOf(i, part) })),
      ]),
    ),
  }
  for (const [rule, text] of Object.entries(shapes)) {
    const { status, ms } = await cost('/v1/events?key=shop-key', headers, gzipSync(text))
    // What a context says may be too much to be stored with each event.
    t.equal(status, text === ofContext ? 413 : 202, rule)
    isShort(t, ms, ACCEPTED_MS * MARGIN.accepted)
  }
})

test('nor one that is as large as may be, whatever it is made of', async (t) => {
  const cost = await listening(t)
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const attributes = (i: number, name: string) =>
    Object.fromEntries(Array.from({ length: 32 }, (_, at) => [name + at, `${i} ${'v'.repeat(200)}`]))
  const filled = (i: number) => JSON.stringify({ name: 'a', value: i, attributes: attributes(i, 'a') })
  const events = Array.from({ length: 500 }, (_, i) => filled(i))
  const context = JSON.stringify({ unit: 'ms', page_path: '/a', attributes: attributes(0, 'c') })
  const shared = (count: number, of: string) =>
    `{"context":${context.replaceAll('v'.repeat(200), 'v')},"events":[${Array(count).fill(of).join()}]}`
  const [events500, metrics] = ['/v1/events', '/v1/web-vitals']
  for (const [rule, path, text] of [
    ['an array', events500, `[${events.join()}]`],
    ['an array of which one is broken', events500, `[${events.with(250, '{"a":}').join()}]`],
    ['lines', events500, events.join('\n')],
    ['lines of which one is broken', events500, events.with(250, '{"a":').join('\n')],
    [
      'an envelope',
      events500,
      `{"context":{"unit":"ms","attributes":{"c":"d"}},"events":[${events.join()}]}`,
    ],
    ['names that differ', events500, batch(500, (i) => ({ attributes: attributes(i, `a${i}-`) }))],
    [
      'short texts that differ',
      events500,
      `{"name":"a","value":1,"x":[${many(3 * MIB, (i) => `"a${i.toString(36)}cdefgh",`)}1]}`,
    ],
    ['a context of many events', events500, shared(1_900, '{"name":"a","value":1,"attributes":{"x":"1"}}')],
    [
      'a context of many short ones',
      events500,
      shared(1_900, '{"attributes":{"x":"1"}}').replace('{"unit"', '{"name":"a","value":1,"unit"'),
    ],
    ['a context of many metrics', metrics, shared(1_900, '{"name":"LCP","value":1,"attributes":{"x":"1"}}')],
    [
      'objects of many metrics',
      metrics,
      `[${Array(1_900).fill('{"LCP":1,"FCP":1,"INP":1,"TTFB":1,"CLS":0,"x":"y"}').join()}]`,
    ],
  ] as const) {
    const { status, ms } = await cost(`${path}?key=shop-key`, headers, gzipSync(text))
    t.equal(status, 202, rule)
    isShort(t, ms, ACCEPTED_MS * MARGIN.accepted)
  }
})
