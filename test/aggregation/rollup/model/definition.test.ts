import { test } from 'tap'
import {
  appliesTo,
  DEFAULT_SETS,
  definitionHash,
  keptDefinition,
  type RollupDefinition,
} from '../../../../src/aggregation/rollup/model/definition.ts'

const definition: RollupDefinition = {
  id: 'default',
  grainMs: 900_000,
  sets: DEFAULT_SETS,
  bots: 'exclude',
  maxMetrics: 500,
  maxValues: 500,
}

test('the hash of a definition is pinned: another one would compute every window anew', async (t) => {
  t.equal(definitionHash(definition), '2d671b8513c6778b')
})

test('the order of fields says nothing', async (t) => {
  const { id, grainMs, sets, bots, maxMetrics, maxValues } = definition
  const turned = sets.map(({ name, dimensions, metrics }) => ({ metrics, dimensions, name }))
  t.equal(
    definitionHash({ maxValues, maxMetrics, sets: turned, bots, grainMs, id }),
    definitionHash(definition),
  )
})

test('the hash changes with whatever changes rows, and not with the name', async (t) => {
  const hash = definitionHash(definition)
  t.equal(definitionHash({ ...definition, id: 'other' }), hash)
  for (const change of [
    { grainMs: 60_000 },
    { sets: DEFAULT_SETS.slice(1) },
    { sets: DEFAULT_SETS.map((set) => ({ ...set, metrics: ['lcp'] })) },
    { sets: [...DEFAULT_SETS].reverse() },
    { bots: 'include' as const },
    { maxMetrics: 499 },
    { maxValues: 499 },
  ]) {
    t.not(definitionHash({ ...definition, ...change }), hash, JSON.stringify(change).slice(0, 30))
  }
})

test('what is kept of a definition says of each set whether it is the same, and of which metrics nothing is known', async (t) => {
  const [app, route] = keptDefinition(definition).sets
  t.same([app?.[0], route?.[0]], ['app', 'route'])
  t.match(String(route?.[1]), /^[0-9a-f]{8}$/)
  const routeOf = (its: Partial<RollupDefinition>) =>
    keptDefinition({ ...definition, ...its }).sets.find(([name]) => name === 'route')
  t.same(routeOf({ sets: [...DEFAULT_SETS].reverse(), maxMetrics: 1 }), route)
  t.same(routeOf({ maxValues: 1 }), ['route', route?.[1], 1])
  t.equal(app?.length, 2, 'without values')
  t.equal(keptDefinition(definition).maxMetrics, definition.maxMetrics)
  t.same(routeOf({ sets: DEFAULT_SETS.map((set) => ({ ...set, metrics: ['lcp'] })) }), route)
  t.not(routeOf({ bots: 'include' })?.[1], route?.[1])
  t.not(routeOf({ sets: [{ name: 'route', dimensions: ['country'] }] })?.[1], route?.[1])
  const some = { name: 'a', dimensions: [], metrics: ['lcp', 'x*'] }
  const metricsOf = (sets: RollupDefinition['sets']) => keptDefinition({ ...definition, sets }).metrics
  t.equal(metricsOf([some, { name: 'b', dimensions: [] }]), undefined)
  t.same(metricsOf([some, { ...some, name: 'b', metrics: ['y'] }]), ['lcp', 'x*', 'y'])
})

test('a set is kept of all metrics, or of those that it names or whose beginning it names', (t) => {
  for (const [metrics, of, not] of [
    [undefined, ['a', '~other', ''], []],
    [['a'], ['a'], ['ab', 'A', '~other']],
    [
      ['web.*', 'b'],
      ['web.', 'web.lcp', 'b'],
      ['web', 'we', 'bb', '~other'],
    ],
    [['*'], ['a', '~other'], []],
  ] as const) {
    for (const metric of of) t.ok(appliesTo({ metrics }, metric), `${metrics}: ${metric}`)
    for (const metric of not) t.notOk(appliesTo({ metrics }, metric), `${metrics}: not ${metric}`)
  }
  t.end()
})
