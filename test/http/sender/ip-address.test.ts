import { test } from 'tap'
import { addressBlock, plainAddress, truncateAddress } from '../../../src/http/sender/ip-address.ts'

test('an address is cut to its network', async (t) => {
  for (const [ip, network] of [
    ['192.0.2.123', '192.0.2.0'],
    ['192.0.2.0', '192.0.2.0'],
    ['::ffff:192.0.2.123', '192.0.2.0'],
    ['::FFFF:c000:027b', '192.0.2.0'],
    ['0:0:0:0:0:ffff:192.0.2.123', '192.0.2.0'],
    ['2001:db8:85a3:8d3:1319:8a2e:370:7348', '2001:db8:85a3::'],
    ['2001:0DB8:0000::1', '2001:db8:0::'],
    ['2001:db8::', '2001:db8:0::'],
    ['2001::1:2:3:4:5:6', '2001:0:1::'],
    ['fe80::1%eth0', 'fe80:0:0::'],
    ['::1', '0:0:0::'],
    ['::', '0:0:0::'],
    ['64:ff9b::192.0.2.123', '64:ff9b:0::'],
    ['::192.0.2.123', '0:0:0::'],
    ['', ''],
    ['unknown', ''],
    ['192.0.2', ''],
    ['192.0.2.123:8080', ''],
  ] as const) {
    t.equal(truncateAddress(ip), network, ip)
  }
})

test('an address has one form, however it is written', async (t) => {
  for (const [ip, plain] of [
    ['192.0.2.123', '192.0.2.123'],
    ['::ffff:192.0.2.123', '192.0.2.123'],
    ['::FFFF:C000:27B', '192.0.2.123'],
    ['0:0:0:0:0:ffff:192.0.2.123', '192.0.2.123'],
    ['2001:DB8::1', '2001:db8::1'],
    ['FE80::1%Eth0', 'fe80::1'],
    ['unknown', 'unknown'],
  ] as const) {
    t.equal(plainAddress(ip), plain, ip)
  }
})

test('an address counts alone, but for IPv6 with all of its /64', async (t) => {
  for (const [ip, block] of [
    ['192.0.2.123', '192.0.2.123'],
    ['::ffff:192.0.2.123', '192.0.2.123'],
    ['2001:db8:1:1::1', '2001:db8:1:1::'],
    ['2001:db8:1:1:ffff::9', '2001:db8:1:1::'],
    ['2001:db8:1:2::1', '2001:db8:1:2::'],
    ['fe80::1%eth0', 'fe80:0:0:0::'],
    ['unknown', 'unknown'],
  ] as const) {
    t.equal(addressBlock(ip), block, ip)
  }
})
