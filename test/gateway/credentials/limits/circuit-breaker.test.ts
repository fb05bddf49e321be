import { test } from 'tap'
import { createBreaker, OPEN_MS } from '../../../../src/gateway/credentials/limits/circuit-breaker.ts'
import { fakeClock } from '../../../fakes/clock.ts'

test('an open breaker admits one a minute, until one of them works', async (t) => {
  const clock = fakeClock()
  const breaker = createBreaker(clock)
  t.equal(breaker.admits('ios'), true)
  breaker.open('ios')
  t.same([breaker.admits('ios'), breaker.admits('web')], [false, true], 'of one app')
  clock.advance(OPEN_MS - 1)
  t.equal(breaker.admits('ios'), false)
  clock.advance(1)
  t.same([breaker.admits('ios'), breaker.admits('ios')], [true, false], 'one tries, the others wait')
  t.same([...breaker.openApps()], ['ios'])
  breaker.close('ios')
  t.same([breaker.admits('ios'), breaker.admits('ios')], [true, true])
  t.same([...breaker.openApps()], [])
})

test('a new configuration is tried at once', async (t) => {
  const breaker = createBreaker(fakeClock())
  breaker.open('ios')
  breaker.open('web')
  breaker.closeAll()
  t.same([breaker.admits('ios'), breaker.admits('web')], [true, true])
})
