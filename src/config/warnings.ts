import { isIPv4 } from 'node:net'
import { MAX_EVENT_AGE_MS } from '../event/enrich.ts'
import { inUnits } from '../std/input/quantities.ts'
import { MIN_TOKEN_CHARS, weaknessOf } from '../std/input/strong-secret.ts'
import { guessedDigest } from './digests.ts'
import type { Environment } from './environment.ts'
import type { ConfigFault } from './faults.ts'
import { isLoopback } from './loopback.ts'
import type { ServicePlace } from './place-rules.ts'
import type { Config } from './schema/config-schema.ts'
import type { DigestHolder } from './schema/schema-parts.ts'
import { thresholdWarnings } from './threshold-warnings.ts'

/** Below these, a network is more than anybody's own: 10.0.0.0/8 and fd00::/8 are the widest private ones. */
const WIDEST_PREFIX = 8

/** The largest buffer: https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html */
const LARGEST_OBJECT_BYTES = 134_217_728

/** https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html */
const AWS_REGION = /^[a-z]{2,8}(?:-[a-z]{2,12}){1,3}-\d{1,2}$/
const NOWHERE = 'is not as AWS names its regions (eu-west-1), and no endpoint says where else it is'

/** Whether a service is asked for where AWS has none. */
function isNowhere(place: ServicePlace, aws: ServicePlace): boolean {
  const [region, endpoint] = [place.region ?? aws.region, place.endpoint ?? aws.endpoint]
  return region !== undefined && endpoint === undefined && !AWS_REGION.test(region)
}

const warnIf = (applies: boolean, path: string, message: string): ConfigFault[] =>
  applies ? [{ path, message }] : []

const warnOf = (path: string, message: string | undefined): ConfigFault[] =>
  message === undefined ? [] : [{ path, message }]

/** What can work, but hardly as it was meant. It is said and changes nothing. */
export function configWarnings(config: Config): ConfigFault[] {
  const { apps, aggregation, aws, gateway, lake } = config
  const { rollups } = aggregation
  return [
    ...aggregation.tokens.flatMap(({ apps, scopes }, i) =>
      warnIf(
        apps !== undefined && scopes.includes('run'),
        `aggregation.tokens.${i}.scopes`,
        '"run" does nothing beside `apps`: runs are about all apps, so this token never starts, sees or cancels one',
      ),
    ),
    ...aggregation.tokens.flatMap(({ scopes }, i) =>
      warnIf(
        scopes.includes('events') && !scopes.includes('read'),
        `aggregation.tokens.${i}.scopes`,
        '"events" does nothing without "read": single events are told in answers to queries',
      ),
    ),
    ...warnIf(
      apps.length > 0 && aggregation.tokens.length === 0,
      'aggregation.tokens',
      'there are none, so nobody can open the dashboard or ask for numbers; `headgate key new --token` makes one',
    ),
    ...warnIf(
      rollups.length > 0 && !rollups.some(({ sets }) => sets.some(isWholeApp)),
      'aggregation.rollups',
      'none has a set of the whole app: the dashboard has nothing to draw, and every query has to name a `set`; add { name: app, dimensions: [] }',
    ),
    ...thresholdWarnings(config),
    ...apps.flatMap(({ keys, aliases, keyless, credentials, origins }, i) =>
      warnIf(
        keys.length === 0 && aliases.length === 0 && !keyless && credentials === undefined,
        `apps.${i}`,
        origins.length > 0
          ? 'has no keys and is not `keyless`, so that all it is sent is refused: an origin alone is not enough; `headgate key new` makes a key'
          : 'has no keys, so that all it is sent is refused; `headgate key new` makes one',
      ),
    ),
    ...gateway.trustProxy.flatMap((network, i) =>
      warnIf(
        isWide(network),
        `gateway.trustProxy.${i}`,
        'trusts (nearly) everybody: whoever reaches this gateway directly can claim any address in X-Forwarded-For',
      ),
    ),
    ...gateway.trustProxy.flatMap((network, i) => {
      const meant = meantBy(network)
      return warnIf(
        meant !== network,
        `gateway.trustProxy.${i}`,
        `is taken as ${meant}: is that what was meant?`,
      )
    }),
    ...warnIf(
      gateway.stream.kind === 'lake' && gateway.stream.name !== undefined,
      'gateway.stream.name',
      'is for gateway.stream.kind "kinesis": events go to the lake, and not to that stream',
    ),
    ...warnIf(lake.kind === 's3' && isNowhere(lake, aws), 'lake.region', NOWHERE),
    ...warnIf(
      gateway.stream.kind === 'kinesis' && isNowhere(gateway.stream, aws),
      'gateway.stream.region',
      NOWHERE,
    ),
    ...horizonWarning(aggregation.schedule),
    ...warnIf(
      lake.kind === 's3' && lake.maxTempBytes < LARGEST_OBJECT_BYTES,
      'lake.maxTempBytes',
      'is less than one object of Firehose may have (128MiB), and what does not fit is never computed',
    ),
  ]
}

