import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { startGateway } from '../fakes/gateway.ts'

/** What a request may keep the loop from others, in processor time: this process's, sender included. */
const ACCEPTED_MS = 50
const REFUSED_MS = 5
/** A machine that is busy, slower than ours, or measures coverage; what these bounds are against took 50 to 4,000 ms. */
const MARGIN = 3
const RUNS = 5

async function listening(t: Test) {
  const { app } = await startGateway(t)
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
      const before = process.cpuUsage()
      status = await send(path, headers, body)
      const { user, system } = process.cpuUsage(before)
      least = Math.min(least, (user + system) / 1_000)
    }
    return { status, ms: least }
  }
}

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
const shapes = {
  'line ends': `1${'\n'.repeat(4 * MIB - 100)}1`,
  'lines of nothing': many(4 * MIB - 100, () => '1\n'),
  'a form of one number': `name=a&value=${'0'.repeat(65_000)}x`,
  'an object of many names': `{"name":"LCP","value":1${many(4 * MIB - 100, (i) => `,"k${i}":"v"`)}}`,
  'attributes of many names': `{"name":"LCP","value":1,"attributes":{"a":"b"${many(4 * MIB - 100, (i) => `,"k${i}":"v"`)}}}`,
  'a list of numbers': `{"name":"a","value":1,"x":[${'1,'.repeat(2 * MIB - 100)}1]}`,
  'one name again and again': `{"name":"a","value":1${many(4 * MIB - 100, () => ',"x":1')}}`,
  'as many containers as may be': `{"name":"a","value":1,"x":[${'{},'.repeat(65_000)}1]}`,
  'brackets in brackets': `${'['.repeat(2 * MIB)}`,
  'a long number': `{"name":"a","value":${'1'.repeat(4 * MIB - 100)}}`,
  'a batch of 500': `[${Array(500).fill(event).join()}]`,
  'a long text': `{"name":"a","value":1,"page_url":"https://a.example/${'a'.repeat(4 * MIB - 100)}"}`,
}

test('no request keeps the loop from others for longer than this', async (t) => {
  const cost = await listening(t)
  const types = { form: 'application/x-www-form-urlencoded', json: 'application/json' }
  await cost('/v1/events?key=shop-key', { 'content-type': types.json }, Buffer.from(event))
  for (const [rule, text] of Object.entries(shapes)) {
    const body = gzipSync(text)
    const type = rule.startsWith('a form') ? types.form : types.json
    for (const path of ['/v1/events', '/v1/web-vitals']) {
      for (const [who, key, mostMs] of [
        ['of nobody', 'wrong', REFUSED_MS],
        ['of an app', 'shop-key', ACCEPTED_MS],
      ] as const) {
        const { status, ms } = await cost(
          `${path}?key=${key}`,
          { 'content-type': type, 'content-encoding': 'gzip' },
          body,
        )
        t.ok(ms <= mostMs * MARGIN, `${rule}, ${who}, ${path}: ${status}, ${ms.toFixed(1)} ms`)
      }
    }
  }
})
