import { type Test, test } from 'tap'
import { parseConfig } from '../../../../src/config/parse.ts'
import {
  createVendingLimits,
  type VendingLimits,
} from '../../../../src/gateway/credentials/limits/vending-limits.ts'
import type { AppError } from '../../../../src/std/errors.ts'
import { fakeClock } from '../../../fakes/clock.ts'

const configured = (limits: object = {}) =>
  parseConfig({ gateway: { credentials: { limits } } }, {}).gateway.credentials.limits

/** Takes until it is refused: how often it was not, and how it was then. */
function drain(take: () => void): readonly [number, string, number] {
  for (let taken = 0; ; taken++) {
    try {
      take()
    } catch (error) {
      const { code, retryAfterMs = 0 } = error as AppError
      return [taken, code, Math.ceil(retryAfterMs / 1_000)]
    }
  }
}

const each = (limits: VendingLimits): Record<string, () => void> => ({
  address: () => limits.address('192.0.2.1'),
  subject: () => limits.subject('ios', 'hash'),
  app: () => limits.app('ios'),
  newSubject: () => limits.newSubject('ios'),
  anonymous: () => limits.anonymous(),
  sts: () => limits.sts(),
})

function refusals(
  t: Test,
  limits: VendingLimits,
  expected: Record<string, readonly [number, string, number]>,
) {
  t.same(
    Object.fromEntries(Object.entries(each(limits)).map(([name, take]) => [name, drain(take)])),
    expected,
  )
}

test('each limit has its bucket, its code, and says when it has room again', async (t) => {
  refusals(t, createVendingLimits(configured(), 1, fakeClock()), {
    address: [60, 'address_limit', 1],
    subject: [12, 'subject_limit', 300],
    app: [600, 'app_limit', 1],
    newSubject: [300, 'app_limit', 1],
    anonymous: [60, 'app_limit', 1],
    sts: [100, 'vending_saturated', 1],
  })
})

test('workers share what is allowed; one at a time is always possible', async (t) => {
  const limits = configured({ subjectPerHour: 2, stsPerSecond: 8, stsBurst: 40 })
  refusals(t, createVendingLimits(limits, 4, fakeClock()), {
    address: [15, 'address_limit', 4],
    subject: [1, 'subject_limit', 7_200],
    app: [150, 'app_limit', 1],
    newSubject: [75, 'app_limit', 1],
    anonymous: [15, 'app_limit', 4],
    sts: [10, 'vending_saturated', 1],
  })
})

test('subjects, apps and addresses do not share their buckets, and time fills them', async (t) => {
  const clock = fakeClock()
  const limits = createVendingLimits(
    configured({ subjectPerHour: 1, appPerMinute: 1, addressPerMinute: 1 }),
    1,
    clock,
  )
  limits.subject('ios', 'a')
  t.throws(() => limits.subject('ios', 'a'), { code: 'subject_limit', retryAfterMs: 3_600_000 })
  limits.subject('ios', 'b')
  limits.subject('web', 'a')
  limits.app('ios')
  limits.app('web')
  limits.address('2001:db8:1:1::1')
  t.throws(
    () => limits.address('2001:db8:1:1::2'),
    { code: 'address_limit' },
    'one customer has all of a /64',
  )
  limits.address('2001:db8:1:2::1')
  clock.advance(3_599_999)
  t.throws(() => limits.subject('ios', 'a'), { code: 'subject_limit', retryAfterMs: 1 })
  clock.advance(1)
  limits.subject('ios', 'a')
})
