import t from 'tap'
import { createSinkMetrics } from '../../../../src/gateway/deliver/lanes/metrics.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'

t.test('codes of a service are series of their own up to fifty, and one beyond', async (t) => {
  const telemetry = quietTelemetry()
  const metrics = createSinkMetrics(telemetry)
  for (let n = 0; n < 1_000; n++) metrics.put('kinesis', 'transient', `Odd${n}`)
  metrics.put('kinesis', 'transient', 'Odd7')
  const lines = (await telemetry.metrics.metrics()).split('\n')
  const retries = lines.filter((line) => line.startsWith('headgate_sink_retries_total{'))
  t.equal(retries.length, 51)
  t.ok(retries.includes('headgate_sink_retries_total{sink="kinesis",code="Odd7"} 2'))
  t.ok(retries.includes('headgate_sink_retries_total{sink="kinesis",code="~other"} 950'))
})
