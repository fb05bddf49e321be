import { test } from 'tap'
import { counter, gauge, histogram } from '../../../src/std/metrics/instruments.ts'
import { aggregated, createMetricRegistry } from '../../../src/std/metrics/metric-registry.ts'

test('an instrument is what its declaration says', async (t) => {
  const metrics = createMetricRegistry()
  counter(metrics, 'headgate_events_received_total').inc(3)
  gauge(metrics, 'headgate_journal_bytes').set(7)
  histogram(metrics, 'headgate_journal_group_frames').observe(5)
  t.equal(
    await metrics.metrics(),
    `# HELP headgate_events_received_total Events decoded from requests.
# TYPE headgate_events_received_total counter
headgate_events_received_total 3

# HELP headgate_journal_bytes Bytes in segments that are not yet removed, delivered or not.
# TYPE headgate_journal_bytes gauge
headgate_journal_bytes 7

# HELP headgate_journal_group_frames Frames that shared one sync.
# TYPE headgate_journal_group_frames histogram
${[1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
  .map((le) => `headgate_journal_group_frames_bucket{le="${le}"} ${le < 5 ? 0 : 1}`)
  .join('\n')}
headgate_journal_group_frames_bucket{le="+Inf"} 1
headgate_journal_group_frames_sum 5
headgate_journal_group_frames_count 1
`,
  )
})

test('an instrument takes the labels that are declared, and no others', async (t) => {
  const refused = counter(createMetricRegistry(), 'headgate_requests_refused_total')
  refused.inc({ code: 'overloaded' })
  t.throws(() => refused.inc({ app: 'shop' } as object), /label "app" is not included/)
})

test('what is read is read at each scrape', async (t) => {
  const metrics = createMetricRegistry()
  let events = 1
  gauge(metrics, 'headgate_backlog_events', (it) => it.set(events))
  counter(metrics, 'headgate_events_accepted_total', (it) => {
    it.reset()
    it.inc(events * 10)
  })
  for (const now of [1, 2]) {
    events = now
    const text = await metrics.metrics()
    t.match(text, new RegExp(`^headgate_backlog_events ${now}$`, 'm'))
    t.match(text, new RegExp(`^headgate_events_accepted_total ${now}0$`, 'm'))
  }
})

test('of workers quantities add up, and of ages and states the worst counts', async (t) => {
  const worker = async (bytes: number, ageSeconds: number) => {
    const metrics = createMetricRegistry()
    gauge(metrics, 'headgate_journal_bytes').set(bytes)
    gauge(metrics, 'headgate_jwks_age_seconds').set({ issuer: 'https://login.example' }, ageSeconds)
    return metrics.getMetricsAsJSON()
  }
  const text = await aggregated([await worker(5, 60), await worker(7, 20)]).metrics()
  t.match(text, /^headgate_journal_bytes 12$/m)
  t.match(text, /^headgate_jwks_age_seconds\{issuer="https:\/\/login\.example"\} 60$/m)
})
