import { join, resolve } from 'node:path'
import type { Config } from '../../config/parse.ts'
import type { DevApp } from '../setup/dev-app.ts'
import { some } from '../terminal/wording.ts'

export interface StartFacts {
  readonly config: Config
  readonly dev: DevApp | undefined
  /** Where this process is reached, by its listeners. */
  readonly urls: Readonly<Partial<Record<'gateway' | 'operations' | 'aggregation', string>>>
}

/** More apps are counted, not named. */
const MOST_NAMED = 5
const LABEL_WIDTH = 12

/** What a person wants to know of a start that succeeded: what is where, what to try, and the dashboard last. */
export function startBanner({ config, dev, urls }: StartFacts): string {
  const { gateway, operations, aggregation } = urls
  const rows = [
    ...(gateway === undefined ? [] : gatewayRows(config, gateway)),
    ...(operations === undefined ? [] : [['operations', `${operations} (metrics, books)`]]),
    ...(aggregation === undefined ? [] : aggregationRows(config, aggregation)),
    ['apps', appsText(config)],
    ['data', `${resolve(config.dataDir)} (dataDir, HEADGATE_DATA_DIR)`],
  ].map(([label = '', text]) => `  ${label.padEnd(LABEL_WIDTH)}${text}\n`)
  const parts = [
    `Headgate serves; Ctrl-C ends it.\n\n${rows.join('')}`,
    ...(dev === undefined ? [] : [devText(dev)]),
    ...(dev === undefined || gateway === undefined ? [] : [trial(dev, gateway)]),
    ...(aggregation === undefined ? [] : [`Dashboard: ${aggregation}/dashboard\n`]),
  ]
  return `${parts.join('\n')}\n`
}

function gatewayRows(config: Config, url: string): string[][] {
  const { workers, listen, durability } = config.gateway
  const by = workers > 1 ? `, by ${workers} workers` : ''
  return [
    ['beacons', `${url}/v1/events${everywhere(listen.host)}${by}`],
    ['stored', STORED[durability]],
    ['forwarded', forwardedText(config)],
  ]
}

/** What a 2xx waits for. */
const STORED = {
  journal: 'in the journal, synced before each 2xx',
  stream: 'where they are forwarded to, before each 2xx',
  memory: 'in memory: a crash loses what was acknowledged',
} as const

function forwardedText({ gateway, aws, lake, dataDir }: Config): string {
  const { kind, name, region = aws.region, endpoint = region } = gateway.stream
  if (kind === 'kinesis') return `to the Kinesis stream ${name} (${endpoint})`
  const { bucket, prefix = '' } = lake
  return `to the lake, ${lake.kind === 's3' ? `s3://${bucket}/${prefix}` : resolve(join(dataDir, 'lake'))}`
}

function aggregationRows({ aggregation }: Config, url: string): string[][] {
  const { enabled, grain } = aggregation.schedule
  return [
    ['private', `${url} (dashboard, API, metrics)${everywhere(aggregation.listen.host)}`],
    ['rolled up', enabled ? `each ${grain}, on schedule` : 'only when asked: the schedule is off'],
  ]
}

const everywhere = (host: string): string =>
  host === '0.0.0.0' || host === '::' ? ', and at every other address of this machine' : ''

function appsText({ apps }: Config): string {
  const named = apps.slice(0, MOST_NAMED).map(({ id }) => id)
  return apps.length > MOST_NAMED ? `${some(apps.length, 'app')}: ${named.join(', ')}, …` : named.join(', ')
}

const devText = ({ lines, path }: DevApp): string =>
  `No apps are configured: there is one, "dev", for this machine only. What it needs is kept in ${path}:\n\n${lines}`

const trial = ({ secrets }: DevApp, url: string): string => `  Try it:

  curl ${url}/v1/events -H 'x-headgate-key: ${secrets.appKey}' \\
    -H 'content-type: application/json' -d '{"name":"checkout.duration","value":187,"unit":"ms"}'
`
