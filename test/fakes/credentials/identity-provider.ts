import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { signingKey } from './jws.ts'

export interface IdentityProvider {
  readonly issuer: string
  readonly jwksUri: string
  /** An access token of its client `app`, for the audience it was started with, with the scope `beacons:write`. */
  token(): Promise<string>
  /** SIGKILL: connections break, the port is closed. */
  kill(): Promise<void>
  /** On the same port, with the same key. */
  restart(): Promise<void>
}

const child = fileURLToPath(new URL('identity-provider-child.mjs', import.meta.url))

/** `oidc-provider`, as a process that can be killed. */
export async function startIdentityProvider(t: Test, audience: string): Promise<IdentityProvider> {
  const { privateKey } = signingKey('k1', 'RS256')
  const key = { ...privateKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }
  let running: ChildProcess
  const start = async (port: number): Promise<number> => {
    running = fork(child, [JSON.stringify({ port, key, audience })], { stdio: 'ignore', execArgv: [] })
    const [message] = (await once(running, 'message')) as [{ port: number }]
    return message.port
  }
  const kill = async () => {
    const exited = once(running, 'exit')
    running.kill('SIGKILL')
    await exited
  }
  const port = await start(0)
  t.teardown(async () => {
    if (running.exitCode === null && running.signalCode === null) await kill()
  })
  const issuer = `http://127.0.0.1:${port}`
  const discover = async () => {
    const answer = await fetch(`${issuer}/.well-known/openid-configuration`)
    return (await answer.json()) as { jwks_uri: string; token_endpoint: string }
  }
  const { jwks_uri: jwksUri, token_endpoint: tokenEndpoint } = await discover()
  return {
    issuer,
    jwksUri,
    async token() {
      const answer = await fetch(tokenEndpoint, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from('app:secret').toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'beacons:write' }),
      })
      return ((await answer.json()) as { access_token: string }).access_token
    },
    kill,
    async restart() {
      await start(port)
    },
  }
}
