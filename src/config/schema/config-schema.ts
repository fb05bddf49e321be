import Type, { type Static } from 'typebox'
import { AggregationConfig } from './aggregation-schema.ts'
import { AppConfig } from './app-schema.ts'
import type { AppCredentials } from './credentials-schema.ts'
import { GatewayConfig } from './gateway-schema.ts'
import { LakeConfig } from './lake-schema.ts'
import { awsEndpoint, DURATION, durationMs, KEY_DIGEST, literals, strict } from './schema-parts.ts'

export const Config = strict({
  dataDir: Type.String({
    description:
      'The folder of everything that Headgate keeps on this machine: journal, lake (`fs`), rollups, secrets that it makes itself. On a disk that outlives the process. A path that does not begin with a slash counts from the folder where Headgate is started.',
    default: './data',
    minLength: 1,
    form: 'a folder',
    example: '/var/lib/headgate',
  }),
  logLevel: literals(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
    description: 'What is worth a line on standard output. Audit lines are written whatever it says.',
    default: 'info',
  }),
  gateway: GatewayConfig,
  lake: LakeConfig,
  aggregation: AggregationConfig,
  apps: Type.Array(AppConfig, {
    description: 'Whose beacons are taken, up to 10,000. None: an app "dev" is made, on loopback only.',
    example: [{ id: 'shop-web', keys: [{ sha256: KEY_DIGEST }], origins: ['https://shop.example.com'] }],
    default: [],
    maxItems: 10_000,
  }),
  aws: strict(awsEndpoint('every service of AWS', 'each service needs its own')),
  shutdown: strict({
    totalMs: durationMs(25_000, {
      description: 'One deadline for the whole end. In an ECS task 110 s by default.',
      example: '55s',
      minimum: 1_000,
    }),
    waitMs: Type.Optional(
      Type.Integer({
        ...DURATION,
        description:
          'How long the end waits, not ready any more, until balancers send nothing. Left out: 10 s, and none on loopback.',
        example: '5s',
        minimum: 0,
      }),
    ),
    drainMs: durationMs(15_000, {
      description: 'How long of it the stream may take at most. Not more than `totalMs`.',
      example: '30s',
    }),
  }),
})

export type Config = Static<typeof Config>
export type CredentialsConfig = Static<typeof AppCredentials>
export type IssuerConfig = CredentialsConfig['issuers'][number]
export type TokenConfig = AggregationConfig['tokens'][number]
export { AggregationConfig, AppConfig, GatewayConfig }
