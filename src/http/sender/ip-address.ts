import { isIPv4, isIPv6 } from 'node:net'

/** The network of an address: /24 for IPv4, also when written as IPv6, and /48 for IPv6. Nothing for what is no address. */
export function truncateAddress(ip: string): string {
  if (isIPv4(ip)) return `${ip.slice(0, ip.lastIndexOf('.'))}.0`
  if (!isIPv6(ip)) return ''
  const groups = groupsOf(ip)
  const v4 = mappedIPv4(groups)
  return v4 === undefined ? `${hex(groups.slice(0, 3))}::` : truncateAddress(v4)
}

/** How sockets and proxies write an address, in one form: IPv4 as such, without a zone, in lower case. */
export function plainAddress(ip: string): string {
  if (isIPv4(ip) || !isIPv6(ip)) return ip
  const [address = ''] = ip.toLowerCase().split('%')
  // The usual form of a mapped one, read without taking it apart: all that dual-stack sockets ever say of IPv4.
  const v4 = address.startsWith('::ffff:') ? address.slice(7) : ''
  return isIPv4(v4) ? v4 : (mappedIPv4(groupsOf(address)) ?? address)
}

/** What limits count as one: an IPv4 address, and of IPv6 the /64, which is one customer's to choose addresses from. */
export function addressBlock(ip: string): string {
  if (!isIPv6(ip)) return ip
  const groups = groupsOf(ip)
  return mappedIPv4(groups) ?? `${hex(groups.slice(0, 4))}::`
}

const hex = (groups: readonly number[]): string => groups.map((group) => group.toString(16)).join(':')

function mappedIPv4(groups: readonly number[]): string | undefined {
  const [f, g = 0, h = 0] = groups.slice(5)
  if (f !== 0xffff || groups.slice(0, 5).some((group) => group !== 0)) return undefined
  return [g >> 8, g & 0xff, h >> 8, h & 0xff].join('.')
}

/** The eight numbers of an IPv6 address. */
function groupsOf(ip: string): number[] {
  const plain = ip
    .replace(/%.*/, '')
    .replace(/(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/, (_, ...bytes: string[]) => {
      const [p = 0, q = 0, r = 0, s = 0] = bytes.map(Number)
      return `${((p << 8) | q).toString(16)}:${((r << 8) | s).toString(16)}`
    })
  const [before = [], after = []] = plain
    .split('::')
    .map((side) => side.split(':').filter((group) => group !== ''))
  const zeros = new Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16))
}
