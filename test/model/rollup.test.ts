import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { explore } from './explore.ts'
import { MISTAKES, type Mistake, type ModelWorld } from './rollup.ts'

/** What each mistake must be found by. */
const breaks: Readonly<Record<Mistake, string>> = {
  'the plan forgets the store': 'Settles',
  'a claim is not exclusive': 'CountsOnlyMore',
  'a claim is forgotten at once': 'CountsOnlyMore',
  'the lease is not checked at the commit': 'CountsOnlyMore',
  'the number is chosen after the renewal': 'CountsOnlyMore',
  'publish before commit': 'PublishedIsCommitted',
  'a manifest is put over another': 'CountsOnlyMore',
  'publish without comparing': 'StoreOnlyMovesOn',
  'publish without a fence': 'StoreOnlyMovesOn',
  'parts are left': 'StoreOnlyMovesOn',
  'parts are removed after the look': 'StoreOnlyMovesOn',
  'publish without a second look': 'StoreOnlyMovesOn',
}

const paused: ModelWorld = { workers: 2, rows: 2, crashes: 0, lapses: 1 }
const killed: ModelWorld = { ...paused, crashes: 1, lapses: 0 }

for (const world of [paused, killed, { ...killed, rows: 1, lapses: 1 }]) {
  test(`the model holds, whatever happens when: ${JSON.stringify(world)}`, async (t) => {
    const { states, finding } = explore(world)
    t.equal(finding, undefined)
    t.ok(states > 5_000, `${states} states`)
  })
}

/** Of mistakes that it takes a crash to notice. */
const worlds: Partial<Record<Mistake, ModelWorld>> = {
  'the plan forgets the store': killed,
  'a claim is forgotten at once': { ...paused, crashes: 1 },
}

for (const mistake of MISTAKES) {
  test(`the model notices a mistake: ${mistake}`, async (t) => {
    const { finding } = explore({ ...(worlds[mistake] ?? paused), mistake })
    t.equal(finding?.property, breaks[mistake], `${finding?.actions.join(' ')}`)
  })
}

test('both models have the same actions and the same mistakes', async (t) => {
  const text = await readFile(new URL('../../docs/model/Rollup.tla', import.meta.url), 'utf8')
  const named = [...text.matchAll(/"([a-z]+(?: [a-z]+)+)"/g)].map(([, name]) => name)
  t.same([...new Set(named)].sort(), [...MISTAKES].sort())
  const [, steps = ''] = /^Step\(w\) ==((?:.|\n)*?)\nNext/m.exec(text) ?? []
  const source = await readFile(new URL('rollup.ts', import.meta.url), 'utf8')
  for (const [, action] of steps.matchAll(/(\w+)\(w\)/g)) t.ok(source.includes(`'${action}'`), `${action}`)
})
