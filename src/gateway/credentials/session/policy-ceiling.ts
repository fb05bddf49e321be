import { jsonIn } from '../../../std/json.ts'
import type { VendingApp } from '../../apps/vending-apps.ts'
import { APP_TAG, VEND_TAG } from './session.ts'
import { KEY_ACTION, MAX_POLICY_CHARS, PUT_ACTIONS } from './session-policy.ts'

/** The least for a role that a role assumes: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const MIN_SECONDS = 900
/** The most for a role that a role assumes, on the same page. */
const MAX_SECONDS = 3_600

/** Everything that a call may say. Further members, such as PolicyArns or TransitiveTagKeys, are never ours. */
const MEMBERS: readonly string[] = [
  'RoleArn',
  'RoleSessionName',
  'SourceIdentity',
  'Policy',
  'DurationSeconds',
  'ExternalId',
  'Tags',
]
const HASH = /^[A-Za-z0-9_-]{22}$/

/**
 * Why this AssumeRole must not leave the process; undefined when it may. It trusts nothing that built the call: each
 * call must be for one app of the configuration, in all of its parts, and may be narrower, never wider.
 */
export function breachOf(input: unknown, apps: Iterable<VendingApp>): string | undefined {
  if (!isRecord(input)) return 'it says nothing'
  const strange = Object.keys(input).find((key) => !MEMBERS.includes(key))
  if (strange !== undefined) return `it has ${strange}`
  const tagged = taggedApp(input['Tags'])
  const app = [...apps].find(({ id }) => id === tagged)
  if (app === undefined) return 'its tags are not those of an app'
  const { DurationSeconds: seconds, Policy: policy } = input
  const rules: readonly (readonly [boolean, string])[] = [
    [input['RoleArn'] === app.roleArn, 'the role is another'],
    [input['ExternalId'] === app.externalId, 'the external id is another'],
    [isHashBehind('headgate-', input['SourceIdentity']), 'the source identity is no pseudonym'],
    [isHashBehind(`headgate-${app.id}-`, input['RoleSessionName']), 'the session name is another'],
    [isWithin(seconds, MIN_SECONDS, MAX_SECONDS), 'the duration is out of range'],
    [typeof policy === 'string' && isWithinCeiling(policy, app), 'the session policy is missing or too wide'],
  ]
  return rules.find(([holds]) => !holds)?.[1]
}

function isWithinCeiling(policy: string, { stream, kmsKeyArn }: VendingApp): boolean {
  const document = jsonIn(policy)
  // As we write it: no key twice, of which another parser would take the other.
  if (!isRecord(document) || JSON.stringify(document) !== policy || policy.length > MAX_POLICY_CHARS)
    return false
  const { Version: version, Statement: statements } = document
  if (!hasOnly(document, ['Version', 'Statement']) || version !== '2012-10-17' || !isFilled(statements)) {
    return false
  }
  return statements.every(
    (statement) =>
      isRecord(statement) &&
      hasOnly(statement, ['Effect', 'Action', 'Resource', 'Condition']) &&
      statement['Effect'] === 'Allow' &&
      (allows(statement, PUT_ACTIONS, stream.arn) ||
        (allows(statement, [KEY_ACTION], kmsKeyArn) && isByKinesis(statement))),
  )
}

function allows(statement: Members, wanted: readonly unknown[], resource: string | undefined): boolean {
  const { Action: actions, Resource: resources } = statement
  return (
    isFilled(actions) &&
    isFilled(resources) &&
    actions.every((action) => wanted.includes(action)) &&
    resources.every((named) => named === resource)
  )
}

/** A key is used by way of Kinesis alone. Other conditions only narrow, so they are not looked at. */
function isByKinesis({ Condition: condition }: Members): boolean {
  const equals = isRecord(condition) ? condition['StringEquals'] : undefined
  const service = isRecord(equals) ? equals['kms:ViaService'] : undefined
  return typeof service === 'string' && /^kinesis\.[a-z0-9-]+\.amazonaws\.com$/.test(service)
}

/** Both, and nothing beside them. */
function taggedApp(tags: unknown): unknown {
  if (!isFilled(tags) || tags.length !== 2) return undefined
  const byKey = new Map(tags.filter(isRecord).map(({ Key: key, Value: value }) => [key, value]))
  return byKey.has(VEND_TAG) ? byKey.get(APP_TAG) : undefined
}

type Members = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const hasOnly = (value: Members, keys: readonly string[]) =>
  Object.keys(value).every((key) => keys.includes(key))
const isFilled = (value: unknown): value is readonly unknown[] => Array.isArray(value) && value.length > 0
const isHashBehind = (prefix: string, value: unknown) =>
  typeof value === 'string' && value.startsWith(prefix) && HASH.test(value.slice(prefix.length))
const isWithin = (value: unknown, least: number, most: number) =>
  Number.isInteger(value) && Number(value) >= least && Number(value) <= most
