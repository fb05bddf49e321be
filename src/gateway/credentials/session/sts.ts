import { AssumeRoleCommand, type AssumeRoleCommandOutput, STSClient } from '@aws-sdk/client-sts'
import { type AwsCallOptions, awsClient } from '../../../std/aws/client-options.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { foreignName } from '../../../std/foreign-text.ts'
import type { VendingApp } from '../../apps/vending-apps.ts'
import { stsRefusalOf } from './errors.ts'
import { breachOf } from './policy-ceiling.ts'
import type { StsSessionRequest } from './session.ts'
import type { AssumeRoleOutcome, StsSessions } from './sts-sessions.ts'

/** A call takes some 50 ms; container clients wait for a second in all. */
const CONNECT_TIMEOUT_MS = 1_000
/** A call that takes longer is lost; a second one still fits into what a vend has (3 s). */
const CALL_TIMEOUT_MS = 2_000
/** At 50 calls a second, more than ever wait for an answer. */
const MAX_SOCKETS = 64
/**
 * A session that ends sooner is none: SDKs take it for over, and ask for another with each call. The shortest that is asked
 * for has a quarter of an hour. https://github.com/smithy-lang/smithy-typescript, `createIsIdentityExpiredFunction(300_000)`
 */
const MIN_LIFE_MS = 300_000
/** https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html */
const ACCESS_KEY_ID = /^\w{16,128}$/

/**
 * A client that can do one thing: assume a role of the configuration with a session policy below the ceiling. It tries
 * once, so that the bucket in front of it counts every call, and has no logger, which would be shown secrets. Its region is
 * always given, as tokens of the global endpoint do not hold in all Regions.
 */
export function stsClient(options: AwsCallOptions, apps: () => Iterable<VendingApp>): STSClient {
  const { requestTimeoutMs: callMs = CALL_TIMEOUT_MS, ...place } = options
  const connection = { maxSockets: MAX_SOCKETS, connectTimeoutMs: CONNECT_TIMEOUT_MS, callMs }
  const client = awsClient((made) => new STSClient(made), place, connection)
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const breach =
          commandName === 'AssumeRoleCommand' ? breachOf(args.input, apps()) : `${commandName} is not called`
        if (breach !== undefined)
          throw new AppError('internal', `A call to STS is above the ceiling: ${breach}`)
        return next(args)
      },
    // Right before the input is written out: whatever came earlier could still have changed it.
    { name: 'headgateCeiling', step: 'serialize', priority: 'high' },
  )
  return client
}

/** Takes the client over: `close` destroys it. */
export function stsSessions(client: STSClient, clock: Clock): StsSessions {
  return {
    async assumeRole(request, signal) {
      try {
        const answer = await client.send(commandOf(request), { abortSignal: signal })
        const nowMs = clock.nowMs()
        return mintedOf(answer, { nowMs, lastMs: nowMs + request.durationSeconds * 1_000 })
      } catch (error) {
        if (error instanceof AppError) throw error
        return stsRefusalOf(error)
      }
    },
    close: async () => client.destroy(),
  }
}

const commandOf = (request: StsSessionRequest): AssumeRoleCommand =>
  new AssumeRoleCommand({
    RoleArn: request.roleArn,
    RoleSessionName: request.sessionName,
    SourceIdentity: request.sourceIdentity,
    Policy: request.policy,
    DurationSeconds: request.durationSeconds,
    ExternalId: request.externalId,
    Tags: [...request.tags],
  })

interface SessionBounds {
  readonly nowMs: number
  /** When a session ends that begins now and is as long as was asked for. */
  readonly lastMs: number
}

/**
 * An answer in which something is missing is none, nor is one whose session is over. What it says of the end is bounded by
 * what was asked for, by our own clock: until then our key vouches for records of the session.
 */
function mintedOf(
  { Credentials, PackedPolicySize, $metadata }: AssumeRoleCommandOutput,
  { nowMs, lastMs }: SessionBounds,
): AssumeRoleOutcome {
  const { AccessKeyId = '', SecretAccessKey, SessionToken, Expiration } = Credentials ?? {}
  const { httpStatusCode: status = 0, requestId: id } = $metadata
  const requestId = id && foreignName(id)
  const endMs = Expiration?.getTime() ?? Number.NaN
  if (!ACCESS_KEY_ID.test(AccessKeyId) || !SecretAccessKey || !SessionToken || Number.isNaN(endMs))
    return { kind: 'transient', code: 'malformed_response', status, requestId }
  if (endMs < nowMs + MIN_LIFE_MS) return { kind: 'transient', code: 'session_over', status, requestId }
  return {
    kind: 'minted',
    accessKeyId: AccessKeyId,
    expiresMs: Math.min(endMs, lastMs),
    packedPolicyPercent: PackedPolicySize ?? 0,
    stsRequestId: requestId,
    reveal: () => ({ secretAccessKey: SecretAccessKey, sessionToken: SessionToken }),
  }
}
