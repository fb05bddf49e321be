import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'

/** For programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Addresses on which the port is listened on, as the kernel writes them: 0100007F is 127.0.0.1. */
export function listeners(port: number): string[] {
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readFileSync(file, 'utf8').split('\n'))
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  // 0A: the socket's state is LISTEN.
  return tables.flatMap((line) => new RegExp(`^ *\\d+: (\\w+):${wanted} \\w+:\\w+ 0A `).exec(line)?.[1] ?? [])
}
