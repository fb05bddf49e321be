import { test } from 'tap'
import { sortableId, systemEntropy } from '../../src/std/id.ts'
import { seededEntropy } from '../fakes/entropy.ts'

test('ids are UUIDs of version 4', async (t) => {
  t.match(systemEntropy.id(), /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  t.not(systemEntropy.id(), systemEntropy.id())
})

test('tokens are as many random bytes as asked for, as base64url', async (t) => {
  t.equal(Buffer.from(systemEntropy.token(32), 'base64url').length, 32)
  t.not(systemEntropy.token(16), systemEntropy.token(16))
})

test('chance for jitter lies in [0, 1)', async (t) => {
  for (let i = 0; i < 100; i++) {
    const value = systemEntropy.uniform()
    t.ok(value >= 0 && value < 1)
  }
})

test('the text order of sortable ids is their time order', async (t) => {
  const entropy = seededEntropy()
  const times = [0, 35, 36, 1_795_348_800_000, 1_795_348_800_001, Date.UTC(5188, 0)]
  const ids = times.map((time) => sortableId(time, entropy))
  t.same([...ids].sort(), ids)
  t.ok(ids.every((id) => /^[\da-z]{11}-[\da-f]{8}$/.test(id)))
})
