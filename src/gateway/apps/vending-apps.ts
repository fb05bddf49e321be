import type { AppConfig, CredentialsConfig, IssuerConfig } from '../../config/schema/config-schema.ts'
import { AppError } from '../../std/errors.ts'
import { originsOf } from './registry.ts'

/** An app that has credentials, as the vending meets it. Everything in it comes from the configuration. */
export interface VendingApp {
  readonly id: string
  readonly isEnabled: boolean
  readonly mode: CredentialsConfig['mode']
  readonly issuers: readonly IssuerConfig[]
  /** Those of all apps: one list. */
  readonly allIssuers: readonly IssuerConfig[]
  readonly stream: { readonly name: string; readonly arn: string }
  readonly region: string
  readonly accountId: string
  readonly roleArn: string
  readonly externalId: string
  readonly attestation: CredentialsConfig['attestation']
  readonly kmsKeyArn: string | undefined
  readonly durationSeconds: number
  readonly endWithToken: boolean
  /** Hashes of subjects that get nothing any more. */
  readonly denied: ReadonlySet<string>
  readonly origins: ReadonlySet<string>
  readonly ip: AppConfig['privacy']['ip']
}

/** The apps that have credentials. */
export interface Directory {
  byId(id: string): VendingApp | undefined
  all(): Iterable<VendingApp>
  /** Reloads: holds from the next request on. */
  replace(apps: readonly AppConfig[]): void
}

/** How subjects and sessions are called in IAM and CloudTrail; the trust policy of the role knows it as well. */
export const NAME_PREFIX = 'headgate-'

export function createDirectory(apps: readonly AppConfig[], region: string | undefined): Directory {
  let byId = indexed(apps, region)
  return {
    byId: (id) => byId.get(id),
    all: () => byId.values(),
    replace(next) {
      byId = indexed(next, region)
    },
  }
}

function indexed(apps: readonly AppConfig[], region: string | undefined): Map<string, VendingApp> {
  const byId = new Map<string, VendingApp>()
  const allIssuers = apps.flatMap(({ credentials }) => credentials?.issuers ?? [])
  for (const app of apps) {
    if (app.credentials === undefined) continue
    if (region === undefined) throw new AppError('bad_configuration', 'Credentials need a region')
    byId.set(app.id, { ...vendingAppOf(app, app.credentials, region), allIssuers })
  }
  return byId
}

/** A subject as CloudTrail shows it; a hash may begin like that as well. */
const SOURCE_IDENTITY = /^headgate-(?=.{22}$)/
/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
const ROLE_ARN = /^arn:([a-z-]+):iam::(\d{12}):role\/.*$/

function vendingAppOf(
  { id, origins, privacy }: AppConfig,
  credentials: CredentialsConfig,
  region: string,
): Omit<VendingApp, 'allIssuers'> {
  const { enabled, mode, issuers, roleArn, externalId, kmsKeyArn, durationSeconds, endWithToken } =
    credentials
  const [partition, accountId] = [roleArn.replace(ROLE_ARN, '$1'), roleArn.replace(ROLE_ARN, '$2')]
  const name = credentials.stream ?? `headgate-direct-${id}`
  return {
    ...{ id, mode, issuers, region, accountId, roleArn, externalId, durationSeconds, endWithToken },
    isEnabled: enabled,
    stream: { name, arn: `arn:${partition}:kinesis:${region}:${accountId}:stream/${name}` },
    kmsKeyArn,
    attestation: credentials.attestation,
    denied: new Set(credentials.deny.map((name) => name.replace(SOURCE_IDENTITY, ''))),
    origins: originsOf(origins),
    ip: privacy.ip,
  }
}
