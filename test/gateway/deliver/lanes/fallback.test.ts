import t from 'tap'
import {
  AWAITED_THRESHOLDS,
  createFallbackSwitch,
  type FallbackThresholds,
} from '../../../../src/gateway/deliver/lanes/fallback.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { fakeClock } from '../../../fakes/clock.ts'

const MAX_BYTES = 1_000

function setup(patience?: FallbackThresholds) {
  const clock = fakeClock()
  const log: { level: number; msg: string }[] = []
  const telemetry = createTelemetry('info', { write: (line) => log.push(JSON.parse(line)) })
  const startedMs = clock.nowMs()
  const seen = {
    bytes: 0,
    failingMs: undefined as number | undefined,
    oldestMs: undefined as number | undefined,
  }
  const diversion = createFallbackSwitch({
    backlog: {
      arrived: () => {},
      read: async () => [],
      release: async () => {},
      state: () => ({ frames: 0, events: 0, bytes: seen.bytes, oldestMs: seen.oldestMs }),
    },
    sink: {
      failingSinceMs: () => undefined,
      failingMs: () => seen.failingMs,
      paused: () => undefined,
      why: () => undefined,
      called: () => {},
    },
    maxBacklogBytes: MAX_BYTES,
    ...(patience && { thresholds: patience }),
    clock,
    telemetry,
  })
  const see = (change: Partial<typeof seen>) => Object.assign(seen, change)
  /** What it says a second later, when it has looked again. */
  const later = (change: Partial<typeof seen>) => {
    see(change)
    clock.advance(1_000)
    return diversion.isOpen()
  }
  /** Events that have waited for so long. */
  const behind = (ms: number) => ({ oldestMs: clock.nowMs() + 1_000 - ms })
  const metric = async () =>
    Number((await telemetry.metrics.getSingleMetric('headgate_fallback_open')?.get())?.values[0]?.value)
  return { clock, diversion, behind, later, log, metric, see, startedMs }
}

t.test('it opens when the sink has failed for a minute, and closes when something was stored', async (t) => {
  const { later, log, metric } = setup()
  t.equal(later({ failingMs: undefined }), false)
  t.equal(later({ failingMs: 0 }), false)
  t.equal(later({ failingMs: 59_999 }), false)
  t.equal(await metric(), 0)
  t.equal(later({ failingMs: 60_000 }), true)
  t.equal(await metric(), 1)
  t.equal(later({ failingMs: 600_000 }), true)
  t.equal(later({ failingMs: undefined }), false)
  t.match(log, [
    { level: 40, msg: 'the stream fails or falls behind: the fallback is open', failingMs: 60_000 },
    { level: 30, msg: 'the stream has caught up: the fallback is closed' },
  ])
})

t.test('it opens when the backlog passes its bound, and closes well below it', async (t) => {
  const { later } = setup()
  t.equal(later({ bytes: MAX_BYTES }), false)
  t.equal(later({ bytes: MAX_BYTES + 1 }), true)
  t.equal(later({ bytes: 801 }), true)
  t.equal(later({ bytes: 800 }), false)
  t.equal(later({ bytes: 900 }), false)
})

t.test(
  'it opens when events wait for a minute for a sink that works, and closes when it has caught up',
  async (t) => {
    const { later, behind, clock } = setup()
    clock.advance(3_600_000)
    t.equal(later(behind(59_999)), false)
    t.equal(later(behind(60_000)), true)
    t.equal(later(behind(30_001)), true)
    t.equal(later(behind(30_000)), false)
    t.equal(later({ oldestMs: undefined }), false)
  },
)

t.test('what an earlier process left waits for this one only since it began', async (t) => {
  const { later, clock, startedMs } = setup()
  t.equal(later({ oldestMs: startedMs - 86_400_000 }), false)
  clock.advance(58_999)
  t.equal(later({}), true)
})

t.test('events that came while the clock was ahead wait as others do', async (t) => {
  const { later, behind, clock } = setup()
  t.equal(later({ oldestMs: clock.nowMs() + 3_600_000 }), false)
  clock.advance(58_000)
  t.equal(later({}), false)
  t.equal(later({ oldestMs: clock.nowMs() + 3_601_000 }), false, 'the one that waited is gone')
  clock.advance(59_000)
  t.equal(later({}), true)
  clock.shift(-3_600_000)
  t.equal(later(behind(60_000)), true, 'nor is a process that began then younger than it is')
  t.equal(later(behind(30_000)), false)
  t.equal(later(behind(60_000)), true)
})

t.test('in a hurry it opens at the first failure, and not without one', async (t) => {
  const { diversion, later } = setup()
  t.equal(later({ failingMs: undefined }), false)
  diversion.failFast()
  t.equal(diversion.isOpen(), false)
  t.equal(later({ failingMs: 0 }), true)
  const { diversion: other, later: otherLater } = setup()
  t.equal(otherLater({ failingMs: 10 }), false)
  other.failFast()
  t.equal(other.isOpen(), true, 'at once')
})

t.test('it looks at the backlog once a second, however often it is asked', async (t) => {
  const { clock, diversion, later, see } = setup()
  t.equal(later({}), false)
  see({ bytes: 2_000 })
  clock.advance(999)
  t.equal(diversion.isOpen(), false)
  clock.advance(1)
  t.equal(diversion.isOpen(), true)
})

t.test('where somebody waits, the first failure opens it, and two seconds of waiting', async (t) => {
  const { clock, diversion, see } = setup(AWAITED_THRESHOLDS)
  clock.advance(10_000)
  const now = (change: Parameters<typeof see>[0]) => {
    see(change)
    return diversion.isOpen()
  }
  const waited = (ms: number) => ({ oldestMs: clock.nowMs() - ms })
  t.equal(now({ failingMs: undefined }), false)
  t.equal(now({ failingMs: 0 }), true)
  t.equal(now({ failingMs: undefined }), false, 'at once, as it opened')
  t.equal(now(waited(1_999)), false)
  t.equal(now(waited(2_000)), true)
  t.equal(now(waited(1_001)), true)
  t.equal(now(waited(1_000)), false)
})
