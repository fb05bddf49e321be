import { test } from 'tap'
import { daySalt, eventIds, type IdSource } from '../../../../src/gateway/collect/identity/event-id.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'

const m = { name: 'a', value: 1 }
const source = (change: Partial<IdSource> = {}): IdSource => ({
  requestId: undefined,
  hide: undefined,
  entropy: seededEntropy(),
  ...change,
})
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'

test('a client’s own id wins, whatever its request is called', async (t) => {
  for (const requestId of [undefined, 'request']) {
    t.equal(eventIds(source({ requestId }))({ ...m, event_id: 'mine' }, 0), 'mine')
  }
})

test('a request with a name gives its events that name and their places', async (t) => {
  const idOf = eventIds(source({ requestId: 'request' }))
  t.same([idOf(m, 0), idOf(m, 7)], ['request-0', 'request-7'])
})

test('a request without a name is named by chance', async (t) => {
  const entropy = seededEntropy()
  const [first, second] = [eventIds(source({ entropy })), eventIds(source({ entropy }))]
  const ids = [first(m, 0), first(m, 1), second(m, 0)]
  t.match(ids[0], new RegExp(`^${UUID}-0$`))
  t.equal(ids[1], ids[0]?.replace(/0$/, '1'))
  t.equal(new Set(ids).size, 3)
})

test('where two events must not show that they came together, each id is chance', async (t) => {
  const hide = () => 'hidden'
  const idOf = eventIds(source({ hide }))
  const ids = [idOf(m, 0), idOf(m, 1)]
  t.match(ids[0], new RegExp(`^${UUID}$`))
  t.not(ids[0]?.slice(0, 8), ids[1]?.slice(0, 8))
})

test('where they must not, a name is hidden together with the place', async (t) => {
  const idOf = eventIds(source({ requestId: 'request', hide: (id) => `<${id}>` }))
  t.same([idOf(m, 0), idOf(m, 7)], ['<request-0>', '<request-7>'])
  t.equal(idOf({ ...m, event_id: 'hidden already' }, 0), 'hidden already')
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
