/**
 * The law of imports: they only point to a stage before, or to a seam (event, lake, http, std). Each row: a folder, then
 * what it may import from src/ besides itself. docs/ARCHITECTURE.md tells the same as a picture.
 */
const may = {
  std: [],
  event: ['std'],
  lake: ['std', 'event'],
  http: ['std'],
  'gateway/apps': ['std', 'http'],
  'gateway/collect': ['std', 'event', 'http', 'gateway/apps'],
  'gateway/credentials': ['std', 'event', 'http', 'gateway/apps'],
  'gateway/deliver': ['std', 'event', 'lake', 'gateway/collect/journal'],
  'aggregation/ingest': ['std', 'event', 'lake'],
  'aggregation/rollup': ['std', 'event', 'http', 'lake', 'aggregation/ingest'],
  'aggregation/reconcile': ['std', 'event', 'lake', 'aggregation/ingest', 'aggregation/rollup/request'],
  'aggregation/serve': ['std', 'http', 'aggregation/rollup/(store|measure|definition|units)'],
  'gateway/app': ['std', 'http', 'gateway'],
  'aggregation/app': ['std', 'http', 'aggregation'],
  cli: [
    ...['std', 'http', 'config', 'wiring(-aggregation)?', 'gateway/app', 'aggregation/app'],
    ...['gateway/credentials/(revoked-policy|subject-hash)', 'aggregation/rollup/run-answers'],
  ],
  main: ['cli'],
  config: ['std', 'config-schema', 'gateway/(apps/origin|credentials/issuer)'],
  'config-schema': ['config/schema'],
}

const wiring = '^src/wiring(-aggregation|-credentials|-delivery)?\\.ts$'
/** Named after their technology; only the wiring knows them, and their own helpers beside them. */
const adapters =
  '^src/(lake/(fs|s3(-client)?)|gateway/deliver/(kinesis(-shards)?|disk-journal|memory-journal|lake-writer)|gateway/credentials/sts|aggregation/ingest/duckdb(-child)?|aggregation/rollup/(engines|stores)/[^/]+)\\.ts$'
const sdks = 'node_modules/(@aws-sdk|@smithy|@duckdb|pg|ioredis)/'
const servers = 'node_modules/(fastify|@fastify)/'
const own = (folder) => `^src/${folder}(/|\\.ts$)`

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      comment: 'Every module is reached from main; forked children are entries of their own.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main|aggregation/ingest/duckdb-child)\\.ts$', orphan: true },
      to: {},
    },
    ...Object.entries(may).map(([folder, allowed]) => ({
      name: `${folder.replaceAll('/', '-')}-looks-only-back`,
      severity: 'error',
      from: { path: own(folder) },
      // The shape of the configuration is known to all, as a type.
      to: { path: '^src/', pathNot: [...[folder, ...allowed].map(own), '^src/config-schema\\.ts$'] },
    })),
    {
      name: 'configuration-is-a-type-only',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: '^src/((config|wiring(-aggregation|-credentials|-delivery)?)\\.ts$|config/|cli/)',
      },
      to: { path: '^src/config-schema\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'adapters-are-wired-once',
      severity: 'error',
      from: { path: '^src/', pathNot: [wiring, adapters] },
      to: { path: adapters, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'sdks-stay-in-adapters',
      severity: 'error',
      from: { path: '^src/', pathNot: [wiring, adapters] },
      to: { path: sdks },
    },
    {
      name: 's3-is-loaded-on-demand',
      comment: 'Its SDK would make every start slower.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/lake/s3' },
      to: { path: '^src/lake/s3', dependencyTypesNot: ['type-only', 'dynamic-import'] },
    },
    {
      name: 'the-gateway-never-loads-duckdb',
      severity: 'error',
      from: { path: '^src/(gateway|cli/gateway)' },
      to: { path: 'node_modules/@duckdb/|^src/aggregation/', reachable: true },
    },
    {
      name: 'fastify-stays-in-routes',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/http/|/app\\.ts$|/routes\\.ts$' },
      to: { path: servers },
    },
    {
      name: 'only-main-starts-the-command-line',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main\\.ts|cli/)' },
      to: { path: '^src/(main\\.ts|cli/)' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
}
