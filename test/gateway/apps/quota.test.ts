import { test } from 'tap'
import { parseConfig } from '../../../src/config/parse.ts'
import { createQuota } from '../../../src/gateway/apps/quota.ts'
import { createRegistry } from '../../../src/gateway/apps/registry.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { sha256 } from '../../fakes/gateway.ts'

const limits = { requestsPerSecond: 10, burst: 20, bytesPerSecond: 1_000, eventsPerSecond: 100 }
const apps = ['a', 'b'].map((id) => ({ id, keys: [{ sha256: sha256(id) }], limits }))
const registry = createRegistry(parseConfig({ apps }, {}).apps)
const [a, b] = [registry.byKey('a')!, registry.byKey('b')!]

test('what an app may use at once, and how long it has to wait for more', async (t) => {
  for (const [usage, allowed, retryAfterMs, detail] of [
    [{ requests: 1 }, 20, 100, 'The app "a" is over its 10 requests a second.'],
    [{ bytes: 100 }, 10, 100, 'The app "a" is over its 1000 bytes a second.'],
    [{ events: 25 }, 4, 250, 'The app "a" is over its 100 events a second.'],
  ] as const) {
    const quota = createQuota(1, fakeClock())
    for (let i = 0; i < allowed; i++) quota.charge(a, usage)
    t.throws(() => quota.charge(a, usage), { code: 'app_limit', retryAfterMs, message: detail })
    t.doesNotThrow(() => quota.charge(b, usage), 'which does not concern another app')
  }
})

test('the three are charged apart, and what is not used costs nothing', async (t) => {
  const quota = createQuota(1, fakeClock())
  quota.charge(a, { bytes: 1_000 })
  t.doesNotThrow(() => quota.charge(a, { requests: 20, events: 100 }))
  t.doesNotThrow(() => quota.charge(a, {}))
  t.throws(() => quota.charge(a, { bytes: 1 }), { code: 'app_limit' })
})

test('quota comes back with time', async (t) => {
  const clock = fakeClock()
  const quota = createQuota(1, clock)
  quota.charge(a, { requests: 20 })
  clock.advance(99)
  t.throws(() => quota.charge(a, { requests: 1 }), { code: 'app_limit', retryAfterMs: 1 })
  clock.advance(1)
  t.doesNotThrow(() => quota.charge(a, { requests: 1 }))
})

test('other limits hold at once, and what was used before them stays used', async (t) => {
  const quota = createQuota(1, fakeClock())
  quota.charge(a, { requests: 20 })
  const faster = { ...a, limits: { ...a.limits, requestsPerSecond: 20 } }
  t.throws(() => quota.charge(faster, { requests: 1 }), { code: 'app_limit', retryAfterMs: 1_050 })
})

test('a body larger than a second of the quota passes when nothing was sent before', async (t) => {
  const clock = fakeClock()
  const quota = createQuota(1, clock)
  t.doesNotThrow(() => quota.charge(a, { bytes: 1_000_000 }))
  t.throws(() => quota.charge(a, { bytes: 1 }), { code: 'app_limit', retryAfterMs: 999_001 })
  clock.advance(999_001)
  t.doesNotThrow(() => quota.charge(a, { bytes: 1 }), 'once it is paid')
})

test('what is refused for one thing is charged for none', async (t) => {
  const quota = createQuota(1, fakeClock())
  quota.charge(a, { events: 100 })
  for (let i = 0; i < 3; i++) {
    t.throws(() => quota.charge(a, { requests: 20, bytes: 1_000, events: 1 }), { code: 'app_limit' })
  }
  t.doesNotThrow(() => quota.charge(a, { requests: 20, bytes: 1_000 }))
})

test('each of several workers has its part, and at least one request', async (t) => {
  const quota = createQuota(4, fakeClock())
  for (let i = 0; i < 5; i++) quota.charge(a, { requests: 1 })
  t.throws(() => quota.charge(a, { requests: 1 }), { code: 'app_limit', retryAfterMs: 400 })
  t.doesNotThrow(() => createQuota(1_000, fakeClock()).charge(a, { requests: 1 }))
})
