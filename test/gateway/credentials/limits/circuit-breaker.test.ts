import { test } from 'tap'
import { createBreaker, OPEN_MS } from '../../../../src/gateway/credentials/limits/circuit-breaker.ts'
import { fakeClock } from '../../../fakes/clock.ts'

test('an open breaker allows one a minute, until one of them works', async (t) => {
  const clock = fakeClock()
  const breaker = createBreaker(clock)
  t.equal(breaker.allows('ios'), true)
  breaker.open('ios')
  t.same([breaker.allows('ios'), breaker.allows('web')], [false, true], 'of one app')
  clock.advance(OPEN_MS - 1)
  t.equal(breaker.allows('ios'), false)
  clock.advance(1)
  t.same([breaker.allows('ios'), breaker.allows('ios')], [true, false], 'one tries, the others wait')
  t.same([...breaker.openApps()], ['ios'])
  breaker.close('ios')
  t.same([breaker.allows('ios'), breaker.allows('ios')], [true, true])
  t.same([...breaker.openApps()], [])
})

test('a new configuration is tried at once', async (t) => {
  const breaker = createBreaker(fakeClock())
  breaker.open('ios')
  breaker.open('web')
  breaker.closeAll()
  t.same([breaker.allows('ios'), breaker.allows('web')], [true, true])
})
