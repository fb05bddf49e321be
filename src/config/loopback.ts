import { BlockList, isIP } from 'node:net'

/** Whether a listener on this host is out of reach for other machines. */
export function isLoopback(host: string): boolean {
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8)
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && loopback.check(host))
}
