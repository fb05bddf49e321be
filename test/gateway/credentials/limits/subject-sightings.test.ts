import { test } from 'tap'
import { createSubjectHistory } from '../../../../src/gateway/credentials/limits/subject-sightings.ts'
import { fakeClock } from '../../../fakes/clock.ts'

test('who comes from elsewhere, or shares an address, is noticed within the hour', async (t) => {
  const clock = fakeClock()
  const { record, hasSeen } = createSubjectHistory(clock)
  const known = { isFurtherAddress: false, isFurtherSubject: false }
  for (const [what, app, subject, address, sighting] of [
    ['the first', 'ios', 'a', '192.0.2.1', known],
    ['again', 'ios', 'a', '192.0.2.1', known],
    ['from elsewhere', 'ios', 'a', '192.0.2.2', { ...known, isFurtherAddress: true }],
    ['from there again', 'ios', 'a', '192.0.2.2', known],
    ['another at the address', 'ios', 'b', '192.0.2.1', { ...known, isFurtherSubject: true }],
    ['the other again', 'ios', 'b', '192.0.2.1', known],
    ['the same in another app', 'web', 'a', '192.0.2.3', known],
    ['of one /64', 'web', 'c', '2001:db8:1:1::1', known],
    ['of the same /64', 'web', 'c', '2001:db8:1:1::2', known],
  ] as const) {
    t.same(record(app, subject, address), sighting, what)
  }
  t.same([hasSeen('ios', 'a'), hasSeen('web', 'b'), hasSeen('ios', 'nobody')], [true, false, false])
  clock.advance(3_600_000)
  t.same(record('ios', 'a', '192.0.2.9'), known, 'a new hour begins with one address')
  t.match(record('ios', 'a', '192.0.2.1'), { isFurtherAddress: true })
})

test('an address with many subjects is a network: from then on it is no news', async (t) => {
  const { record } = createSubjectHistory(fakeClock())
  const news = Array.from(
    { length: 200 },
    (_, i) => record('ios', `subject-${i}`, '192.0.2.1').isFurtherSubject,
  )
  t.equal(news.filter(Boolean).length, 63)
  t.same(news.slice(0, 2), [false, true])
  t.equal(news.at(-1), false)
})
