import { S3Client } from '@aws-sdk/client-s3'
import { type AwsClientPlace, awsClient } from '../std/aws/client-options.ts'

/** Calls at a time: enough to fill a gigabit link with the reads of a window's objects. Ours. */
export const MAX_CALLS = 16
/** Within a region a connection takes milliseconds, and with one SYN lost and sent again a second. */
const CONNECT_TIMEOUT_MS = 2_000

export interface S3ClientOptions extends AwsClientPlace {
  /** Buckets in the path instead of the host name, as most servers that are not Amazon's want it. */
  readonly forcePathStyle?: boolean
  /** Longest call, but for what bodies take. */
  readonly callMs: number
}

/**
 * Bodies from 2 MiB wait for `100 Continue`, each on a connection of its own (the SDK's way): a refusal while they are
 * sent would break the connection before it can be read.
 */
export function s3Client({ callMs, ...place }: S3ClientOptions): S3Client {
  const connection = {
    maxSockets: MAX_CALLS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    callMs,
    hasLargeBodies: true,
  }
  // Otherwise each failed upload is a warning on the console.
  const logger = { debug: silent, info: silent, warn: silent, error: silent }
  return awsClient((made) => new S3Client({ ...made, logger }), place, connection)
}

const silent = () => {}
