import type { Declarations } from './declaration.ts'

/** The journal: what it holds, and how its disk does. */
export const journalDeclarations = {
  headgate_journal_bytes: {
    type: 'gauge',
    help: 'Bytes in segments that are not yet removed, delivered or not.',
    unit: 'bytes',
    ofWorkers: 'sum',
  },
  headgate_journal_sync_seconds: {
    type: 'histogram',
    help: 'One write and one fdatasync.',
    unit: 'seconds',
    buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
  },
  headgate_journal_group_frames: {
    type: 'histogram',
    help: 'Frames that shared one sync.',
    unit: 'frames',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  },
  headgate_journal_errors_total: {
    type: 'counter',
    help: 'Failed system calls, by errno.',
    unit: 'calls',
    labels: { code: '`ENOSPC`, `EIO`, …' },
  },
  headgate_journal_quarantined_bytes_total: {
    type: 'counter',
    help: 'Damaged bytes copied to quarantine.',
    unit: 'bytes',
  },
} as const satisfies Declarations

const sink = '`kinesis`, `lake`'

/** From the journal to the stream and the lake. */
export const deliveryDeclarations = {
  headgate_pump_in_flight_bytes: {
    type: 'gauge',
    help: 'Bytes read from the journal and not yet at their outcome.',
    unit: 'bytes',
    ofWorkers: 'sum',
  },
  headgate_sink_failing_seconds: {
    type: 'gauge',
    help: 'How long nothing could be stored although it was tried.',
    unit: 'seconds',
    labels: { sink },
    ofWorkers: 'max',
  },
  headgate_sink_paused: {
    type: 'gauge',
    help: '1 while the sink is misconfigured and only probed.',
    unit: '0 or 1',
    labels: { sink },
    ofWorkers: 'max',
  },
  headgate_fallback_open: {
    type: 'gauge',
    help: '1 while events go to the fallback because the stream fails or falls behind.',
    unit: '0 or 1',
    only: 'streams of Kinesis',
    ofWorkers: 'max',
  },
  headgate_sink_put_seconds: {
    type: 'histogram',
    help: 'Duration of a put with its pacing, whatever became of it.',
    unit: 'seconds',
    labels: { sink },
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 6, 12],
  },
  headgate_sink_records_total: {
    type: 'counter',
    help: 'Records put, by what became of them. One that is tried again counts again.',
    unit: 'records',
    labels: { sink, outcome: '`stored`, `throttled`, `transient`, `misconfigured`, `poison`' },
  },
  headgate_sink_retries_total: {
    type: 'counter',
    help: 'Records that had to be put again, by reason.',
    unit: 'records',
    labels: { sink, code: 'of AWS, or of the system call; `~other` beyond fifty' },
  },
  headgate_sink_shards: {
    type: 'gauge',
    help: 'Open shards of the stream as last learnt; 0 while that is not known, and nothing is paced.',
    unit: 'shards',
    only: 'streams of Kinesis',
    ofWorkers: 'max',
  },
  headgate_sink_paced_seconds_total: {
    type: 'counter',
    help: 'Time that calls waited so as not to overrun the shards.',
    unit: 'seconds',
    only: 'streams of Kinesis',
  },
} as const satisfies Declarations
