import type { Declarations } from './declaration.ts'

const app = 'its id'

/** From raw objects to an index of what arrived. */
export const ingestDeclarations = {
  headgate_ingest_objects_total: {
    type: 'counter',
    help: 'Raw objects compacted or indexed.',
    unit: 'objects',
  },
  headgate_ingest_rows_total: {
    type: 'counter',
    help: 'Events indexed for aggregation.',
    unit: 'events',
  },
  headgate_ingest_malformed_total: {
    type: 'counter',
    help: 'Lines and objects that were no events, kept in dead/.',
    unit: 'lines and objects',
  },
  headgate_ingest_set_aside_total: {
    type: 'counter',
    help: 'Objects that cannot be read as events, or to their end, kept whole in dead/.',
    unit: 'objects',
  },
  headgate_ingest_doubtful_total: {
    type: 'counter',
    help: 'Rows of raw/ that are counted as they say, though no gateway would have stored them so: units that are not converted there, times that can hardly be epoch ms, apps that are not configured. The log names their objects.',
    unit: 'events',
  },
  headgate_ingest_failing: {
    type: 'gauge',
    help: 'Objects and partitions that could not be ingested in the last pass, those of headgate_lake_passed_over among them: `notIngested` of runs, /query/pipeline and headgate status. The log names them.',
    unit: 'objects and partitions',
    ofWorkers: 'sum',
  },
  headgate_join_objects_total: {
    type: 'counter',
    help: 'Small objects of raw/ whose rows were joined to larger ones, some hours after their hour.',
    unit: 'objects',
  },
  headgate_join_bytes_total: {
    type: 'counter',
    help: 'What the larger ones take.',
    unit: 'bytes',
  },
  headgate_join_removed_total: {
    type: 'counter',
    help: 'Small objects of raw/ that were removed, after what they were joined to was read once more.',
    unit: 'objects',
  },
  headgate_lake_passed_over: {
    type: 'gauge',
    help: 'In raw/ or quarantine/ when an ingest last looked, and passed over: no file, not to be read, or not named as what is read. The log names each once.',
    unit: 'files and folders',
    ofWorkers: 'sum',
  },
  headgate_import_events_total: {
    type: 'counter',
    help: 'Events that were imported through POST /imports, each time that they were.',
    unit: 'events',
    labels: { app },
  },
  headgate_import_rejected_total: {
    type: 'counter',
    help: 'Events of imports that were not accepted, by code; they are told of in dead/.',
    unit: 'events',
    labels: { app, reason: '[what each means](errors.md)' },
  },
  headgate_erasures_total: {
    type: 'counter',
    help: 'Erasures that ended, dry runs apart.',
    unit: 'erasures',
    labels: { state: '`done`, or `failed`: windows are not computed without it, or objects cannot be read' },
  },
  headgate_erased_rows_total: {
    type: 'counter',
    help: 'Rows and lines of the lake that went by erasures.',
    unit: 'rows',
    labels: { app },
  },
  headgate_direct_events_total: {
    type: 'counter',
    help: 'Events of direct streams that were stored, by what came of the token of their record.',
    unit: 'events',
    labels: { app, record_token: '[what each means](operations.md#what-became-of-them)' },
    only: 'apps with credentials',
  },
  headgate_direct_refused_total: {
    type: 'counter',
    help: 'Events of direct streams that were not stored, by reason; they are told of in dead/.',
    unit: 'events',
    labels: { app, reason: '[what each means](operations.md#what-became-of-them)' },
    only: 'apps with credentials',
  },
  headgate_direct_clock_replaced_total: {
    type: 'counter',
    help: 'Stored events of direct streams whose own time was implausible.',
    unit: 'events',
    labels: { app },
    only: 'apps with credentials',
  },
  headgate_direct_waiting_objects: {
    type: 'gauge',
    help: 'Objects that stay in the quarantine, by reason.',
    unit: 'objects',
    labels: { reason: '[what each means](operations.md#what-became-of-them)' },
    only: 'apps with credentials',
    ofWorkers: 'sum',
  },
} as const satisfies Declarations

const rollup = 'its name'

/** From what arrived to numbers. */
export const rollupDeclarations = {
  headgate_rollup_windows_total: {
    type: 'counter',
    help: 'Windows that a run was through with, by result.',
    unit: 'windows',
    labels: { result: '`committed`, `unchanged`, `published`, `superseded`, `failed`, `not_needed`' },
  },
  headgate_rollup_run_seconds: {
    type: 'histogram',
    help: 'Time from the start of a run to its end, or to its next try.',
    unit: 'seconds',
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 1_800],
  },
  headgate_rollup_due_windows: {
    type: 'gauge',
    help: 'Windows that are over and were not committed as complete, or are not in the store, whatever their age.',
    unit: 'windows',
    labels: { rollup },
    ofWorkers: 'sum',
  },
  headgate_rollup_lag_seconds: {
    type: 'gauge',
    help: 'Time since the end of the newest committed window. Of one that was computed before it was over, its grace included, the start counts until it is computed again.',
    unit: 'seconds',
    labels: { rollup },
    ofWorkers: 'max',
  },
  headgate_rollup_behind_seconds: {
    type: 'gauge',
    help: 'Age of the oldest that may be missing in the graphs: time since the start of the oldest window that is due, or the lag where that is longer. It is looked at with each tick.',
    unit: 'seconds',
    labels: { rollup },
    ofWorkers: 'max',
  },
  headgate_rollup_windows_to_repeat: {
    type: 'gauge',
    help: 'Dirty windows that are computed again: committed as complete, and rows came since, in time or imported, none too late.',
    unit: 'windows',
    labels: { rollup },
    ofWorkers: 'sum',
  },
  headgate_rollup_late_rows_total: {
    type: 'counter',
    help: 'Rows of committed windows that came after the grace.',
    unit: 'rows',
  },
  headgate_rollup_too_late_rows: {
    type: 'gauge',
    help: 'Rows that came after their window was sealed: a run with reprocess "all" counts them.',
    unit: 'rows',
    labels: { rollup },
    ofWorkers: 'sum',
  },
  headgate_rollup_ahead_rows: {
    type: 'gauge',
    help: 'Rows of windows that begin more than ten minutes from now, as a clock was ahead when they came: counted then.',
    unit: 'rows',
    labels: { rollup },
    ofWorkers: 'sum',
  },
  headgate_rollup_rejected_rows_total: {
    type: 'counter',
    help: 'Rows of committed windows with a value that cannot be counted.',
    unit: 'rows',
  },
} as const satisfies Declarations
