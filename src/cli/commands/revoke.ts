import {
  heldPolicy,
  POLICY_NAME,
  type Revocation,
  type RevocationPolicy,
  revokedPolicy,
  usefulUntilMs,
} from '../../gateway/credentials/revoke/revoked-policy.ts'
import { systemClock } from '../../std/clock.ts'
import { readAtMost } from '../../std/files/too-large.ts'
import { isoSecondsCeil } from '../../std/iso-seconds.ts'
import { aws } from '../client/aws.ts'
import { loadConfig } from '../setup/load.ts'
import { whyUnreadable } from '../setup/unreadable.ts'
import { CONFIG_OPTION, type Command, EXIT, type Flags } from '../terminal/command.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { beforeOf, invalid, ROLE, roleOf, targetOf } from './revoke-flags.ts'

/** The largest policy that is read: IAM's have at most 10,240 characters. */
export const MAX_POLICY_BYTES = 1_048_576

/** Who is meant is asked for: nobody by default. */
const NOBODY = 'none: exactly one of --app, --subject, --identity and --all is needed'

export const revokeCommand: Command = {
  name: 'revoke',
  summary: 'End sessions that were vended, by denying them everything.',
  description: `Prints the policy that denies sessions which began before a time, and the commands of the AWS command line that give
it to the vended role; --apply runs those commands, with the credentials that they find. Sessions that begin later work:
first take the app or the subject from the configuration of the gateways. docs/runbooks/revoke.md tells the whole way.
Exactly one of --app, --subject, --identity and --all says whose sessions are meant.`,
  options: {
    ...CONFIG_OPTION,
    app: { type: 'string', value: 'ID', help: 'All sessions of this app.', byDefault: NOBODY },
    subject: {
      type: 'string',
      value: 'SUB',
      help: "One person's or device's, by the `sub` of the tokens.",
      byDefault: NOBODY,
    },
    issuer: {
      type: 'string',
      value: 'URL',
      help: 'Whose `sub` it is: the `iss` of the tokens.',
      byDefault: 'the only one that is configured',
    },
    'key-env': {
      type: 'string',
      value: 'NAME',
      help: 'The variable with the key of subjects.',
      byDefault: 'the one that gateway.credentials.subjectKeyEnv names',
    },
    identity: {
      type: 'string',
      value: 'NAME',
      help: "One person's or device's, by the name in CloudTrail: headgate-….",
      byDefault: NOBODY,
    },
    all: { type: 'boolean', help: 'All sessions of the role.' },
    before: {
      type: 'string',
      value: 'TIME',
      help: 'Sessions that began before: ISO 8601 or epoch milliseconds.',
      byDefault: 'now',
    },
    role: {
      type: 'string',
      value: 'NAME',
      help: 'The vended role.',
      byDefault: `that of the configuration, or ${ROLE}`,
    },
    merge: {
      type: 'string',
      value: 'FILE',
      help: `What ${POLICY_NAME} holds already: it is kept, without what has become useless.`,
      byDefault: 'nothing; with --apply what the role has',
    },
    apply: { type: 'boolean', help: 'Run the commands, and merge with what the role has.' },
    json: { type: 'boolean', help: 'Print the policy alone.' },
  },
  async run({ flags }, terminal) {
    const nowMs = systemClock.nowMs()
    const config = await loadConfig(flags, terminal)
    const target = targetOf(flags, config, terminal)
    const work: Work = {
      role: roleOf(flags, config),
      revocation: { target, beforeMs: beforeOf(flags, nowMs) },
      nowMs,
    }
    return flags['apply'] === true ? apply(work, flags, terminal) : print(work, flags, terminal)
  },
}

interface Work {
  readonly role: string
  readonly revocation: Revocation
  readonly nowMs: number
}

async function print({ role, revocation, nowMs }: Work, { merge, json }: Flags, terminal: Terminal) {
  const held = merge === undefined ? undefined : heldPolicy(await readHeld(String(merge)))
  const policy = revokedPolicy(revocation, nowMs, held)
  const commands = `${firstSee(role, held)}${thenPut(role, policy)}\n${aftermath(role, revocation)}`
  terminal.out(json === true ? pretty(policy) : `${pretty(policy)}\n${commands}`)
  return EXIT.ok
}

async function readHeld(path: string): Promise<string> {
  try {
    return String(await readAtMost(path, MAX_POLICY_BYTES))
  } catch (cause) {
    throw invalid(`--merge: cannot read ${path}: ${whyUnreadable(cause, MAX_POLICY_BYTES)}`)
  }
}

async function apply({ role, revocation, nowMs }: Work, { merge, json }: Flags, terminal: Terminal) {
  if (merge !== undefined) throw invalid('--apply merges with what the role has: leave --merge out.')
  const got = await aws(getCommand(role), terminal)
  // The role has nothing under the name yet; if there is no such role either, the next command says so.
  const isNew = got.kind === 'failed' && got.why.includes('(NoSuchEntity)')
  if (got.kind === 'failed' && !isNew) return failed(got.why, terminal)
  const policy = revokedPolicy(revocation, nowMs, got.kind === 'done' ? heldPolicy(got.out) : undefined)
  const put = await aws(putCommand(role, policy), terminal)
  if (put.kind === 'failed') return failed(put.why, terminal)
  const what = `${POLICY_NAME} of ${role} is now\n\n${pretty(policy)}\n${aftermath(role, revocation)}`
  terminal.out(json === true ? pretty(policy) : what)
  return EXIT.ok
}

function failed(why: string, terminal: Terminal): number {
  terminal.err(`headgate revoke: the AWS command line failed: ${why}\n`)
  return EXIT.failed
}

const pretty = (policy: RevocationPolicy): string => `${JSON.stringify(policy, null, 2)}\n`

const getCommand = (role: string): readonly string[] => [
  ...['iam', 'get-role-policy', '--role-name', role, '--policy-name', POLICY_NAME],
  ...['--query', 'PolicyDocument', '--output', 'json'],
]
const putCommand = (role: string, policy: RevocationPolicy): readonly string[] => [
  ...['iam', 'put-role-policy', '--role-name', role, '--policy-name', POLICY_NAME],
  ...['--policy-document', JSON.stringify(policy)],
]

/** As a shell takes it. */
const shell = (args: readonly string[]): string =>
  ['aws', ...args].map((arg) => (/^[\w+=,.@/:-]+$/.test(arg) ? arg : quoted(arg))).join(' ')
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

const firstSee = (role: string, held: RevocationPolicy | undefined): string =>
  held !== undefined
    ? ''
    : `It is all that ${POLICY_NAME} of ${role} will hold. See first what it holds (NoSuchEntity: nothing), and give that with --merge:

  ${shell(getCommand(role))} > ${POLICY_NAME}.json

`

const thenPut = (role: string, policy: RevocationPolicy): string =>
  `To put it, with the rights of docs/iam/revoking.policy.json:

  ${shell(putCommand(role, policy))}
`

const aftermath = (role: string, { beforeMs }: Revocation): string =>
  `IAM takes seconds to minutes to hear of it. From ${isoSecondsCeil(usefulUntilMs(beforeMs))} on the sessions have ended by themselves;
when no later revocation is in it, the policy can go:

  ${shell(['iam', 'delete-role-policy', '--role-name', role, '--policy-name', POLICY_NAME])}
`
