import { test } from 'tap'
import { daySalt, eventIds, type IdSource } from '../../../src/gateway/collect/event-id.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { seededEntropy } from '../../fakes/entropy.ts'

const m = { name: 'a', value: 1 }
const source = (change: Partial<IdSource> = {}): IdSource => ({
  body: Buffer.from('[{"name":"a","value":1}]'),
  userAgent: 'Mozilla/5.0',
  networkOf: () => '192.0.2.0',
  canRetry: true,
  entropy: seededEntropy(),
  ...change,
})

test('a client’s own id wins, whoever sends it', async (t) => {
  for (const canRetry of [true, false]) {
    t.equal(eventIds(source({ canRetry }))({ ...m, event_id: 'mine' }, 0), 'mine')
  }
})

test('a retried request gives its events the same ids, and each of them another', async (t) => {
  const [first, again] = [eventIds(source()), eventIds(source({ entropy: seededEntropy(2) }))]
  t.match(first(m, 0), /^[0-9a-f]{32}-0$/)
  t.equal(first(m, 0), again(m, 0))
  t.equal(first(m, 7), again(m, 7))
  t.not(first(m, 0), first(m, 1))
})

test('another body, sender or network gives other ids', async (t) => {
  const ids = [
    {},
    { body: Buffer.from('other') },
    { userAgent: 'curl/8' },
    { networkOf: () => '198.51.100.0' },
    { networkOf: () => '', userAgent: '192.0.2.0 Mozilla/5.0' },
    { networkOf: () => '192.0.2.0', userAgent: '' },
  ].map((change) => eventIds(source(change))(m, 0))
  t.equal(new Set(ids).size, ids.length)
})

test('senders that never retry get chance: equal beacons of two visitors are two events', async (t) => {
  const idOf = eventIds(source({ canRetry: false }))
  const ids = [idOf(m, 0), idOf(m, 0), idOf(m, 1)]
  t.match(ids[0], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.equal(new Set(ids).size, 3)
})

test('ids under Global Privacy Control hold for a process and a UTC day', async (t) => {
  const clock = fakeClock(Date.UTC(2026, 10, 22, 23, 59, 59, 999))
  const saltId = daySalt(seededEntropy(1), clock)
  const before = saltId('visitor')
  t.match(before, /^[0-9a-f]{32}$/)
  t.equal(saltId('visitor'), before, 'a duplicate is still one')
  t.not(saltId('other'), before)
  t.not(daySalt(seededEntropy(2), clock)('visitor'), before, 'another process')
  clock.advance(1)
  const after = saltId('visitor')
  t.not(after, before, 'another day')
  clock.advance(86_399_999)
  t.equal(saltId('visitor'), after, 'until its last millisecond')
})
