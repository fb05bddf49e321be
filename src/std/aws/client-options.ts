import { type AgentOptions, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { type Clock, systemClock } from '../clock.ts'
import { collectAnswer } from './answers.ts'
import { type CredentialsSource, freshCredentials, REREAD_FILES } from './rotated-credentials.ts'
import { wholeCalls } from './whole-call.ts'

/** Where a service of AWS is, and as whom it is asked. */
export interface AwsClientPlace {
  readonly region: string
  readonly endpoint?: string
  /** Left out: the SDK's default chain, which renews them. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/** The same, of a service whose calls are short. */
export interface AwsCallOptions extends AwsClientPlace {
  /** Longest call, from its beginning to the last byte of its answer. */
  readonly requestTimeoutMs?: number
}

export interface ConnectionOptions {
  readonly maxSockets: number
  readonly connectTimeoutMs: number
  /** Longest call; what it sends may take longer by its size. Also the longest silence on a connection. */
  readonly callMs: number
  /** Then the SDK makes the agents, as it waits for `100 Continue` with no others. */
  readonly hasLargeBodies?: boolean
}

/**
 * Credentials that come later than this are named as what was late; they are there for the next call. Ours: of the
 * shortest deadline, that of STS, 0.4 s are left, in which a call that takes some 50 ms still fits.
 */
const CREDENTIALS_SHARE = 0.8

/**
 * A client as all of ours are. Each call has one deadline, and each answer that is read as a whole a bound. It asks again
 * for credentials that are refused. HTTP/1.1 with keep-alive, as the SDK's default opens an HTTP/2 session a call
 * (github.com/aws/aws-sdk-js-v3/issues/8279), and one attempt, as whoever retries must know what was tried before.
 */
export function awsClient<Any extends Client>(
  make: (options: ReturnType<typeof clientOptions>) => Any,
  place: AwsClientPlace,
  connection: ConnectionOptions,
  clock: Clock = systemClock,
): Any {
  const calls = wholeCalls(connection.callMs)
  const options = clientOptions(place, connection, calls)
  const client = make(options)
  const { middlewareStack, config } = client
  const credentials: CredentialsSource = {
    ask: (asking) => config.credentials(asking),
    // Those of another client: what the chain remembers of a question cannot be taken from it.
    forget: () => {
      config.credentials = make(options).config.credentials
    },
    patienceMs: connection.callMs * CREDENTIALS_SHARE,
  }
  // Around the other, which has a second attempt.
  middlewareStack.add(calls.within, { name: 'wholeCall', step: 'initialize', priority: 'high' })
  middlewareStack.add(freshCredentials(credentials, clock), { name: 'freshCredentials', step: 'initialize' })
  return client
}

function clientOptions(
  place: AwsClientPlace,
  { maxSockets, connectTimeoutMs, callMs, hasLargeBodies = false }: ConnectionOptions,
  calls: ReturnType<typeof wholeCalls>,
) {
  const agent: AgentOptions = { keepAlive: true, maxSockets }
  return {
    ...REREAD_FILES,
    ...place,
    maxAttempts: 1,
    streamCollector: collectAnswer,
    requestHandler: endingWith(
      calls,
      new NodeHttpHandler({
        ...(hasLargeBodies
          ? { httpAgent: agent, httpsAgent: agent }
          : { httpAgent: new HttpAgent(agent), httpsAgent: new HttpsAgent(agent) }),
        connectionTimeout: connectTimeoutMs,
        socketTimeout: callMs,
      }),
    ),
  }
}

/** Whose requests end with the call that they are made for. */
function endingWith(calls: ReturnType<typeof wholeCalls>, handler: NodeHttpHandler): NodeHttpHandler {
  const handle = handler.handle.bind(handler)
  handler.handle = (request, options = {}) => {
    const signals = [options.abortSignal, calls.end()].filter((signal) => signal instanceof AbortSignal)
    return handle(request, { ...options, abortSignal: AbortSignal.any(signals) })
  }
  return handler
}

interface Client {
  readonly config: { credentials: CredentialsSource['ask'] }
  readonly middlewareStack: {
    add(
      middleware: ReturnType<typeof freshCredentials>,
      options: { readonly name: string; readonly step: 'initialize'; readonly priority?: 'high' },
    ): void
  }
}
