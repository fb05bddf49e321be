/** The law of imports. docs/ARCHITECTURE.md tells the same as a picture. */
const wiring = '^src/wiring/'
/** Named after their technology; only the wiring knows them, and their own helpers beside them. */
const adapters =
  '^src/(lake/(fs|s3(-client)?)|gateway/deliver/sinks/(kinesis/(kinesis|list-shards)|lake/lake-writer)|gateway/journal/(disk/disk-journal|memory/memory-journal)|gateway/credentials/session/sts|aggregation/ingest/duckdb/duckdb-(sessions|child)|aggregation/rollup/engines/(duckdb-engine|kept-session)|aggregation/rollup/stores/local-[a-z]+)\\.ts$'
const sdks = 'node_modules/(@aws-sdk|@smithy|@duckdb|pg|ioredis)/'
const servers = 'node_modules/(fastify|@fastify)/'

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
      from: {
        path: '^src/',
        pathNot: '^src/(main|aggregation/ingest/duckdb/duckdb-child)\\.ts$',
        orphan: true,
      },
      to: {},
    },
    {
      name: 'configuration-is-a-type-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(config|wiring|cli)/' },
      to: { path: '^src/config/schema/', dependencyTypesNot: ['type-only'] },
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
      from: { path: '^src/gateway/' },
      to: { path: 'node_modules/@duckdb/|^src/aggregation/', reachable: true },
    },
    {
      name: 'fastify-stays-in-routes',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/http/|/(gateway|aggregation)-app\\.ts$|/routes\\.ts$' },
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
