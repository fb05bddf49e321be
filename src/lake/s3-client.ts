import { S3Client } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { freshCredentials, REREAD_FILES } from '../std/aws/rotated-credentials.ts'

/** Calls at a time: enough to fill a gigabit link with the reads of a window's objects. Ours. */
export const MAX_CALLS = 16
/** Within a region a connection takes milliseconds, and with one SYN lost and sent again a second. */
const CONNECT_TIMEOUT_MS = 2_000

export interface S3ClientOptions {
  readonly region: string
  readonly endpoint?: string
  /** Buckets in the path instead of the host name, as most servers that are not Amazon's want it. */
  readonly forcePathStyle?: boolean
  /** Left out: the SDK's default chain, which renews them. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** Longest silence on a connection. */
  readonly silenceMs: number
}

/**
 * A client over HTTP/1.1 with keep-alive that tries once: who retries must know what the attempts before may have done.
 * A call's own deadline is given with the call. Bodies from 2 MiB wait for `100 Continue`, each on a connection of its
 * own (the SDK's way): a refusal while they are sent would break the connection before it can be read.
 */
export function s3Client({ silenceMs, ...options }: S3ClientOptions): S3Client {
  const agent = { keepAlive: true, maxSockets: MAX_CALLS }
  const client = new S3Client({
    ...REREAD_FILES,
    ...options,
    maxAttempts: 1,
    // Otherwise each failed upload is a warning on the console.
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    requestHandler: new NodeHttpHandler({
      // Not agents: the SDK would not wait with those.
      httpAgent: agent,
      httpsAgent: agent,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      // Otherwise a late answer is a warning on the console.
      throwOnRequestTimeout: true,
      socketTimeout: silenceMs,
    }),
  })
  const name = 'freshCredentials'
  client.middlewareStack.add(freshCredentials(client.config.credentials), { name, step: 'initialize' })
  return client
}

const silent = () => {}
