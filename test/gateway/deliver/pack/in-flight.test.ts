import t from 'tap'
import { createInFlight } from '../../../../src/gateway/deliver/pack/in-flight.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { frameOf } from '../../../fakes/backlog.ts'

const share = (sequence: number, lines: number) => ({ sequence, lines, bytes: lines * 2 })

t.test('frames are told as finished in order, whatever the order of the containers', async (t) => {
  const inFlight = createInFlight(quietTelemetry().metrics, () => {})
  inFlight.add(frameOf(7, ['a', 'b']))
  inFlight.add(frameOf(8, ['c']))
  inFlight.add(frameOf(9, ['d', 'e']))
  t.strictSame([inFlight.bytes(), inFlight.frames()], [10, 3])

  inFlight.settle([share(8, 1), share(9, 1)], 'delivered')
  t.equal(inFlight.takeFinished(), undefined, 'an older frame is still out')
  t.strictSame([inFlight.bytes(), inFlight.frames()], [6, 3])

  inFlight.settle([share(7, 1)], 'delivered')
  t.equal(inFlight.takeFinished(), undefined, 'half a frame is not a frame')

  inFlight.settle([share(7, 1)], 'deadLettered')
  t.equal(inFlight.takeFinished(), 8)
  t.equal(inFlight.takeFinished(), undefined, 'told once')

  inFlight.settle([share(9, 1)], 'fallback')
  t.equal(inFlight.takeFinished(), 9)
  t.strictSame([inFlight.bytes(), inFlight.frames()], [0, 0])
})

t.test('each frame is told of as soon as it is done, whatever is ahead of it', async (t) => {
  const done: unknown[] = []
  const inFlight = createInFlight(quietTelemetry().metrics, (sequence, ended) => done.push([sequence, ended]))
  inFlight.add(frameOf(7, ['a']))
  inFlight.add(frameOf(8, ['b', 'c']))
  inFlight.settle([share(8, 1)], 'delivered')
  t.same(done, [], 'half a frame is not a frame')
  inFlight.settle([share(8, 1)], 'deadLettered')
  t.same(done, [[8, { delivered: 1, fallback: 0, deadLettered: 1 }]])
  inFlight.settle([share(7, 1)], 'fallback')
  t.same(done.slice(1), [[7, { delivered: 0, fallback: 1, deadLettered: 0 }]])
})

t.test('a container of a frame that is not in flight is a fault of ours', async (t) => {
  const inFlight = createInFlight(quietTelemetry().metrics, () => {})
  t.throws(() => inFlight.settle([share(1, 1)], 'delivered'), { code: 'internal' })
})

t.test('the bytes in flight are a metric', async (t) => {
  const { metrics } = quietTelemetry()
  createInFlight(metrics, () => {}).add(frameOf(1, ['abc']))
  t.match(await metrics.metrics(), /headgate_pump_in_flight_bytes 4\n/)
})
