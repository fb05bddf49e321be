import { test } from 'tap'
import {
  DEFAULT_SETS,
  definitionHash,
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
  t.equal(definitionHash(definition), 'e607f990e2318675')
})

test('the order of fields says nothing', async (t) => {
  const { id, grainMs, sets, bots, maxMetrics, maxValues } = definition
  const turned = sets.map(({ name, dimensions }) => ({ dimensions, name }))
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
    { sets: [...DEFAULT_SETS].reverse() },
    { bots: 'include' as const },
    { maxMetrics: 499 },
    { maxValues: 499 },
  ]) {
    t.not(definitionHash({ ...definition, ...change }), hash, JSON.stringify(change).slice(0, 30))
  }
})
