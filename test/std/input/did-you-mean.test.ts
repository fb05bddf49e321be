import { test } from 'tap'
import { didYouMean, nearest } from '../../../src/std/input/did-you-mean.ts'

test('the word that was meant is near, and what is not near was not meant', async (t) => {
  const keys = ['port', 'host', 'durability', 'dataDir', 'trustProxy', 'stream', 'scopes']
  for (const [written, meant] of [
    ['durabilty', 'durability'],
    ['prot', 'port'],
    ['prt', 'port'],
    ['ports', 'port'],
    ['hots', 'host'],
    ['data_dir', 'dataDir'],
    ['trustproxies', 'trustProxy'],
    ['STREAM', 'stream'],
    ['colour', undefined],
    ['x', undefined],
    ['', undefined],
    ['p'.repeat(10_000), undefined],
  ] as const) {
    t.equal(nearest(written, keys), meant, written)
  }
  t.equal(nearest('abc', ['xyz', 'abx', 'abcd']), 'abx', 'of two that are as near the first')
  t.equal(didYouMean('prot', keys), '; did you mean "port"?')
  t.equal(didYouMean('colour', keys), '')
})
