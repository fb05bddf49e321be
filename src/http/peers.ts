import { BlockList, isIP } from 'node:net'

/** How a dual-stack socket writes an IPv4 peer. */
const MAPPED_IPV4 = /^::ffff:/i

/** Whether an address lies in one of these addresses or CIDRs, as a function. */
export function peersIn(cidrs: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [network = '', prefix] = cidr.split('/')
    const v4 = isIP(network) === 4
    list.addSubnet(network, Number(prefix ?? (v4 ? 32 : 128)), v4 ? 'ipv4' : 'ipv6')
  }
  return (address = '') => {
    const plain = address.replace(MAPPED_IPV4, '')
    return isIP(plain) !== 0 && list.check(plain, isIP(plain) === 4 ? 'ipv4' : 'ipv6')
  }
}

/** By its text, as sockets write it: asked of every request, and a BlockList takes a microsecond. */
export const isLoopbackPeer = (address: string): boolean => /^(?:::1$|(?:::ffff:)?127\.)/i.test(address)