/** What a query asks for that names no set, of whichever rollup keeps it. */
const isWholeApp = ({ name, dimensions }: Config['aggregation']['rollups'][number]['sets'][number]) =>
  name === 'app' && dimensions.length === 0

const digestsOf = ({ apps, aggregation }: Config): [path: string, digest: string, DigestHolder][] => [
  ...apps.flatMap(({ keys }, i) =>
    keys.map(({ sha256 }, k): [string, string, DigestHolder] => [
      `apps.${i}.keys.${k}.sha256`,
      sha256,
      'key',
    ]),
  ),
  ...aggregation.tokens.map(({ sha256 }, i): [string, string, DigestHolder] => [
    `aggregation.tokens.${i}.sha256`,
    sha256,
    'token',
  ]),
]

function horizonWarning({ horizon }: Config['aggregation']['schedule']): ConfigFault[] {
  const [own, age] = [horizon, MAX_EVENT_AGE_MS].map((ms) => inUnits('duration', ms))
  return warnIf(
    horizon < MAX_EVENT_AGE_MS,
    'aggregation.schedule.horizon',
    `is ${own}, and the gateway takes events that are up to ${age} old: those that come later are not counted until a run with "reprocess": "all"; ${age} or more takes them in`,
  )
}

/** What a start would refuse, and a check elsewhere cannot hold against the file; and secrets that are good for a try only. */
export function startWarnings(config: Config, env: Environment): ConfigFault[] {
  const { apps, aggregation, gateway } = config
  const listeners = { 'gateway.listen.host': gateway.listen, 'aggregation.listen.host': aggregation.listen }
  const secrets: readonly [path: string, name: string | undefined, minChars?: number][] = [
    ['gateway.credentials.subjectKeyEnv', gateway.credentials.subjectKeyEnv],
    ['gateway.credentials.recordKeyEnv', gateway.credentials.recordKeyEnv],
    ['gateway.idempotency.secretEnv', gateway.idempotency.secretEnv],
    ['aggregation.gatewayTokenEnv', aggregation.gatewayTokenEnv, MIN_TOKEN_CHARS],
  ]
  return [
    ...Object.entries(listeners).flatMap(([path, { host }]) =>
      warnIf(
        apps.length === 0 && !isLoopback(host),
        path,
        `no start listens on ${host} while there are no apps, but on loopback only`,
      ),
    ),
    ...secrets.flatMap(([path, name, minChars]) => {
      if (name === undefined) return []
      const secret = env[name]
      const unset = `the variable ${name} is not set here; where Headgate starts it must be`
      return warnOf(path, secret ? weaknessOf(secret, minChars) : unset)
    }),
    ...digestsOf(config).flatMap(([path, ...digest]) => warnOf(path, guessedDigest(...digest))),
  ]
}

function isWide(network: string): boolean {
  const [, prefix] = network.split('/')
  return prefix !== undefined && Number(prefix) < WIDEST_PREFIX
}

/** What a network is in force: no zone is looked at, and no bit behind the prefix. */
function meantBy(network: string): string {
  const plain = network.replace(/%[^/]*/, '')
  const [address = '', prefix] = plain.split('/')
  // An address of IPv6 is not looked at, as its texts are many.
  if (prefix === undefined || !isIPv4(address)) return plain
  const bits = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const block = 2 ** (32 - Number(prefix))
  const first = Math.floor(bits / block) * block
  return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.')}/${prefix}`
}
