import { isIP } from 'node:net'
import { readOrigin } from '../http/sender/origin.ts'
import { didYouMean } from '../std/input/did-you-mean.ts'
import { inUnits, measured } from '../std/input/quantities.ts'
import { alertFaults } from './alert-rules.ts'
import { credentialFaults } from './credentials-rules.ts'
import { emptyDigest } from './digests.ts'
import { type ConfigFault, faultIf, unique } from './faults.ts'
import { objectiveFaults } from './objective-rules.ts'
import { located, placeFaults } from './place-rules.ts'
import type { Config } from './schema/config-schema.ts'
import { MIN_JOURNAL_BYTES } from './schema/gateway-schema.ts'
import type { DigestHolder } from './schema/schema-parts.ts'

/** What the shape of a configuration cannot say: uniqueness, cross references, addresses. */
export function ruleFaults(config: Config): ConfigFault[] {
  return [
    ...appFaults(config),
    ...placeFaults(config),
    ...gatewayFaults(config),
    ...credentialFaults(config),
    ...lakeFaults(config),
    ...aggregationFaults(config),
    ...objectiveFaults(config),
    ...alertFaults(config),
    ...scheduleFaults(config),
    ...timerFaults(config),
    ...processFaults(config),
  ]
}

function appFaults({ apps }: Config): ConfigFault[] {
  const [newId, newKey, newAlias, newKeylessOrigin] = [unique(), unique(), unique(), unique()]
  return apps.flatMap((app, i) => [
    ...newId(app.id, `apps.${i}.id`, `app id "${app.id}"`),
    ...app.keys.flatMap(({ sha256 }, k) => [
      ...newKey(sha256, `apps.${i}.keys.${k}`, 'this key'),
      ...digestFaults(sha256, 'key', `apps.${i}.keys.${k}.sha256`),
    ]),
    ...app.aliases.flatMap((alias, a) => newAlias(alias, `apps.${i}.aliases.${a}`, `alias "${alias}"`)),
    ...faultIf(app.keyless && app.origins.length === 0, `apps.${i}.keyless`, 'needs at least one origin', [
      `apps.${i}.origins`,
    ]),
    ...app.origins.flatMap((origin, o) => {
      const [path, read] = [`apps.${i}.origins.${o}`, readOrigin(origin)]
      if (read.kind === 'fault') return [{ path, message: read.why }]
      // An origin alone must lead to one app only, or its events could land in another's numbers.
      return app.keyless ? newKeylessOrigin(read.normal, path, `the origin "${origin}" of a keyless app`) : []
    }),
  ])
}

const digestFaults = (digest: string, holder: DigestHolder, path: string): ConfigFault[] => {
  const why = emptyDigest(digest, holder)
  return why === undefined ? [] : [{ path, message: why }]
}

