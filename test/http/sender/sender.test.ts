import { readdirSync, readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import { addressIn, createSenders, MAX_HOPS, peerOf } from '../../../src/http/sender/sender.ts'

test('a peer that is gone already has no address', async (t) => {
  t.equal(peerOf(new Socket()), '')
})

test('an address as proxies write it, with what stands around it', async (t) => {
  for (const [entry, address] of [
    ['192.0.2.1', '192.0.2.1'],
    [' 192.0.2.1\t', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['"192.0.2.1:4711"', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['"[2001:db8::1]:4711"', '2001:db8::1'],
    ['2001:db8:0:0:0:0:0:1:4711', '2001:db8:0:0:0:0:0:1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%eth0]:4711', 'fe80::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:4711', '192.0.2.1'],
    ['unknown', undefined],
    ['_hidden', undefined],
    ['_SEVKISEK:4711', undefined],
    ['', undefined],
    ['-', undefined],
    ['null', undefined],
    ['localhost', undefined],
    ['192.0.2', undefined],
    ['192.0.2.256', undefined],
    ['192.0.2.01', undefined],
    ['192.0.2.1:port', undefined],
    ['192.0.2.1:471100', undefined],
    ['[192.0.2.1]', undefined],
    ['[2001:db8::1', undefined],
    ['[unknown]:4711', undefined],
    ['for=192.0.2.1', undefined],
    ['192.0.2.1 192.0.2.2', undefined],
    [`${'1'.repeat(200)}`, undefined],
  ] as const) {
    t.equal(addressIn(entry), address, entry)
  }
})

const senderOf = createSenders(['10.0.0.0/8', '2001:db8:ffff::/48', '::ffff:172.16.0.0/108'])
const from = (remoteAddress: string | undefined, headers: Record<string, string> = {}) =>
  senderOf({ socket: { remoteAddress }, headers } as never)

test('the sender is whom the last trusted proxy names, and what is no address counts as who wrote it', async (t) => {
  for (const [rule, peer, forwardedFor, address] of [
    ['nobody in between', '203.0.113.5', undefined, '203.0.113.5'],
    ['a stranger who claims to forward', '203.0.113.5', '198.51.100.1', '203.0.113.5'],
    ['a proxy', '10.0.0.1', '203.0.113.5', '203.0.113.5'],
    ['a proxy that a dual-stack socket names', '::ffff:10.0.0.1', '203.0.113.5', '203.0.113.5'],
    ['the same in hex', '::ffff:a00:1', '203.0.113.5', '203.0.113.5'],
    ['a network that is written as IPv6', '172.16.0.1', '203.0.113.5', '203.0.113.5'],
    ['a proxy that adds the port', '10.0.0.1', '203.0.113.5:4711', '203.0.113.5'],
    ['a client that forged an entry', '10.0.0.1', '198.51.100.1, 203.0.113.5', '203.0.113.5'],
    ['a proxy behind a proxy', '10.0.0.1', '203.0.113.5, 10.0.0.2', '203.0.113.5'],
    ['an inner proxy with its port', '10.0.0.1', '203.0.113.5:1, 10.0.0.2:4711', '203.0.113.5'],
    ['an inner proxy in brackets', '10.0.0.1', '203.0.113.5,[2001:db8:ffff::2]:4711', '203.0.113.5'],
    ['an inner proxy that is mapped', '10.0.0.1', '203.0.113.5, ::ffff:10.0.0.2', '203.0.113.5'],
    ['a request of the inner proxy itself', '10.0.0.1', '10.0.0.2', '10.0.0.2'],
    ['a sender that is not known', '10.0.0.1', 'unknown', '10.0.0.1'],
    ['one that is hidden', '10.0.0.1', '198.51.100.1, _hidden', '10.0.0.1'],
    ['one that an inner proxy does not know', '10.0.0.1', 'unknown, 10.0.0.2', '10.0.0.2'],
    ['nothing', '10.0.0.1', '', '10.0.0.1'],
    ['nothing before the address', '10.0.0.1', ', 203.0.113.5', '203.0.113.5'],
    ['nothing after it', '10.0.0.1', '203.0.113.5,', '10.0.0.1'],
    ['nothing but commas', '10.0.0.1', ',,', '10.0.0.1'],
    ['an empty entry before an inner proxy', '10.0.0.1', ',10.0.0.2', '10.0.0.2'],
    ['IPv6 in capitals', '10.0.0.1', '2001:DB8::A', '2001:db8::a'],
    ['a peer with a zone', 'fe80::1%eth0', undefined, 'fe80::1'],
    ['a peer that is gone', undefined, '203.0.113.5', ''],
  ] as const) {
    const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
    t.equal(from(peer, headers).address, address, rule)
  }
})

test('a list of trusted proxies without end is not walked to its end', async (t) => {
  const list = [...Array(20_000).fill('10.0.0.9'), ...Array(MAX_HOPS).fill('10.0.0.8')].join()
  t.equal(from('10.0.0.1', { 'x-forwarded-for': list }).address, '10.0.0.8')
})

test('what counts as one address, and whether its headers say anything of it', async (t) => {
  t.match(from('10.0.0.1', { 'x-forwarded-for': '[2001:db8:1:1::1]:9' }), {
    block: '2001:db8:1:1::',
    isForwarded: true,
  })
  t.match(from('203.0.113.5', { 'x-forwarded-for': '192.0.2.1' }), {
    block: '203.0.113.5',
    isForwarded: false,
  })
})

test('whom limits by address do not concern', async (t) => {
  for (const [rule, peer, headers, exempt] of [
    ['a peer on this machine', '127.0.0.1', {}, true],
    ['the same over IPv6', '::1', {}, true],
    ['the same through a dual-stack socket', '::ffff:127.0.0.1', {}, true],
    ['a proxy on this machine', '127.0.0.1', { 'x-forwarded-for': '203.0.113.5' }, false],
    ['a proxy that follows RFC 7239', '127.0.0.1', { forwarded: 'for=203.0.113.5' }, false],
    ['nginx', '127.0.0.1', { 'x-real-ip': '203.0.113.5' }, false],
    ['any proxy that names itself', '127.0.0.1', { via: '1.1 edge' }, false],
    ['anyone else', '203.0.113.5', {}, false],
    ['a peer that has gone', undefined, {}, true],
  ] as const) {
    t.equal(from(peer, headers).isExempt, exempt, rule)
  }
})

test('whoever claims to forward and is not trusted is told of, and nobody else', async (t) => {
  const told: string[] = []
  const sender = createSenders(['10.0.0.0/8'], (peer) => told.push(peer))
  const ask = (remoteAddress: string | undefined, headers: Record<string, string>) => {
    sender({ socket: { remoteAddress }, headers } as never)
    return told.splice(0)
  }
  for (const [what, peer, headers, expected] of [
    ['X-Forwarded-For', '192.0.2.1', { 'x-forwarded-for': '203.0.113.5' }, ['192.0.2.1']],
    ['without anybody in it', '192.0.2.1', { 'x-forwarded-for': '' }, ['192.0.2.1']],
    ['Forwarded', '::ffff:192.0.2.1', { forwarded: 'for=203.0.113.5' }, ['192.0.2.1']],
    ['a proxy on this machine', '127.0.0.1', { 'x-forwarded-for': '203.0.113.5' }, ['127.0.0.1']],
    ['one that is trusted', '10.0.0.1', { 'x-forwarded-for': '203.0.113.5' }, []],
    ['nobody in between', '192.0.2.1', {}, []],
    ['a proxy that does not say for whom', '192.0.2.1', { via: '1.1 edge' }, []],
    ['a peer that is gone', undefined, { 'x-forwarded-for': '203.0.113.5' }, []],
  ] as const)
    t.same(ask(peer, headers), expected, what)
})

test('nothing else takes an address from a request', async (t) => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  const reading = sources.filter((file) =>
    /request\.ip\b|\bips\b|remoteAddress|\bip \}: FastifyRequest|'x-forwarded-for'/.test(
      readFileSync(join('src', file), 'utf8'),
    ),
  )
  t.same(reading, [join('http', 'sender', 'sender.ts')])
})
