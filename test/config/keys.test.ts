import { test } from 'tap'
import Type from 'typebox'
import { exampleOf, keysOf } from '../../scripts/lib/docs/docs-configuration.ts'
import { Config } from '../../src/config/schema/config-schema.ts'
import { shape } from '../../src/config/shape.ts'
import { told } from '../../src/std/input/expectation.ts'
import { inUnits } from '../../src/std/input/quantities.ts'

const nowhere = { sources: new Map() }
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

test('each number has a least and a most', async (t) => {
  const numbers = keys.filter(({ schema }) => Type.IsInteger(schema) || Type.IsNumber(schema))
  t.ok(numbers.length > 25, `${numbers.length} numbers are looked at`)
  for (const { path, schema } of numbers) {
    const { minimum = Number.NaN, maximum = Number.NaN, measure, default: usual = minimum } = told(schema)
    t.ok(minimum >= 0 && minimum <= Number(usual), `${path} has a least, below its default`)
    t.ok(Number(usual) <= maximum && Number.isSafeInteger(maximum), `${path} has a most, above its default`)
    for (const [amount, count] of [
      [minimum, 0],
      [maximum, 0],
      [minimum - 1, 1],
      [maximum + 1, 1],
      [maximum * 1_000, 1],
      [1e300, 1],
      [0.5, Type.IsInteger(schema) ? 1 : 0],
    ] as const) {
      t.equal(shape(schema, amount, path, nowhere).faults.length, count, `${path}: ${amount}`)
    }
    const isUnit = measure === 'duration' || measure === 'bytes'
    const most = isUnit ? inUnits(measure, maximum) : `${maximum}`
    const [fault] = shape(schema, maximum + 1, path, nowhere).faults
    t.match(fault?.message, new RegExp(`(?:at most|to) ${most}; it is ${maximum + 1}$`))
  }
  t.match(shape(Config, { aggregation: { schedule: { horizon: '40000d' } } }, '', nowhere).faults, [
    { message: 'must be at most 36500d; it is a text of 6 characters' },
  ])
})

test('a duration and a size are written as people write them', async (t) => {
  for (const { path, schema } of keys) {
    const { measure } = told(schema)
    if (measure === 'duration' || measure === 'bytes') t.match(exampleOf(schema), /^\d+ ?[A-Za-z]+$/, path)
  }
})
