import fc from 'fast-check'
import { test } from 'tap'
import { fairCache } from '../../../../src/gateway/collect/identity/fair-lru.ts'

const filled = (limit: number, sets: readonly (readonly [string, string])[]) => {
  const memory = fairCache<number>(limit, () => 1)
  for (const [i, [owner, key]] of sets.entries()) memory.set(owner, key, i)
  return memory
}
const many = (owner: string, count: number) =>
  Array.from({ length: count }, (_, i) => [owner, `${i}`] as const)

test('who has most makes room, with what it set longest ago', async (t) => {
  for (const [rule, limit, sets, held, gone] of [
    ['alone', 2, many('a', 3), ['a 1', 'a 2'], ['a 0']],
    ['one of many', 4, [['b', 'x'], ...many('a', 9)], ['b x', 'a 6', 'a 7', 'a 8'], ['a 5']],
    ['the newcomer has less', 3, [...many('a', 3), ['b', 'x']], ['b x', 'a 1', 'a 2'], ['a 0']],
    [
      'of equals the one that was so first',
      4,
      [...many('a', 2), ...many('b', 3)],
      ['a 0', 'a 1', 'b 1', 'b 2'],
      ['b 0'],
    ],
    [
      'what is set again is not the oldest',
      2,
      [...many('a', 2), ['a', '0'], ['a', '2']],
      ['a 0', 'a 2'],
      ['a 1'],
    ],
    [
      'whoever loses all is forgotten',
      1,
      [
        ['a', 'x'],
        ['b', 'x'],
        ['a', 'y'],
      ],
      [],
      ['a x'],
    ],
  ] as const) {
    const memory = filled(limit, sets)
    const has = (name: string) => memory.get(...(name.split(' ') as [string, string])) !== undefined
    t.same([held.filter(has), gone.filter(has)], [held, []], rule)
    t.equal(memory.size(), limit, rule)
  }
})

test('a value is the one that was set last, and counts as large as it is', async (t) => {
  const memory = fairCache<string>(10, (value, key) => value.length + key.length)
  memory.set('a', 'k', '123456789')
  memory.set('a', 'k', '1')
  t.equal(memory.get('a', 'k'), '1')
  t.equal(memory.size(), 2)
  memory.set('b', 'k', '0123456789')
  t.same([memory.get('a', 'k'), memory.get('b', 'k'), memory.size()], [undefined, undefined, 0], 'too large')
  memory.set('c', 'k', '3')
  t.equal(memory.get('c', 'k'), '3', 'and the next fits again')
})

test('whatever is set: within the limit, and nobody below an equal share loses anything', async (t) => {
  const set = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(30).map(String))
  const holds = fc.property(
    fc.array(set, { maxLength: 300 }),
    fc.integer({ min: 4, max: 40 }),
    (sets, limit) => {
      const memory = filled(limit, sets)
      for (const owner of ['a', 'b', 'c', 'd']) {
        const own = new Set(sets.filter(([name]) => name === owner).map(([, key]) => key))
        const held = [...own].filter((key) => memory.get(owner, key) !== undefined)
        if (held.length < own.size && held.length < Math.floor(limit / 4)) return false
      }
      return memory.size() <= limit
    },
  )
  t.doesNotThrow(() => fc.assert(holds))
})