function gatewayFaults({ gateway, aws }: Config): ConfigFault[] {
  const { kind, name } = gateway.stream
  return [
    ...faultIf(
      gateway.journal.maxBytes / gateway.workers < MIN_JOURNAL_BYTES,
      'gateway.journal.maxBytes',
      'must be at least 8MiB for each of gateway.workers',
      ['gateway.workers'],
    ),
    ...faultIf(
      kind === 'kinesis' && name === undefined,
      'gateway.stream.name',
      'is required for kinesis: the name of a stream such as headgate-events',
      ['gateway.stream.kind'],
    ),
    ...faultIf(
      kind === 'kinesis' && !located(gateway.stream, aws),
      'gateway.stream.region',
      'is required for kinesis (or aws.region), such as eu-west-1',
      ['gateway.stream', 'aws'],
    ),
  ]
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BUCKET = /^(?!xn--|sthree-|amzn-s3-demo-)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
/** Directory and table buckets, whose listings and names follow other rules. */
const OTHER_BUCKET = /--(x|table)-s3$/

function lakeFaults({ lake, aws }: Config): ConfigFault[] {
  const { kind, bucket } = lake
  if (kind !== 's3')
    return faultIf(
      bucket !== undefined,
      'lake.bucket',
      'is for lake.kind "s3": events would stay on this disk',
      ['lake.kind'],
    )
  if (bucket === undefined)
    return faultIf(true, 'lake.bucket', 'is required for s3: the name of a bucket such as my-lake')
  return [
    ...faultIf(
      !BUCKET.test(bucket) || isIP(bucket) !== 0,
      'lake.bucket',
      'must be a bucket name: 3 to 63 of a-z, 0-9, dot and hyphen, beginning and ending with a letter or digit, such as my-lake',
    ),
    ...faultIf(OTHER_BUCKET.test(bucket), 'lake.bucket', 'must be a general purpose bucket'),
    ...faultIf(!located(lake, aws), 'lake.region', 'is required for s3 (or aws.region), such as eu-west-1', [
      'lake.endpoint',
      'aws',
    ]),
  ]
}

function aggregationFaults({ aggregation, apps }: Config): ConfigFault[] {
  const appIds = new Set(apps.map((app) => app.id))
  const keys = new Set(apps.flatMap(({ keys }) => keys.map(({ sha256 }) => sha256)))
  const [newToken, newDigest, newRollup, newMetric] = [unique(), unique(), unique(), unique()]
  return [
    ...aggregation.tokens.flatMap((token, i) => [
      ...newToken(token.name, `aggregation.tokens.${i}.name`, `token name "${token.name}"`),
      // Who of the two somebody is would be chance.
      ...newDigest(token.sha256, `aggregation.tokens.${i}.sha256`, 'this token'),
      ...digestFaults(token.sha256, 'token', `aggregation.tokens.${i}.sha256`),
      ...faultIf(
        keys.has(token.sha256),
        `aggregation.tokens.${i}.sha256`,
        'is the digest of an app key, which every page shows; a token needs a text of its own',
      ),
      ...(token.apps ?? []).flatMap((app) =>
        faultIf(
          !appIds.has(app),
          `aggregation.tokens.${i}.apps`,
          `names no app: "${app}"${didYouMean(app, appIds)}`,
          apps.map((_, at) => `apps.${at}.id`),
        ),
      ),
    ]),
    ...aggregation.thresholds.flatMap(({ metric, good, poor }, i) => [
      ...newMetric(metric, `aggregation.thresholds.${i}.metric`, `metric "${metric}"`),
      ...faultIf(
        good >= poor,
        `aggregation.thresholds.${i}.poor`,
        `must be more than good, which is ${good}`,
        [`aggregation.thresholds.${i}.good`],
      ),
    ]),
    ...aggregation.rollups.flatMap((rollup, i) => {
      const newSet = unique()
      return [
        ...newRollup(rollup.id, `aggregation.rollups.${i}.id`, `rollup id "${rollup.id}"`),
        ...rollup.sets.flatMap((set, s) => {
          const [path, newDimension] = [`aggregation.rollups.${i}.sets.${s}`, unique()]
          return [
            ...newSet(set.name, path, `set "${set.name}"`),
            ...set.dimensions.flatMap((name, d) =>
              newDimension(name, `${path}.dimensions.${d}`, `dimension "${name}"`),
            ),
          ]
        }),
      ]
    }),
  ]
}

/** Timers of Node count no further, and then fire at once: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const MAX_TIMER_MS = 2_147_483_647

/** Settings by which nothing would ever be computed. */
function scheduleFaults({ aggregation }: Config): ConfigFault[] {
  const { horizon, grace, grain } = aggregation.schedule
  const grainMs = Number(measured('duration', grain))
  const [at, also] = ['aggregation.schedule', ['grace', 'grain'].map((key) => `aggregation.schedule.${key}`)]
  return faultIf(
    horizon <= grace + grainMs,
    `${at}.horizon`,
    `must be more than grace (${inUnits('duration', grace)}) and grain (${grain}) together: a window would be over before it is due`,
    also,
  )
}

function timerFaults({ gateway, aggregation, shutdown }: Config): ConfigFault[] {
  const timers = {
    'gateway.keepAlive': gateway.keepAlive,
    'aggregation.schedule.tick': aggregation.schedule.tick,
    'aggregation.engine.timeout': aggregation.engine.timeout,
    'shutdown.totalMs': shutdown.totalMs,
    'shutdown.waitMs': shutdown.waitMs ?? 0,
  }
  return Object.entries(timers).flatMap(([path, ms]) =>
    faultIf(ms > MAX_TIMER_MS, path, 'must be at most 24d: no timer counts further'),
  )
}

function processFaults({ gateway, aggregation, shutdown }: Config): ConfigFault[] {
  const { port } = gateway.listen
  const clashes = (other: number | undefined) => port !== 0 && port === other
  const [listener, total] = ['gateway.listen.port', 'shutdown.totalMs']
  return [
    ...faultIf(
      clashes(aggregation.listen.port),
      'aggregation.listen.port',
      `must differ from ${listener}; both are ${port}`,
      [listener],
    ),
    ...faultIf(
      clashes(gateway.operations.listen?.port),
      'gateway.operations.listen.port',
      `must differ from ${listener}; both are ${port}`,
      [listener],
    ),
    ...faultIf(
      shutdown.drainMs > shutdown.totalMs,
      'shutdown.drainMs',
      `must not exceed ${total}, which is ${inUnits('duration', shutdown.totalMs)}`,
      [total],
    ),
  ]
}
