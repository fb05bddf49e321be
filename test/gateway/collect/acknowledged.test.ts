import { test } from 'tap'
import { acknowledgedByDurability } from '../../../src/gateway/collect/acknowledged.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'

test('what is acknowledged is counted by where it was then', async (t) => {
  const telemetry = quietTelemetry()
  const count = acknowledgedByDurability(telemetry)
  count('stream', 3)
  count('lake', 2)
  count('stream', 4)
  const lines = (await telemetry.metrics.metrics()).split('\n').filter((line) => /^headgate/.test(line))
  t.same(lines, [
    'headgate_events_acknowledged_total{durability="stream"} 7',
    'headgate_events_acknowledged_total{durability="lake"} 2',
  ])
})
