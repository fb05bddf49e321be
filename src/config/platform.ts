import { type Environment, isRecord } from './environment.ts'

/** Set in every ECS task: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html */
const ECS_TASK = 'ECS_CONTAINER_METADATA_URI_V4'
/** Fargate grants a `stopTimeout` of up to 120 s; some of it goes by before a signal is heard and after the end. */
const ECS_SHUTDOWN_MS = 110_000

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html, and in every Fargate task. */
const EXECUTION = 'AWS_EXECUTION_ENV'
const FARGATE = 'AWS_ECS_FARGATE'

/** Other defaults where the process is known to live differently: a replaced task never gets its predecessor's disk. */
export function applyPlatform(input: Record<string, unknown>, env: Environment): void {
  if (env[EXECUTION] === FARGATE) assignUnlessGiven(input, ['gateway', 'durability'], 'stream')
  if (env[ECS_TASK] === undefined) return
  assignUnlessGiven(input, ['gateway', 'journal', 'ephemeral'], true)
  assignUnlessGiven(input, ['shutdown', 'totalMs'], ECS_SHUTDOWN_MS)
}

function assignUnlessGiven(
  target: Record<string, unknown>,
  [head = '', ...rest]: readonly string[],
  value: unknown,
): void {
  if (!(head in target)) target[head] = rest.length === 0 ? value : {}
  const inner = target[head]
  // A part that is not an object is a fault, which is reported.
  if (rest.length > 0 && isRecord(inner)) assignUnlessGiven(inner, rest, value)
}
