import { test } from 'tap'
import type { GatewayHandle } from '../../../src/cli/serve/gateway-handle.ts'
import { stop } from '../../../src/cli/serve/shutdown.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { fakeClock } from '../../fakes/clock.ts'

const config = { ...parseConfig({}, {}), shutdown: { totalMs: 80, waitMs: 0, drainMs: 80 } }

/** Ends when it is told to, and says how long it was given. */
function frontOf(closed: (withinMs: number) => void): GatewayHandle {
  return {
    isWorker: false,
    started: Promise.resolve(),
    listeners: async () => [],
    isReady: () => true,
    port: () => 0,
    balance: async () => null,
    metrics: () => Promise.reject(new Error('not asked')),
    reload() {},
    ending() {},
    async close(withinMs) {
      closed(withinMs)
    },
    abandon() {},
  }
}

test('a run that does not end keeps what was accepted from nothing', async (t) => {
  const clock = fakeClock()
  for (const [rule, endRuns] of [
    ['runs that end', async () => {}],
    ['one that never does', () => new Promise<void>(() => {})],
    ['one that fails to', () => Promise.reject(new Error('no'))],
  ] as const) {
    const closed: number[] = []
    const front = frontOf((withinMs) => closed.push(withinMs))
    await stop({ config, clock, listeners: [], gateway: front }, endRuns)
    t.same(closed, [60], rule)
  }
})
