import type { Config } from '../config.ts'
import { SESSION_MS, type Target } from '../gateway/credentials/revoked-policy.ts'
import { createSubjectHasher } from '../gateway/credentials/subject-hash.ts'
import { AppError } from '../std/errors.ts'
import { instant } from '../std/instant.ts'
import type { Flags } from './command.ts'
import type { Terminal } from './terminal.ts'

/** As docs/iam names it. */
export const ROLE = 'headgate-vended'

export const invalid = (message: string): AppError => new AppError('invalid_request', message)

/** The text of an option, which must look so. */
function textOf(flags: Flags, name: string, pattern: RegExp, what: string): string {
  const text = String(flags[name])
  if (!pattern.test(text)) throw invalid(`--${name} must be ${what}.`)
  return text
}

/** Whose sessions the options name. */
export function targetOf(flags: Flags, config: Config, terminal: Terminal): Target {
  const given = ['app', 'subject', 'identity', 'all'].filter((name) => flags[name] !== undefined)
  if (given.length !== 1) throw invalid('Exactly one of --app, --subject, --identity and --all is needed.')
  if (flags['app'] !== undefined) return { kind: 'app', app: appOf(flags, config) }
  if (flags['subject'] !== undefined)
    return { kind: 'subject', sourceIdentity: sourceIdentityOf(flags, terminal) }
  if (flags['all'] !== undefined) return { kind: 'everyone' }
  const what = 'headgate- and 22 characters, as in CloudTrail'
  return { kind: 'subject', sourceIdentity: textOf(flags, 'identity', /^headgate-[\w-]{22}$/, what) }
}

/** A name that no app has would end no session, and nobody would notice. */
function appOf(flags: Flags, { apps }: Config): string {
  const app = textOf(flags, 'app', /^[a-z0-9][a-z0-9_-]{0,63}$/, 'the id of an app')
  if (apps.length === 0 || apps.some(({ id }) => id === app)) return app
  throw invalid(`--app: the configuration has no app "${app}".`)
}

function sourceIdentityOf(flags: Flags, { env }: Terminal): string {
  const { subject, issuer, 'key-env': name } = flags
  if (issuer === undefined || name === undefined) throw invalid('--subject needs --issuer and --key-env.')
  // Never an option: others see the command line of a process.
  const key = env[String(name)]
  if (key === undefined) throw invalid(`--key-env: there is no variable ${name}.`)
  return `headgate-${createSubjectHasher(key).hash(String(issuer), String(subject))}`
}

export function beforeOf({ before }: Flags, nowMs: number): number {
  const beforeMs = before === undefined ? nowMs : instant('--before', String(before))
  if (beforeMs < nowMs - SESSION_MS)
    throw invalid('--before is more than an hour ago: sessions of that time have ended.')
  if (beforeMs > nowMs + SESSION_MS)
    throw invalid('--before is more than an hour ahead: to end the vending is the part of the gateways.')
  return beforeMs
}

export const roleOf = (flags: Flags): string =>
  flags['role'] === undefined ? ROLE : textOf(flags, 'role', /^[\w+=,.@-]{1,64}$/, 'the name of a role')
