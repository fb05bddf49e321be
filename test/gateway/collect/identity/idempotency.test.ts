import { test } from 'tap'
import {
  createIdempotency,
  digestOf,
  MAX_REMEMBERED_BYTES,
} from '../../../../src/gateway/collect/identity/idempotency.ts'
import { fakeClock } from '../../../fakes/clock.ts'

const SECRET = 'a secret of thirty-two characters'
const reused = { code: 'idempotency_key_reused' }

test('a request is named by secret, app and key, and by nothing else', async (t) => {
  const nameOf = (app: string, key: string, said = 's', secret = SECRET) =>
    createIdempotency(secret, fakeClock()).claim(app, key, said).requestId
  t.match(nameOf('shop', 'k'), /^[0-9a-f]{32}$/)
  t.equal(
    nameOf('shop', 'k'),
    nameOf('shop', 'k', 'other'),
    'on every gateway with the secret, whatever it says',
  )
  const names = [
    nameOf('shop', 'k'),
    nameOf('blog', 'k'),
    nameOf('shop', 'l'),
    nameOf('shop', 'k', 's', `${SECRET}!`),
  ]
  t.equal(new Set(names).size, names.length)
})

test('a key is remembered for ten minutes from when it came first', async (t) => {
  const clock = fakeClock()
  const { claim } = createIdempotency(SECRET, clock)
  const firstMs = clock.nowMs()
  claim('shop', 'k', 's').end(true)
  clock.advance(300_000)
  t.equal(claim('shop', 'k', 's').arrivalMs, firstMs)
  clock.advance(299_999)
  t.equal(claim('shop', 'k', 's').arrivalMs, firstMs, 'a repetition does not make it longer')
  t.throws(() => claim('shop', 'k', 'other'), reused)
  clock.advance(1)
  t.equal(claim('shop', 'k', 'other').arrivalMs, clock.nowMs(), 'after that it is a new one')
})

test('a key is taken while a request under it is open, and once one was kept', async (t) => {
  const { claim } = createIdempotency(SECRET, fakeClock())
  const [first, second] = [claim('shop', 'k', 's'), claim('shop', 'k', 's')]
  first.end(false)
  t.throws(() => claim('shop', 'k', 'other'), reused, 'the second is not answered yet')
  second.end(false)
  const other = claim('shop', 'k', 'other')
  t.throws(() => claim('shop', 'k', 's'), reused, 'free for one')
  other.end(true)
  claim('shop', 'k', 'other').end(false)
  t.throws(() => claim('shop', 'k', 's'), reused, 'a repetition that failed does not undo the first')
})

test('the keys that were used last are remembered, in bounded memory', async (t) => {
  const clock = fakeClock()
  const { claim } = createIdempotency(SECRET, clock)
  const firstMs = clock.nowMs()
  claim('shop', 'first', 's')
  claim('shop', 'used', 's')
  clock.advance(1)
  const fitting = Math.floor(MAX_REMEMBERED_BYTES / 400)
  for (let i = 0; i < fitting; i++) {
    claim('shop', `${i}`, 's')
    if (i % 10_000 === 0) claim('shop', 'used', 's')
  }
  t.equal(claim('shop', 'used', 's').arrivalMs, firstMs)
  t.equal(claim('shop', 'first', 'other').arrivalMs, clock.nowMs(), 'forgotten')
})

test('no number of keys of one app makes those of another forgotten', async (t) => {
  const clock = fakeClock()
  const { claim } = createIdempotency(SECRET, clock)
  const firstMs = clock.nowMs()
  for (let i = 0; i < 1_000; i++) claim('small', `order-${i}`, 's').end(true)
  clock.advance(1)
  for (let i = 0; i < (2 * MAX_REMEMBERED_BYTES) / 400; i++) claim('large', `${i}`, 's').end(true)
  for (let i = 0; i < 1_000; i++) {
    if (claim('small', `order-${i}`, 's').arrivalMs !== firstMs) t.fail(`order-${i} is forgotten`)
  }
  t.throws(() => claim('small', 'order-0', 'other'), reused)
  t.doesNotThrow(() => claim('large', '0', 'other'), 'its own is forgotten')
})

test('a digest tells texts apart by where one ends, and not by what they are written in', async (t) => {
  t.equal(digestOf(['é', 'b']), digestOf([Buffer.from('é'), Buffer.from('b')]))
  const others = [['ab'], ['a', 'b'], ['b', 'a'], ['', 'ab'], ['1\na', 'b'], ['a', '1\nb'], ['a'], []]
  t.equal(new Set(others.map(digestOf)).size, others.length)
})
