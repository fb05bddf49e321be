import { type AgentOptions, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { freshCredentials, REREAD_FILES } from './rotated-credentials.ts'

/** Where a service of AWS is, and as whom it is asked. */
export interface AwsClientPlace {
  readonly region: string
  readonly endpoint?: string
  /** Left out: the SDK's default chain, which renews them. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/** The same, of a service whose calls are short. */
export interface AwsCallOptions extends AwsClientPlace {
  readonly requestTimeoutMs?: number
}

export interface ConnectionOptions {
  readonly maxSockets: number
  readonly connectTimeoutMs: number
  /** Longest silence on a connection: it watches the body of an answer as well. */
  readonly silenceMs: number
  /**
   * Bodies that take longer than an answer may: a call's own deadline is given with the call, and the SDK makes the agents,
   * as it waits for `100 Continue` with no others.
   */
  readonly hasLargeBodies?: boolean
}

/**
 * Options of each of our clients: HTTP/1.1 with keep-alive, as the SDK's default opens an HTTP/2 session a call
 * (github.com/aws/aws-sdk-js-v3/issues/8279), and one attempt, as whoever retries must know what was tried before.
 */
export function clientOptions(place: AwsClientPlace, connection: ConnectionOptions) {
  const { maxSockets, connectTimeoutMs, silenceMs, hasLargeBodies = false } = connection
  const agent: AgentOptions = { keepAlive: true, maxSockets }
  return {
    ...REREAD_FILES,
    ...place,
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({
      ...(hasLargeBodies
        ? { httpAgent: agent, httpsAgent: agent }
        : { httpAgent: new HttpAgent(agent), httpsAgent: new HttpsAgent(agent), requestTimeout: silenceMs }),
      connectionTimeout: connectTimeoutMs,
      // Otherwise a late answer is a warning on the console.
      throwOnRequestTimeout: true,
      socketTimeout: silenceMs,
    }),
  }
}

type AskForCredentials = Parameters<typeof freshCredentials>[0]

interface Client {
  readonly config: { readonly credentials: AskForCredentials }
  readonly middlewareStack: {
    add(
      middleware: ReturnType<typeof freshCredentials>,
      options: { readonly name: string; readonly step: 'initialize' },
    ): void
  }
}

/** The client, which from now on asks again for credentials that are refused. */
export function withFreshCredentials<Any extends Client>(client: Any): Any {
  client.middlewareStack.add(freshCredentials(client.config.credentials), {
    name: 'freshCredentials',
    step: 'initialize',
  })
  return client
}
