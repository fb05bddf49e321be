import { BlockList, isIP } from 'node:net'
import { plainAddress } from './ip-address.ts'

/** What stands before the 32 bits of an IPv4 address that is written as IPv6. */
const MAPPED_BITS = 96

/** Whether an address in its plain form lies in one of these addresses or CIDRs, as a function. */
export function peersIn(cidrs: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [written = '', prefix] = cidr.replace(/%[^/]*/, '').split('/')
    const isV4 = isIP(written) === 4
    const bits = Number(prefix ?? (isV4 ? 32 : 128))
    const plain = plainAddress(written)
    if (isV4) list.addSubnet(written, bits, 'ipv4')
    else if (isIP(plain) === 4 && bits >= MAPPED_BITS) list.addSubnet(plain, bits - MAPPED_BITS, 'ipv4')
    else list.addSubnet(written, bits, 'ipv6')
  }
  if (cidrs.length === 0) return () => false
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
}

/** By the text of its plain form: asked of every request, and a BlockList takes a microsecond. */
export const isLoopbackPeer = (address: string): boolean => address === '::1' || address.startsWith('127.')
