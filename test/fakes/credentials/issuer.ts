import { once } from 'node:events'
import { createServer as createPlain, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SigningKey } from './jws.ts'

interface Closing {
  teardown(close: () => Promise<void>): void
}

export interface FakeIssuer {
  readonly url: string
  readonly jwksUri: string
  /** Requests for the keys so far. */
  fetches(): number
  /** What the keys are from now on. */
  publish(...keys: readonly SigningKey[]): void
  /** Answers like this from now on; without an argument, with the keys. */
  answer(how?: (response: ServerResponse) => void): void
  /** As if its process were gone: connections are refused. */
  stop(): Promise<void>
  /** On the same port again. */
  restart(): Promise<void>
}

/** An identity provider as far as we see one: an address with keys, which counts who asks. */
export async function startIssuer(
  t: Closing,
  tls?: { readonly key: string; readonly cert: string },
): Promise<FakeIssuer> {
  let keys: readonly SigningKey[] = []
  let fetches = 0
  const withKeys = (response: ServerResponse) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }))
  }
  let respond = withKeys
  const onRequest: RequestListener = (_request, response) => {
    fetches += 1
    respond(response)
  }
  const server = tls ? createSecure(tls, onRequest) : createPlain(onRequest)
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const stop = async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  const port = await listen(0)
  t.teardown(async () => {
    if (server.listening) await stop()
  })
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
  return {
    url,
    jwksUri: `${url}/jwks`,
    fetches: () => fetches,
    publish(...next) {
      keys = next
    },
    answer(how = withKeys) {
      respond = how
    },
    stop,
    async restart() {
      await listen(port)
    },
  }
}
