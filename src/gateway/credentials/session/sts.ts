import { AssumeRoleCommand, type AssumeRoleCommandOutput, STSClient } from '@aws-sdk/client-sts'
import { type AwsCallOptions, awsClient } from '../../../std/aws/client-options.ts'
import { AppError } from '../../../std/errors.ts'
import type { VendingApp } from '../../apps/vending-apps.ts'
import { stsRefusalOf } from './errors.ts'
import type { AssumeRoleOutcome, StsSessions } from './minter.ts'
import { breachOf } from './policy-ceiling.ts'
import type { StsSessionRequest } from './session.ts'

/** A call takes some 50 ms; container clients wait for a second in all. */
const CONNECT_TIMEOUT_MS = 1_000
/** A call that takes longer is lost; a second one still fits into what a vend has (3 s). */
const CALL_TIMEOUT_MS = 2_000
/** At 50 calls a second, more than ever wait for an answer. */
const MAX_SOCKETS = 64

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
export function stsSessions(client: STSClient): StsSessions {
  return {
    async assumeRole(request, signal) {
      try {
        return mintedOf(await client.send(commandOf(request), { abortSignal: signal }))
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

/** An answer in which something is missing is none. */
function mintedOf({ Credentials, PackedPolicySize, $metadata }: AssumeRoleCommandOutput): AssumeRoleOutcome {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {}
  const expiresMs = Expiration?.getTime() ?? Number.NaN
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || Number.isNaN(expiresMs)) {
    const { httpStatusCode: status = 0, requestId } = $metadata
    return { kind: 'transient', code: 'malformed_response', status, requestId }
  }
  return {
    kind: 'minted',
    accessKeyId: AccessKeyId,
    expiresMs,
    packedPolicyPercent: PackedPolicySize ?? 0,
    stsRequestId: $metadata.requestId,
    reveal: () => ({ secretAccessKey: SecretAccessKey, sessionToken: SessionToken }),
  }
}
