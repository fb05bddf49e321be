import t, { type Test } from 'tap'
import { createLedger } from '../../../../src/event/ledger/ledger.ts'
import type { Ended, Frame } from '../../../../src/gateway/journal/backlog.ts'
import { countedBacklog } from '../../../../src/gateway/journal/counted-backlog.ts'
import {
  type JournalReplayOptions,
  startJournalReplay,
} from '../../../../src/gateway/journal/stream/mover.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { memoryBacklog } from '../../../fakes/backlog.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'

const LONG_MS = 600_000

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

/** A mover, and by hand what becomes of each frame that it brings. */
function setup(t: Test, more: Partial<JournalReplayOptions> = {}) {
  let said = ''
  const telemetry = createTelemetry('info', { write: (line) => (said += line) })
  const backlog = memoryBacklog()
  const ledger = createLedger(telemetry.metrics, () => 0)
  const brought = new Map<number, (ended: Ended | undefined) => void>()
  const deliver = (frame: Frame) =>
    new Promise<Ended | undefined>((resolve) => brought.set(frame.sequence, resolve))
  const start = () => {
    const retry = { delayMs: () => 0 }
    const mover = startJournalReplay({
      backlog: countedBacklog(backlog, ledger),
      deliver,
      telemetry,
      retry,
      entropy: seededEntropy(),
      ...more,
    })
    t.teardown(async () => {
      for (const told of brought.values()) told(undefined)
      await mover.finish(0)
    })
    return mover
  }
  const arrive = (sequence: number, outcome: Partial<Ended>) =>
    brought.get(sequence)?.({ delivered: 0, fallback: 0, deadLettered: 0, ...outcome })
  return { arrive, backlog, brought, ledger, start, said: () => said }
}

t.test(
  'what lies on the disk goes the way of all events, and is counted when its room is free',
  async (t) => {
    const { arrive, backlog, brought, ledger, start } = setup(t)
    backlog.append(['a', 'b'])
    backlog.append(['c'])
    const mover = start()
    await until(() => brought.size === 2)
    arrive(2, { fallback: 1 })
    t.match(ledger.totals(), { delivered: 0, fallback: 0 })
    arrive(1, { delivered: 1, deadLettered: 1 })
    await until(() => backlog.state().frames === 0)
    t.same(backlog.released, [2])
    t.match(ledger.totals(), { delivered: 1, fallback: 1, deadLettered: 1 })

    backlog.append(['d'])
    await until(() => brought.size === 3)
    const finished = mover.finish(LONG_MS)
    arrive(3, { delivered: 1 })
    await finished
    t.same([backlog.state().frames, ledger.totals().delivered], [0, 2])
    await mover.ended()
  },
)

t.test('what has not arrived at the end stays, with all that is behind it', async (t) => {
  for (const [lost, released, delivered] of [
    [1, [], 0],
    [2, [1], 1],
    [3, [2], 2],
  ] as const) {
    const { arrive, backlog, brought, ledger, start } = setup(t)
    for (const text of ['a', 'b', 'c']) backlog.append([text])
    const mover = start()
    await until(() => brought.size === 3)
    await mover.finish(0)
    for (const sequence of [1, 2, 3]) if (sequence !== lost) arrive(sequence, { delivered: 1 })
    brought.get(lost)?.(undefined)
    await mover.ended()
    t.same(backlog.released, released)
    t.equal(ledger.totals().delivered, delivered)
  }
})

t.test('an empty disk is left at once', async (t) => {
  const { start } = setup(t)
  const mover = start()
  t.equal(await mover.finish(LONG_MS), undefined)
  await mover.ended()
})

t.test('a disk that cannot be read now is read later', async (t) => {
  const { arrive, backlog, brought, ledger, start, said } = setup(t)
  backlog.failures.read.push(new Error('EIO'), new Error('EIO'))
  backlog.append(['a'])
  start()
  await until(() => brought.size === 1)
  t.match(said(), /the journal cannot be emptied now: it is tried again/)
  arrive(1, { delivered: 1 })
  await until(() => ledger.totals().delivered === 1)
  t.same(backlog.released, [1])
})
