import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type Test, test } from 'tap'
import { GRACE_MS } from '../../src/gateway/collect/memory-budget.ts'
import { lcp, startGateway } from '../fakes/gateway.ts'

/** Behind a proxy on this machine, so that everybody can be anybody. */
async function listening(t: Test) {
  const gateway = await startGateway(t, {
    gateway: { trustProxy: ['127.0.0.1'], limits: { address: 'off' } },
  })
  const { app } = gateway
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  /** Announces a mebibyte, or so much as is said, sends some of it, and waits. */
  async function begin(address: string, key: string, bytes: number, length = 'Content-Length: 1048576') {
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    let answer = ''
    socket.on('error', () => {})
    socket.on('data', (data) => {
      answer += String(data)
    })
    const head = [`POST /v1/events?key=${key} HTTP/1.1`, 'Host: a', `X-Forwarded-For: ${address}`]
    const seen = once(app.server, 'request')
    socket.write(`${head.join('\r\n')}\r\nContent-Type: application/json\r\n${length}\r\n\r\n`)
    const [{ socket: accepted }] = (await seen) as [IncomingMessage]
    socket.write(Buffer.alloc(bytes, ' '))
    while (answer === '' && accepted.bytesRead < bytes) await new Promise(setImmediate)
    return {
      answer: () => answer,
      answered: () => (answer === '' ? once(socket, 'data') : undefined),
      ended: new Promise((resolve) => socket.once('end', resolve)),
    }
  }
  const beacon = (address: string, key: string) =>
    fetch(`http://127.0.0.1:${port}/v1/events?key=${key}`, {
      method: 'POST',
      headers: { 'x-forwarded-for': address, 'content-type': 'application/json' },
      body: JSON.stringify(lcp()),
    }).then(({ status }) => status)
  return { ...gateway, begin, beacon }
}

const [attacker, other] = ['203.0.113.9', '198.51.100.7']

for (const [who, key, bodies, heads] of [
  ['nobody', 'wrong', 8, 32],
  ['somebody with a key', 'shop-key', 63, 270],
] as const) {
  test(`unfinished bodies of ${who} cost no other request its room`, async (t) => {
    const { begin, beacon } = await listening(t)
    const held = []
    for (let i = 0; i < bodies; i++) held.push(await begin(attacker, key, 1_048_575))
    for (let i = 0; i < heads; i++) held.push(await begin(attacker, key, 0))
    for (let i = 0; i < 8; i++) {
      t.equal(await beacon(other, 'blog-key'), 202, 'another app')
      t.equal(await beacon(other, 'shop-key'), 202, 'the same app')
      t.equal(await beacon(attacker, 'blog-key'), 202, 'the same address')
    }
    const refused = key === 'wrong' ? /^HTTP\/1\.1 401 / : /^HTTP\/1\.1 503 [\s\S]+"code":"overloaded"/
    t.match(held[0]?.answer(), refused, 'the oldest gave way')
  })
}

test('several addresses of one network do not take it either', async (t) => {
  const { begin, beacon } = await listening(t)
  const held = []
  for (let i = 0; i < 80; i++) held.push(await begin(`2001:db8:1:${i % 8}::1`, 'shop-key', 1_048_575))
  for (let i = 0; i < 8; i++) {
    t.equal(await beacon(other, 'blog-key'), 202)
    t.equal(await beacon('2001:db8:2::1', 'shop-key'), 202)
  }
})

test('a body that does not arrive is told so, and its connection ends; one that does is not', async (t) => {
  for (const [length, bytes] of [
    ['Content-Length: 1048576', 100_000],
    ['Content-Length: 4000', 100],
    ['Transfer-Encoding: chunked', 0],
  ] as const) {
    const { begin, clock } = await listening(t)
    const stuck = await begin(other, 'shop-key', bytes, length)
    clock.advance(GRACE_MS)
    const fresh = await begin(other, 'shop-key', 10)
    await stuck.ended
    t.match(stuck.answer(), /^HTTP\/1\.1 408 [\s\S]*connection: close[\s\S]+"code":"slow_request"/i, length)
    t.equal(stuck.answer().split('HTTP/1.1 ').length, 2, 'once')
    t.equal(fresh.answer(), '')
  }
})
