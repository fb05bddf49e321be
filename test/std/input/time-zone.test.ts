import { test } from 'tap'
import { isTimeZone, localDays } from '../../../src/std/input/time-zone.ts'

const hours = ({ fromMs, toMs }: { fromMs: number; toMs: number }) => (toMs - fromMs) / 3_600_000
const iso = (ms: number) => new Date(ms).toISOString().slice(0, 16)

test('local days cover the range outward, from their first instant', async (t) => {
  for (const [what, zone, from, to, starts, lengths] of [
    ['UTC', 'UTC', '2026-11-22T10:00Z', '2026-11-22T10:15Z', ['2026-11-22T00:00'], [24]],
    [
      'a range that ends at midnight has no further day',
      'UTC',
      '2026-11-22T00:00Z',
      '2026-11-23T00:00Z',
      ['2026-11-22T00:00'],
      [24],
    ],
    [
      'half an hour: Kolkata',
      'Asia/Kolkata',
      '2026-11-22T18:29Z',
      '2026-11-22T18:31Z',
      ['2026-11-21T18:30', '2026-11-22T18:30'],
      [24, 24],
    ],
    [
      'three quarters: Kathmandu',
      'Asia/Kathmandu',
      '2026-11-22T18:15Z',
      '2026-11-22T18:16Z',
      ['2026-11-22T18:15'],
      [24],
    ],
    [
      'a spring day of 23 hours: Berlin',
      'Europe/Berlin',
      '2026-03-28T23:00Z',
      '2026-03-30T00:00Z',
      ['2026-03-28T23:00', '2026-03-29T22:00'],
      [23, 24],
    ],
    [
      'an autumn day of 25 hours',
      'Europe/Berlin',
      '2026-10-25T12:00Z',
      '2026-10-25T12:15Z',
      ['2026-10-24T22:00'],
      [25],
    ],
    [
      'half an hour of summer: Lord Howe',
      'Australia/Lord_Howe',
      '2026-10-03T20:00Z',
      '2026-10-03T20:15Z',
      ['2026-10-03T13:30'],
      [23.5],
    ],
    [
      'a midnight that does not exist: Cairo',
      'Africa/Cairo',
      '2026-04-24T12:00Z',
      '2026-04-24T12:15Z',
      ['2026-04-23T22:00'],
      [23],
    ],
    [
      'a midnight that comes twice: Cairo',
      'Africa/Cairo',
      '2026-10-29T12:00Z',
      '2026-10-29T12:15Z',
      ['2026-10-28T21:00'],
      [25],
    ],
    [
      'a date that was skipped: Apia, 30 December 2011',
      'Pacific/Apia',
      '2011-12-30T00:00Z',
      '2011-12-30T12:00Z',
      ['2011-12-29T10:00', '2011-12-30T10:00'],
      [24, 24],
    ],
  ] as const) {
    const days = localDays(Date.parse(from), Date.parse(to), zone)
    t.same(
      days.map(({ fromMs }) => iso(fromMs)),
      starts,
      what,
    )
    t.same(days.map(hours), lengths, `${what}: hours`)
  }
})

test('a year of days has no gap and no overlap, whichever the zone', async (t) => {
  for (const zone of ['America/St_Johns', 'Europe/London', 'Pacific/Chatham', 'America/Havana']) {
    const [from, to] = [Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1)]
    const days = localDays(from, to, zone)
    t.equal(days.slice(1).filter((day, i) => day.fromMs !== days[i]?.toMs).length, 0, zone)
    t.ok(days.at(0)!.fromMs <= from && days.at(-1)!.toMs >= to, `${zone}: from end to end`)
    t.same([...new Set(days.map(hours))].sort(), [23, 24, 25], zone)
  }
})

test('a time zone is one of IANA, or UTC', async (t) => {
  for (const zone of ['UTC', 'Europe/Berlin', 'Asia/Kathmandu']) t.ok(isTimeZone(zone), zone)
  for (const zone of ['Mars/Olympus', 'Berlin', '', 'Europe/Berlin ']) t.notOk(isTimeZone(zone), zone)
})
