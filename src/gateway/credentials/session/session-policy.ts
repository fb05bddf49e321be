import { AppError } from '../../../std/errors.ts'
import { isoSecondsFloor } from '../../../std/iso-seconds.ts'

/** Inline and managed session policies together. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
export const MAX_POLICY_CHARS = 2_048
export const PUT_ACTIONS: readonly string[] = ['kinesis:PutRecord', 'kinesis:PutRecords']
export const KEY_ACTION = 'kms:GenerateDataKey'

/** Kinesis allows no other names: none of `*`, `?`, `$`, `{`, `:` or `/`, so an ARN of one means that one stream. */
const STREAM_ARN =
  /^arn:aws(?:-[a-z]+)*:kinesis:[a-z0-9-]{1,32}:[0-9]{12}:stream\/headgate-direct-[A-Za-z0-9_.-]{1,112}$/
const KEY_ARN = /^arn:aws(?:-[a-z]+)*:kms:([a-z0-9-]{1,32}):[0-9]{12}:key\/[A-Za-z0-9-]{1,128}$/

/** What a session may do: put records on these streams, through this key, until then. */
export interface SessionScope {
  readonly streamArns: readonly string[]
  /** The customer managed key with which the streams are encrypted. */
  readonly kmsKeyArn?: string | undefined
  /** Left out: until the session itself ends. */
  readonly notAfterMs?: number | undefined
}

interface Statement {
  readonly Effect: 'Allow'
  readonly Action: readonly string[]
  readonly Resource: readonly string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/**
 * The only place where a session policy is written. Without one STS grants all of the role, and an ARN with a wildcard
 * grants more than was asked: so whatever is not exactly right is no policy but an error.
 */
export function sessionPolicy({ streamArns, kmsKeyArn, notAfterMs }: SessionScope): string {
  if (!Array.isArray(streamArns) || streamArns.length === 0) throw refusal('no stream')
  for (const arn of streamArns) if (!isText(arn, STREAM_ARN)) throw refusal('a name that is no stream')
  if (notAfterMs !== undefined && !isInstant(notAfterMs)) throw refusal('an end that is no time')
  // A policy without its Version would take ${} for letters, and is of 2008.
  const statements = [putRecords(streamArns, notAfterMs), ...useKey(kmsKeyArn, notAfterMs)]
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: statements })
  if (policy.length > MAX_POLICY_CHARS) throw refusal(`${policy.length} of ${MAX_POLICY_CHARS} characters`)
  return policy
}

function putRecords(streamArns: readonly string[], notAfterMs: number | undefined): Statement {
  const ends = until(notAfterMs)
  return {
    Effect: 'Allow',
    Action: PUT_ACTIONS,
    Resource: streamArns,
    ...(ends && { Condition: ends }),
  }
}

/** Allows what a producer needs of the key, and only by way of Kinesis. */
function useKey(kmsKeyArn: string | undefined, notAfterMs: number | undefined): Statement[] {
  if (kmsKeyArn === undefined) return []
  if (!isText(kmsKeyArn, KEY_ARN)) throw refusal('a name that is no key')
  return [
    {
      Effect: 'Allow',
      Action: [KEY_ACTION],
      Resource: [kmsKeyArn],
      Condition: {
        StringEquals: { 'kms:ViaService': `kinesis.${kmsKeyArn.replace(KEY_ARN, '$1')}.amazonaws.com` },
        ...until(notAfterMs),
      },
    },
  ]
}

const until = (notAfterMs: number | undefined) =>
  notAfterMs === undefined ? undefined : { DateLessThan: { 'aws:CurrentTime': isoSecondsFloor(notAfterMs) } }

/** The year 9999: beyond it, an ISO time has a sign. */
const LAST_INSTANT_MS = 253_402_300_799_000
const isInstant = (ms: unknown): boolean => typeof ms === 'number' && ms >= 0 && ms <= LAST_INSTANT_MS

/** By its type as well: what is no text may say one thing when it is tested and another when it is written. */
const isText = (value: unknown, pattern: RegExp): boolean => typeof value === 'string' && pattern.test(value)

const refusal = (why: string): AppError => new AppError('internal', `No session policy for ${why}`)
