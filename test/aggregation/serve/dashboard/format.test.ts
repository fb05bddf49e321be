import { test } from 'tap'

/** The page has no types. */
const format = new URL('../../../../src/aggregation/serve/dashboard/assets/format.js', import.meta.url)

test('a time that is not of this year says of which it is', async (t) => {
  const { day, moment } = await import(format.href)
  const now = new Date(2026, 11, 1).getTime()
  for (const [year, date, time] of [
    [2026, '3 Jun', '3 Jun, 07:05'],
    [2025, '3 Jun 2025', '3 Jun 2025, 07:05'],
    [2027, '3 Jun 2027', '3 Jun 2027, 07:05'],
  ] as const) {
    const at = new Date(year, 5, 3, 7, 5).getTime()
    t.equal(day(at, now), date)
    t.equal(moment(at, now), time)
  }
  t.equal(moment(new Date(2019, 5, 3, 7, 5).getTime()), '3 Jun 2019, 07:05')
  t.match(day(Date.now()), /^\d+ [A-Z][a-z]+$/)
})
