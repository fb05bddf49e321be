import { once } from 'node:events'
import { createServer } from 'node:net'
import { AppError } from '../../std/errors.ts'
import { codeOf } from '../../std/expected-errors.ts'

/** Where something is to listen, and the key that says so. */
export interface ListenAddress {
  /** `gateway.listen` */
  readonly key: string
  readonly host: string
  readonly port: number
}

/** A Fastify instance, in as much as the command line handles it, and where it is to listen. */
export interface Listener extends ListenAddress {
  readonly name: string
  readonly server: { listen(at: { host: string; port: number }): Promise<string>; close(): Promise<void> }
}

/**
 * Where it is bound: at one address. At `localhost`, which may be two, Fastify opens a second server of its own, which has
 * none of what http/server.ts puts around the first.
 */
export const boundAt = ({ host, port }: ListenAddress): { readonly host: string; readonly port: number } => ({
  host: host === 'localhost' ? '127.0.0.1' : host,
  port,
})

/** What an operator can mend, by what the system said. */
const FAULTS: Readonly<Record<string, (at: ListenAddress) => string>> = {
  EADDRINUSE: ({ key }) =>
    `is taken: another process listens there. Stop it, or choose another port by ${key}.port or ${variableOf(key)}_PORT`,
  EACCES: ({ key }) =>
    `is for privileged processes only. Choose a port from 1024 on by ${key}.port or ${variableOf(key)}_PORT`,
  EADDRNOTAVAIL: ({ key }) => `is no address of this machine. Choose another by ${key}.host`,
  ENOTFOUND: ({ key }) => `is a host that nobody knows. Choose another by ${key}.host`,
  EAI_AGAIN: ({ key }) => `is a host that could not be looked up. Choose an address by ${key}.host`,
}

const variableOf = (key: string): string => `HEADGATE_${key.toUpperCase().replaceAll('.', '_')}`

/** In words, where somebody can mend it; otherwise the error itself. */
export function listenFault(error: unknown, at: ListenAddress): unknown {
  const why = FAULTS[codeOf(error)]
  if (why === undefined) return error
  const message = `${at.key}: ${at.host}:${at.port} ${why(at)} (${codeOf(error)})`
  return new AppError('not_ready', message, { cause: error })
}

/**
 * Binds each address once and lets it go, before anything else begins: a start that cannot succeed answers no request,
 * takes no journal and leaves no file.
 */
export async function tryListenAddresses(listeners: readonly ListenAddress[]): Promise<void> {
  for (const at of listeners) {
    const server = createServer()
    try {
      server.listen({ ...boundAt(at), exclusive: true })
      await once(server, 'listening')
    } catch (error) {
      throw listenFault(error, at)
    }
    server.close()
    await once(server, 'close')
  }
}
