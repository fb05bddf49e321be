import { test } from 'tap'
import { exampleOf, keysOf } from '../../scripts/lib/docs/docs-configuration.ts'
import { Config } from '../../src/config/schema/config-schema.ts'
import { shape } from '../../src/config/shape.ts'
import { told } from '../../src/std/input/expectation.ts'

const nowhere = { variables: new Map() }
const keys = keysOf(Config)
/** There is one kind of these so far. */
const ONE_KIND = [
  'aggregation.engine.kind',
  'aggregation.stores',
  'aggregation.stores[].kind',
  'aggregation.cache.kind',
]

test('the keys of groups and of the entries of lists are found', async (t) => {
  const paths = keys.map(({ path }) => path)
  t.equal(new Set(paths).size, paths.length, 'each once')
  for (const path of [
    'dataDir',
    'gateway.limits.address',
    'gateway.limits.address.burst',
    'gateway.operations.listen.port',
    'gateway.idempotency.secretEnv',
    'aggregation.schedule.horizon',
    'aggregation.rollups[].sets[].dimensions',
    'aggregation.recordKeys[].x',
    'apps[].keys[].sha256',
    'apps[].credentials.issuers[].requiredClaims',
    'apps[].credentials.attestation.appAttest.appId',
  ]) {
    t.ok(paths.includes(path), path)
  }
  t.notOk(paths.includes('gateway.listen'), 'a group has no value of its own')
})

test('each key says in a sentence what it is for', async (t) => {
  for (const { path, schema } of keys) t.match(told(schema).description, /^[^a-z].{10,}\.$/s, path)
})

test('each key has an example that holds and, where there is a choice, says something else than the default', async (t) => {
  for (const { path, schema } of keys) {
    const example = exampleOf(schema)
    const read = shape(schema, example, path, nowhere)
    t.not(example, undefined, path)
    t.same(read.faults, [], path)
    if (!ONE_KIND.includes(path)) t.notSame(read.value, shape(schema, undefined, path, nowhere).value, path)
  }
})

test('a duration and a size are written as people write them', async (t) => {
  for (const { path, schema } of keys) {
    const { measure } = told(schema)
    if (measure === 'duration' || measure === 'bytes') t.match(exampleOf(schema), /^\d+ ?[A-Za-z]+$/, path)
  }
})
