import type { Config } from '../../config/parse.ts'
import { type RevocationTarget, SESSION_MS } from '../../gateway/credentials/revoke/revoked-policy.ts'
import { createSubjectHasher } from '../../gateway/credentials/tokens/subject-hash.ts'
import { AppError } from '../../std/errors.ts'
import { didYouMean } from '../../std/input/did-you-mean.ts'
import { instant } from '../../std/input/instant.ts'
import type { Flags } from '../terminal/command.ts'
import type { Terminal } from '../terminal/terminal.ts'

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
export function targetOf(flags: Flags, config: Config, terminal: Terminal): RevocationTarget {
  const given = ['app', 'subject', 'identity', 'all'].filter((name) => flags[name] !== undefined)
  if (given.length !== 1) throw invalid('Exactly one of --app, --subject, --identity and --all is needed.')
  if (flags['app'] !== undefined) return { kind: 'app', app: appOf(flags, config, terminal) }
  if (flags['subject'] !== undefined)
    return { kind: 'subject', sourceIdentity: sourceIdentityOf(flags, config, terminal) }
  if (flags['all'] !== undefined) return { kind: 'everyone' }
  const what = 'headgate- and 22 characters, as in CloudTrail'
  return { kind: 'subject', sourceIdentity: textOf(flags, 'identity', /^headgate-[\w-]{22}$/, what) }
}

/** A name that no app has would end no session, and nobody would notice. */
function appOf(flags: Flags, { apps }: Config, { err }: Terminal): string {
  const app = textOf(flags, 'app', /^[a-z0-9][a-z0-9_-]{0,63}$/, 'the id of an app')
  const ids = apps.map(({ id }) => id)
  if (ids.includes(app)) return app
  if (ids.length > 0)
    throw invalid(`--app: the configuration has no app "${app}"${didYouMean(app, ids) || '.'}`)
  err(
    `headgate revoke: warning: no configuration with apps was given (--config): whether "${app}" is one was not checked\n`,
  )
  return app
}

function sourceIdentityOf(flags: Flags, config: Config, { env }: Terminal): string {
  const name = flags['key-env'] ?? config.gateway.credentials.subjectKeyEnv
  if (name === undefined) throw invalid('--subject needs --key-env, or gateway.credentials.subjectKeyEnv.')
  // Never an option: others see the command line of a process.
  const key = env[String(name)]
  if (key === undefined) throw invalid(`There is no variable ${name}, which should hold the key of subjects.`)
  return `headgate-${createSubjectHasher(key).hash(issuerOf(flags, config), String(flags['subject']))}`
}

/** The same `sub` of two issuers is two people. */
function issuerOf({ issuer }: Flags, { apps }: Config): string {
  if (issuer !== undefined) return String(issuer)
  const issuers = new Set(
    apps.flatMap(({ credentials }) => credentials?.issuers ?? []).map((one) => one.issuer),
  )
  const [only] = issuers
  if (only !== undefined && issuers.size === 1) return only
  throw invalid(
    issuers.size === 0 ? '--subject needs --issuer.' : `--issuer must be one of ${[...issuers].join(', ')}.`,
  )
}

export function beforeOf({ before }: Flags, nowMs: number): number {
  const beforeMs = before === undefined ? nowMs : instant('--before', String(before))
  if (beforeMs < nowMs - SESSION_MS)
    throw invalid('--before is more than an hour ago: sessions of that time have ended.')
  if (beforeMs > nowMs + SESSION_MS)
    throw invalid('--before is more than an hour ahead: to end the vending is the part of the gateways.')
  return beforeMs
}

/** The role that the apps in question are given, where the configuration names one only. */
export function roleOf(flags: Flags, { apps }: Config): string {
  if (flags['role'] !== undefined) return textOf(flags, 'role', /^[\w+=,.@-]{1,64}$/, 'the name of a role')
  const meant = apps.filter(({ id }) => flags['app'] === undefined || flags['app'] === id)
  const arns = new Set(meant.flatMap(({ credentials }) => credentials?.roleArn ?? []))
  const names = [...arns].map((arn) => arn.slice(arn.lastIndexOf('/') + 1))
  if (names.length > 1) throw invalid(`--role must be one of ${names.join(', ')}.`)
  return names[0] ?? ROLE
}
