import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { HOUR_MS } from '../../../std/durations.ts'
import { AppError } from '../../../std/errors.ts'
import { isoSecondsCeil } from '../../../std/iso-seconds.ts'
import { jsonIn } from '../../../std/json.ts'

/** What sessions that were vended already are denied. Credentials cannot be called back, but each call asks the role. */

/** The role's inline policy that holds nothing else. */
export const POLICY_NAME = 'headgate-revoked'
/** No session of the role lives longer: MaxSessionDuration of docs/iam/vended.role.json, and STS for a role that a role assumes. */
export const SESSION_MS = HOUR_MS
/** Clocks of ours may be wrong by so much without a statement being dropped too soon. */
const SKEW_MS = 300_000
/**
 * The longest policy: a role's inline policies may have 10,240 characters together, and its own needs room:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
const MAX_CHARS = 8_192

/** Whose sessions: of one app, of one subject in whatever app, or all of the role. */
export type RevocationTarget =
  | { readonly kind: 'app'; readonly app: string }
  | { readonly kind: 'subject'; readonly sourceIdentity: string }
  | { readonly kind: 'everyone' }

export interface Revocation {
  readonly target: RevocationTarget
  /** Sessions that began before it, to the second. Those that begin later work: to end the vending is the gateway's part. */
  readonly beforeMs: number
}

const strict = { additionalProperties: false } as const
const ISSUED = 'aws:TokenIssueTime'
const APP = 'aws:PrincipalTag/headgate:app'
const SUBJECT = 'aws:SourceIdentity'
const equals = (key: string) => Type.Object({ [key]: Type.Array(Type.String()) }, strict)

const Denial = Type.Object(
  {
    Effect: Type.Literal('Deny'),
    Action: Type.Literal('*'),
    Resource: Type.Literal('*'),
    Condition: Type.Object(
      {
        DateLessThan: Type.Object({ [ISSUED]: Type.String({ format: 'date-time' }) }, strict),
        // One key: two would be meant together, not each.
        StringEquals: Type.Optional(Type.Union([equals(APP), equals(SUBJECT)])),
      },
      strict,
    ),
  },
  strict,
)
type Denial = Static<typeof Denial>
const denial = Compile(Denial)

const RevocationPolicy = Type.Object({
  Version: Type.Literal('2012-10-17'),
  Statement: Type.Array(Type.Object({ Effect: Type.Literal('Deny') })),
})
export type RevocationPolicy = Static<typeof RevocationPolicy>
const held = Compile(RevocationPolicy)

/** What the role has under our name. A statement in it that allows something is none that this may put there again. */
export function heldPolicy(text: string): RevocationPolicy {
  const policy = jsonIn(text)
  if (held.Check(policy)) return policy
  throw new AppError(
    'invalid_request',
    `${POLICY_NAME} must be a policy, in JSON, whose statements all deny.`,
  )
}

/** When even the youngest of the sessions has ended by itself. */
export const usefulUntilMs = (beforeMs: number): number => beforeMs + SESSION_MS + SKEW_MS

/** The policy with the revocation in it, and with those that are held already, as long as they are of use. */
export function revokedPolicy(
  revocation: Revocation,
  nowMs: number,
  { Statement }: RevocationPolicy = EMPTY,
): RevocationPolicy {
  const others = Statement.filter((statement) => !denial.Check(statement))
  const entries = [...Statement.filter(isDenial).flatMap(entriesOf), entryOf(revocation)]
  const useful = latest(entries.filter(({ beforeMs }) => usefulUntilMs(beforeMs) > nowMs))
  const policy: RevocationPolicy = { ...EMPTY, Statement: [...others, ...denialsOf(useful)] }
  const chars = JSON.stringify(policy).length
  if (chars <= MAX_CHARS) return policy
  const why = `${POLICY_NAME} would have ${chars} characters of ${MAX_CHARS}`
  throw new AppError('invalid_request', `${why}: revoke the app, or everyone.`)
}

const EMPTY: RevocationPolicy = { Version: '2012-10-17', Statement: [] }
const isDenial = (statement: object): statement is Denial => denial.Check(statement)

/** One value of a statement. Of everyone: key and value are empty. */
interface Entry {
  readonly key: string
  readonly value: string
  readonly beforeMs: number
}

function entryOf({ target, ...revocation }: Revocation): Entry {
  const beforeMs = ceilToSecondMs(revocation.beforeMs)
  switch (target.kind) {
    case 'app':
      return { key: APP, value: target.app, beforeMs }
    case 'subject':
      return { key: SUBJECT, value: target.sourceIdentity, beforeMs }
    case 'everyone':
      return { ...EVERYONE, beforeMs }
  }
}

const EVERYONE = { key: '', value: '' } as const

function entriesOf({ Condition: { DateLessThan, StringEquals } }: Denial): Entry[] {
  const beforeMs = Date.parse(String(DateLessThan[ISSUED]))
  if (StringEquals === undefined) return [{ ...EVERYONE, beforeMs }]
  return Object.entries(StringEquals).flatMap(([key, values]) =>
    values.map((value) => ({ key, value, beforeMs })),
  )
}

/** Each value once, with its latest time, and none that everyone is denied with. */
function latest(entries: readonly Entry[]): Entry[] {
  const byValue = new Map<string, Entry>()
  for (const entry of entries.toSorted((a, b) => a.beforeMs - b.beforeMs))
    byValue.set(`${entry.key} ${entry.value}`, entry)
  const everyoneMs = byValue.get(' ')?.beforeMs ?? 0
  return [...byValue.values()].filter(({ key, beforeMs }) => key === '' || beforeMs > everyoneMs)
}

/** One statement for all values of a key and a time. */
function denialsOf(entries: readonly Entry[]): Denial[] {
  const groups = new Map<string, DenialGroup>()
  for (const { key, value, beforeMs } of entries) {
    const name = `${key} ${beforeMs}`
    const values = groups.get(name)?.values ?? []
    groups.set(name, { key, beforeMs, values: [...values, value] })
  }
  return [...groups.values()].map(denialOf)
}

interface DenialGroup {
  readonly key: string
  readonly beforeMs: number
  readonly values: readonly string[]
}

const denialOf = ({ key, beforeMs, values }: DenialGroup): Denial => ({
  Effect: 'Deny',
  Action: '*',
  Resource: '*',
  Condition: {
    DateLessThan: { [ISSUED]: isoSecondsCeil(beforeMs) },
    ...(key !== '' && { StringEquals: { [key]: [...values] } }),
  },
})

/** Sessions have whole seconds, so one that began within the second began before its end. */
const ceilToSecondMs = (ms: number): number => Math.ceil(ms / 1_000) * 1_000
