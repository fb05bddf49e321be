import { isIP } from 'node:net'
import { type Config, MIN_JOURNAL_BYTES } from '../config-schema.ts'
import { type Fault, faultIf, unique } from './faults.ts'
import { credentialFaults } from './rules-credentials.ts'

/** What the shape of a configuration cannot say: uniqueness, cross references, addresses. */
export function ruleFaults(config: Config): Fault[] {
  return [
    ...appFaults(config),
    ...gatewayFaults(config),
    ...credentialFaults(config),
    ...lakeFaults(config),
    ...aggregationFaults(config),
    ...processFaults(config),
  ]
}

function appFaults({ apps }: Config): Fault[] {
  const [newId, newKey, newAlias, newKeylessOrigin] = [unique(), unique(), unique(), unique()]
  return apps.flatMap((app, i) => [
    ...newId(app.id, `apps.${i}.id`, `app id "${app.id}"`),
    ...app.keys.flatMap((key, k) => newKey(key.sha256, `apps.${i}.keys.${k}`, 'this key')),
    ...app.aliases.flatMap((alias, a) => newAlias(alias, `apps.${i}.aliases.${a}`, `alias "${alias}"`)),
    ...faultIf(app.keyless && app.origins.length === 0, `apps.${i}.keyless`, 'needs at least one origin'),
    // An origin alone must lead to one app only, or its events could land in another's numbers.
    ...(app.keyless ? app.origins : []).flatMap((origin, o) =>
      newKeylessOrigin(
        origin.toLowerCase(),
        `apps.${i}.origins.${o}`,
        `the origin "${origin}" of a keyless app`,
      ),
    ),
  ])
}

interface Place {
  readonly region?: string
  readonly endpoint?: string
}

/** Without an endpoint, which is an emulator's or another vendor's, the region says where. */
const located = (place: Place, aws: Place): boolean =>
  [place.region, place.endpoint, aws.region, aws.endpoint].some((value) => value !== undefined)

function gatewayFaults({ gateway, aws }: Config): Fault[] {
  const { kind, name } = gateway.stream
  return [
    ...gateway.trustProxy.flatMap((cidr, i) =>
      faultIf(!isCidr(cidr), `gateway.trustProxy.${i}`, 'must be an address or a CIDR such as 10.0.0.0/8'),
    ),
    ...faultIf(
      gateway.journal.maxBytes / gateway.workers < MIN_JOURNAL_BYTES,
      'gateway.journal.maxBytes',
      'must be at least 8MiB for each of gateway.workers',
    ),
    ...faultIf(kind === 'kinesis' && name === undefined, 'gateway.stream.name', 'is required for kinesis'),
    ...faultIf(
      kind === 'kinesis' && !located(gateway.stream, aws),
      'gateway.stream.region',
      'is required for kinesis (or aws.region)',
    ),
  ]
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BUCKET = /^(?!xn--|sthree-|amzn-s3-demo-)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
/** Directory and table buckets, whose listings and names follow other rules. */
const OTHER_BUCKET = /--(x|table)-s3$/

function lakeFaults({ lake, aws }: Config): Fault[] {
  const { kind, bucket } = lake
  if (kind !== 's3')
    return faultIf(
      bucket !== undefined,
      'lake.bucket',
      'is for lake.kind "s3": events would stay on this disk',
    )
  if (bucket === undefined) return [{ path: 'lake.bucket', message: 'is required for s3' }]
  return [
    ...faultIf(
      !BUCKET.test(bucket) || isIP(bucket) !== 0,
      'lake.bucket',
      'must be a bucket name: 3 to 63 of a-z, 0-9, dot and hyphen, beginning and ending with a letter or digit',
    ),
    ...faultIf(OTHER_BUCKET.test(bucket), 'lake.bucket', 'must be a general purpose bucket'),
    ...faultIf(!located(lake, aws), 'lake.region', 'is required for s3 (or aws.region)'),
  ]
}

function aggregationFaults({ aggregation, apps }: Config): Fault[] {
  const appIds = new Set(apps.map((app) => app.id))
  const [newToken, newRollup] = [unique(), unique()]
  return [
    ...aggregation.tokens.flatMap((token, i) => [
      ...newToken(token.name, `aggregation.tokens.${i}.name`, `token name "${token.name}"`),
      ...(token.apps ?? []).flatMap((app) =>
        faultIf(!appIds.has(app), `aggregation.tokens.${i}.apps`, `names no app: "${app}"`),
      ),
    ]),
    ...aggregation.rollups.flatMap((rollup, i) => {
      const newSet = unique()
      return [
        ...newRollup(rollup.id, `aggregation.rollups.${i}.id`, `rollup id "${rollup.id}"`),
        ...rollup.sets.flatMap((set, s) =>
          newSet(set.name, `aggregation.rollups.${i}.sets.${s}`, `set "${set.name}"`),
        ),
      ]
    }),
  ]
}

function processFaults({ gateway, aggregation, shutdown }: Config): Fault[] {
  const clash = gateway.listen.port !== 0 && gateway.listen.port === aggregation.listen.port
  return [
    ...faultIf(clash, 'aggregation.listen.port', 'must differ from gateway.listen.port'),
    ...faultIf(shutdown.drainMs > shutdown.totalMs, 'shutdown.drainMs', 'must not exceed shutdown.totalMs'),
  ]
}

/** A boolean or a hop count would trust whoever writes X-Forwarded-For: only addresses and networks are taken. */
function isCidr(text: string): boolean {
  const [address = '', prefix = '0', ...rest] = text.split('/')
  const bits = isIP(address) === 4 ? 32 : 128
  return isIP(address) !== 0 && rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits
}
