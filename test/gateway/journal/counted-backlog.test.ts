import t from 'tap'
import { createLedger } from '../../../src/event/ledger/ledger.ts'
import { countedBacklog } from '../../../src/gateway/journal/counted-backlog.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { frameOf, memoryBacklog } from '../../fakes/backlog.ts'

const ended = (delivered: number, fallback = 0, deadLettered = 0) => ({ delivered, fallback, deadLettered })
const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('what has ended is counted in the moment in which it is no backlog any more', async (t) => {
  const store = memoryBacklog()
  const ledger = createLedger(quietTelemetry().metrics, () => store.state().events)
  const backlog = countedBacklog(store, ledger)
  for (const lines of [['a', 'b', 'c'], ['d'], ['e']]) store.append(lines)
  await backlog.read(1_000, new AbortController().signal)
  let roomIsFree = () => {}
  store.gate = new Promise<void>((resolve) => {
    roomIsFree = resolve
  })

  backlog.arrived(2, ended(0, 1))
  t.match(ledger.totals(), ended(0), 'it waits for those ahead of it')
  backlog.arrived(1, ended(2, 0, 1))
  let done = false
  const released = backlog.release(2).then(() => {
    done = true
  })
  t.match(ledger.totals(), ended(2, 1, 1), 'each where it ended')
  t.equal(backlog.state().events, 1, 'and none is in two places')
  await turn()
  t.notOk(done, 'the room is not free yet')
  roomIsFree()
  await released

  await backlog.release(2)
  t.match(ledger.totals(), ended(2, 1, 1), 'counted once')
  backlog.arrived(3, ended(1))
  await backlog.release(3)
  t.match(ledger.totals(), ended(3, 1, 1))
})

/** What it takes to release frames one by one, of which all have arrived, in microseconds of processor. */
async function releaseCost(frames: number): Promise<number> {
  const store = memoryBacklog()
  const all = Array.from({ length: frames }, (_, at) => frameOf(at + 1, ['a']))
  const { signal } = new AbortController()
  const backlog = countedBacklog(
    { ...store, read: async () => all, release: async () => {} },
    createLedger(quietTelemetry().metrics, () => 0),
  )
  for (const { sequence } of await backlog.read(1, signal)) backlog.arrived(sequence, ended(1))
  const before = process.cpuUsage()
  for (const { sequence } of all) await backlog.release(sequence)
  return process.cpuUsage(before).user
}

t.test('a frame behind which others have arrived costs no more to release than itself', async (t) => {
  await releaseCost(1_000)
  const [some, many] = [await releaseCost(5_000), await releaseCost(40_000)]
  t.ok(
    many < 30 * some,
    `${many} µs for eight times as many as took ${some}: sixty times would be each with each`,
  )
})
