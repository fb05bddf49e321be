import { test } from 'tap'
import { isLoopbackPeer, peersIn } from '../../../src/http/sender/trusted-peers.ts'

test('whether an address lies in a list of addresses and networks', async (t) => {
  const inList = peersIn(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '2001:db9::1'])
  for (const [address, expected] of [
    ['10.255.0.1', true],
    ['11.0.0.1', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['2001:db8:ffff::1', true],
    ['2001:db9::1', true],
    ['2001:db9::2', false],
    ['not an address', false],
    ['', false],
  ] as const) {
    t.equal(inList(address), expected, String(address))
  }
})

test('a network of IPv4 may be written as IPv6', async (t) => {
  const inList = peersIn(['::ffff:10.0.0.0/104', '::ffff:192.0.2.7', 'fe80::1%eth0', '64:ff9b::/90'])
  const addresses = ['10.9.9.9', '192.0.2.7', 'fe80::1', '64:ff9b::1', '192.0.2.8', '11.0.0.1', 'fe80::2']
  t.same(addresses.map(inList), [true, true, true, true, false, false, false])
})

test('an empty list trusts nobody', async (t) => {
  t.notOk(peersIn([])('127.0.0.1'))
})

test('loopback is all of 127/8, and ::1', async (t) => {
  t.ok(['127.0.0.1', '127.9.9.9', '::1'].every(isLoopbackPeer))
  t.notOk(['128.0.0.1', '10.127.0.1', '::2', '::10', ''].some(isLoopbackPeer))
})
