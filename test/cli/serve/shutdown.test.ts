import { test } from 'tap'
import type { GatewayHandle } from '../../../src/cli/serve/gateway-handle.ts'
import { endInTime, stop, type TellFailure } from '../../../src/cli/serve/shutdown.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { AppError } from '../../../src/std/errors.ts'
import { createTelemetry } from '../../../src/std/telemetry.ts'
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

const never = () => new Promise<never>(() => {})
const fails = (why: string) => () => Promise.reject(new Error(why))

/** One that is asked for by nobody, and closes as it is told to. */
const listenerOf = (close: () => Promise<void>) =>
  ({ name: 'gateway', key: 'gateway.listen', host: '127.0.0.1', port: 0, server: { close } }) as never

test('what does not end, or fails to, keeps what was accepted from nothing; a failure is told', async (t) => {
  for (const [rule, endRuns, closeListener, expected] of [
    ['all ends', async () => {}, async () => {}, []],
    ['runs that never end', never, async () => {}, []],
    ['runs that fail to', fails('no'), async () => {}, ['the end of runs: no']],
    ['requests that never end', async () => {}, never, []],
    ['requests that fail to', async () => {}, fails('no'), ['the end of requests in flight: no']],
    [
      'runs that fail at a deadline of their own',
      () => Promise.reject(new AppError('deadline_exceeded', 'theirs')),
      async () => {},
      ['the end of runs: theirs'],
    ],
  ] as const) {
    const [closed, told]: [number[], string[]] = [[], []]
    const gateway = frontOf((withinMs) => closed.push(withinMs))
    const failed = (what: string, err: unknown) => told.push(`${what}: ${(err as Error).message}`)
    const listeners = [listenerOf(closeListener)]
    await stop({ config, clock: fakeClock(), listeners, gateway, failed }, endRuns)
    t.same(closed, [60], rule)
    t.strictSame(told, expected, rule)
  }
})

test('only the deadline is the deadline: whatever else fails is told as itself, and is a failure', async (t) => {
  for (const [rule, end, exit, told, abandoned] of [
    ['in time', async () => {}, 0, /^$/, 0],
    ['too late', never, 0, /"code":"deadline_exceeded".*stopped at the deadline/, 1],
    ['it fails', fails('a bug'), 1, /"message":"a bug".*"during":"the shutdown"/, 1],
    [
      'a deadline of its own',
      () => Promise.reject(new AppError('deadline_exceeded', 'theirs')),
      1,
      /theirs.*"during":"the shutdown"/,
      1,
    ],
    [
      'a part of it fails, in time',
      async (failed: TellFailure) => failed('the end of runs', new Error('a bug')),
      1,
      /"message":"a bug".*"during":"the end of runs"/,
      0,
    ],
  ] as const) {
    let [said, times] = ['', 0]
    const { log } = createTelemetry('info', { write: (text) => (said += text) })
    const gateway = { ...frontOf(() => {}), abandon: () => (times += 1) }
    t.equal(await endInTime({ totalMs: 20, log, gateway }, end), exit, rule)
    t.match(said, told, rule)
    t.equal(/stopped at the deadline/.test(said), rule === 'too late', rule)
    t.equal(times, abandoned, rule)
  }
})
