import { ends, type Limit } from './limits-of-clients.ts'

export const queryLimits: readonly Limit[] = [
  {
    what: 'Steps of a series',
    at: ['aggregation/serve/series.ts', 'MAX_POINTS'],
    beyond: ends('query_too_large'),
    unit: 'steps',
  },
  {
    what: 'Windows of a series',
    at: ['aggregation/serve/series.ts', 'MAX_SERIES_WINDOWS'],
    beyond: ends('query_too_large'),
    unit: 'windows',
  },
  {
    what: 'Windows × values of a series',
    at: ['aggregation/serve/series.ts', 'MAX_ROWS'],
    beyond: ends('query_too_large'),
    unit: '',
  },
  {
    what: 'Buckets in the steps of a histogram',
    at: ['aggregation/serve/histogram.ts', 'MAX_STEP_BUCKETS'],
    beyond: ends('query_too_large'),
    unit: 'buckets',
  },
  {
    what: 'Rows of a metric by one set in an hour or a day that is merged',
    at: ['aggregation/rollup/stores/merged/write-day.ts', 'MAX_MERGED_GROUP_BYTES'],
    beyond: 'The day is read window by window; `a day has too many values to be merged` in the log',
    unit: 'bytes',
  },
  {
    what: 'Windows of a ranking',
    at: ['aggregation/serve/ranking.ts', 'MAX_RANKED_WINDOWS'],
    beyond: ends('query_too_large'),
    unit: 'windows',
  },
  {
    what: 'Windows × values of a ranking',
    at: ['aggregation/serve/tally/by-value.ts', 'MAX_RANKED_ROWS'],
    beyond: ends('query_too_large'),
    unit: '',
  },
  {
    what: 'Values of a ranking, or of a range of an objective, that are told apart',
    at: ['aggregation/serve/tally/by-value.ts', 'MAX_TALLIES'],
    beyond: 'the rarer half goes on as one, `~other`, and a notice says so',
    unit: 'values',
  },
  {
    what: 'Windows × sets of each range of a change, with one set more',
    at: ['aggregation/serve/ranking.ts', 'MAX_CHANGED_WINDOWS'],
    beyond: ends('query_too_large'),
    unit: '',
  },
  {
    what: 'Values of a set of a change that are told apart',
    at: ['aggregation/serve/periods/changes.ts', 'MAX_CHANGED_VALUES'],
    beyond: 'the rarer ones go on as one, `~other`',
    unit: 'values',
  },
  {
    what: 'Sets of a change',
    at: ['aggregation/serve/parameters.ts', 'MAX_CHANGED_SETS'],
    beyond: ends('invalid_request'),
    unit: 'sets',
  },
  {
    what: 'Releases of an answer',
    at: ['aggregation/serve/releases.ts', 'MAX_RELEASES'],
    beyond: 'only those that appeared last; `found` says how many there are',
    unit: 'values',
  },
  {
    what: 'Different values of a query for releases',
    at: ['aggregation/serve/releases.ts', 'MAX_APPEARED_CHARS'],
    beyond: ends('query_too_large'),
    unit: 'characters',
  },
  {
    what: 'Objectives',
    at: ['config/schema/objective-schema.ts', 'MAX_OBJECTIVES'],
    beyond: 'the configuration is refused',
    unit: 'objectives',
  },
  {
    what: 'Windows of an objective',
    at: ['config/schema/objective-schema.ts', 'MAX_OBJECTIVE_WINDOWS'],
    beyond: 'the configuration is refused',
    unit: 'windows',
  },
  {
    what: 'Windows × `maxValues` of an objective of each value of a set',
    at: ['config/schema/objective-schema.ts', 'MAX_OBJECTIVE_ROWS'],
    beyond: 'the configuration is refused',
    unit: '',
  },
  {
    what: 'Values of an objective that are told by themselves',
    at: ['aggregation/serve/objectives/compute-objective.ts', 'MAX_OBJECTIVE_VALUES'],
    beyond: 'only those with most occurrences; `found` says how many there are',
    unit: 'values',
  },
  {
    what: 'Bytes of the objects that an exploration reads',
    at: ['aggregation/explore/range-budget.ts', 'MAX_EXPLORED_BYTES'],
    beyond: ends('range_too_large'),
  },
  {
    what: 'Rows of these objects',
    at: ['aggregation/explore/range-budget.ts', 'MAX_EXPLORED_ROWS'],
    beyond: ends('range_too_large'),
    unit: 'rows',
  },
  {
    what: 'Groups of an exploration',
    at: ['aggregation/explore/explore-sql.ts', 'MAX_GROUPS'],
    beyond: 'only those of most occurrences; `notices` says how many there are',
    unit: 'groups',
  },
  {
    what: 'Names among which an exploration looks for the metric that was meant',
    at: ['aggregation/explore/explore-sql.ts', 'MAX_MEANT_NAMES'],
    beyond: 'those of fewer rows are not suggested',
    unit: 'names',
  },
  {
    what: 'Examples of an exploration',
    at: ['aggregation/serve/api/explore-parameters.ts', 'MAX_EXAMPLES'],
    beyond: ends('invalid_request'),
    unit: 'events',
  },
  {
    what: 'Single events of an answer, and of each kind of what is none',
    at: ['aggregation/serve/api/explore-parameters.ts', 'MAX_ARRIVED'],
    beyond: ends('invalid_request'),
    unit: 'events',
  },
  {
    what: 'Objects of dead letters that one answer tells of',
    at: ['aggregation/explore/turned-away.ts', 'MAX_DEAD_OBJECTS'],
    beyond: 'only the newest',
    unit: 'objects',
  },
  {
    what: 'Length of one of them',
    at: ['aggregation/explore/turned-away.ts', 'MAX_DEAD_BYTES'],
    beyond: 'it is told as `too_long_to_tell`',
  },
  {
    what: 'A dimension with its value, in `where`',
    at: ['aggregation/serve/api/explore-parameters.ts', 'MAX_FILTER_CHARS'],
    beyond: ends('invalid_request'),
    unit: 'characters',
  },
  {
    what: 'Explorations at a time',
    at: ['aggregation/explore/turns.ts', 'EXPLORATIONS_AT_ONCE'],
    beyond: 'the others wait',
    unit: 'explorations',
  },
  {
    what: 'Explorations that wait',
    at: ['aggregation/explore/turns.ts', 'MAX_WAITING_EXPLORATIONS'],
    beyond: ends('queries_busy'),
    unit: 'explorations',
  },
  {
    what: 'Time that an exploration waits, and again that it takes',
    at: ['aggregation/explore/turns.ts', 'EXPLORE_DEADLINE_MS'],
    beyond: ends('query_timeout'),
  },
  {
    what: 'Memory of an exploration',
    at: ['aggregation/explore/turns.ts', 'EXPLORATION_BYTES'],
    beyond: `it goes on on the disk; ${ends('query_too_large')} where that does not do`,
  },
  {
    what: 'Alerts',
    at: ['config/schema/alert-schema.ts', 'MAX_ALERTS'],
    beyond: 'the configuration is refused',
    unit: 'alerts',
  },
  {
    what: 'Windows that an alert looks at',
    at: ['config/schema/alert-schema.ts', 'MAX_ALERT_WINDOWS'],
    beyond: 'the configuration is refused',
    unit: 'windows',
  },
  {
    what: 'Criteria of an alert',
    at: ['std/input/condition.ts', 'MAX_CRITERIA'],
    beyond: 'the configuration is refused',
    unit: 'criteria',
  },
  {
    what: 'Queries of a batch',
    at: ['aggregation/serve/api/batch.ts', 'MAX_BATCHED'],
    beyond: ends('invalid_request'),
    unit: 'queries',
  },
  {
    what: 'One query of a batch',
    at: ['aggregation/serve/api/query-parameters.ts', 'MAX_URL_CHARS'],
    beyond: ends('invalid_request'),
    unit: 'characters',
  },
  {
    what: 'Answers of a batch together',
    at: ['aggregation/serve/api/batch.ts', 'MAX_BATCH_CHARS'],
    beyond: `${ends('query_too_large')}, in place of those that are too long`,
    unit: 'characters',
  },
  {
    what: 'Quantiles of a query',
    at: ['aggregation/serve/parameters.ts', 'MAX_QUANTILES'],
    beyond: ends('invalid_request'),
    unit: 'quantiles',
  },
  {
    what: 'Values of a set in a query',
    at: ['aggregation/serve/parameters.ts', 'MAX_VALUES'],
    beyond: ends('invalid_request'),
    unit: 'values',
  },
  {
    what: 'Units of a metric that a window keeps apart',
    at: ['aggregation/rollup/model/units.ts', 'MAX_UNITS'],
    beyond: 'the rarer ones are counted under the unit `~other`',
    unit: 'units',
  },
  {
    what: 'Units that an answer lists beside its own',
    at: ['aggregation/rollup/model/units.ts', 'MAX_OTHER_UNITS'],
    beyond: 'the rarer ones are not listed',
    unit: 'units',
  },
  {
    what: 'The unit that a query asks for',
    at: ['aggregation/rollup/model/units.ts', 'LONGEST_UNIT'],
    beyond: ends('invalid_request'),
    unit: 'characters',
  },
  {
    what: 'Measurements, below which an answer says `lowCount`',
    at: ['aggregation/serve/tally/tally.ts', 'LOW_COUNT'],
    beyond: 'below it, the answer says so',
    unit: 'measurements',
  },
  {
    what: 'Queries at a time',
    at: ['http/query-pool.ts', 'QUERIES_AT_ONCE'],
    beyond: 'the others wait',
    unit: 'queries',
  },
  {
    what: 'Queries that wait',
    at: ['http/query-pool.ts', 'MAX_WAITING_QUERIES'],
    beyond: ends('queries_busy'),
    unit: 'queries',
  },
  {
    what: 'Queries of one token, waiting or under way',
    at: ['http/query-pool.ts', 'MAX_QUERIES_OF_TOKEN'],
    beyond: ends('queries_busy'),
    unit: 'queries',
  },
  {
    what: 'Time that a query waits, and again that it takes',
    at: ['http/query-pool.ts', 'QUERY_DEADLINE_MS'],
    beyond: ends('query_timeout'),
  },
]

export const runLimits: readonly Limit[] = [
  {
    what: 'The body of a request to import',
    at: ['aggregation/ingest/imports/import-door.ts', 'MAX_IMPORT_BYTES'],
    beyond: `${ends('body_too_large')}; \`headgate import\` takes files of any size`,
  },
  {
    what: 'Requests to import at a time',
    at: ['aggregation/ingest/imports/import-door.ts', 'MAX_IMPORTS'],
    beyond: ends('overloaded'),
    unit: 'requests',
  },
  {
    what: 'Events of an import that were rejected, and are told in the answer',
    at: ['aggregation/ingest/imports/import-file.ts', 'MAX_SAMPLE'],
    beyond: 'they are told of in `dead/`',
    unit: 'events',
  },
  {
    what: 'Windows of a range that are computed without being confirmed',
    at: ['aggregation/rollup/run/submit.ts', 'UNCONFIRMED_WINDOWS'],
    beyond: `${ends('invalid_request')}, until it is sent with \`confirm\``,
    unit: 'windows',
  },
  {
    what: 'Windows of a run without a range',
    at: ['aggregation/rollup/plan/planner.ts', 'MAX_WINDOWS_WITHOUT_RANGE'],
    beyond: 'the next run takes the next ones',
    unit: 'windows',
  },
  {
    what: 'Windows of a range, to compute or to list',
    at: ['aggregation/rollup/plan/planner.ts', 'MAX_LISTED_WINDOWS'],
    beyond: ends('invalid_request'),
    unit: 'windows',
  },
  {
    what: 'Windows of a scheduled run',
    at: ['aggregation/rollup/plan/plan-share.ts', 'MAX_WINDOWS_PER_TICK'],
    beyond: 'the next run takes the next ones',
    unit: 'windows',
  },
  {
    what: 'Runs that wait',
    at: ['aggregation/rollup/run/submit.ts', 'MAX_WAITING_RUNS'],
    beyond: ends('runs_full'),
    unit: 'runs',
  },
  {
    what: 'Erasures that wait',
    at: ['aggregation/ingest/erase/erasure-door.ts', 'MAX_WAITING_ERASURES'],
    beyond: ends('erasures_full'),
    unit: 'erasures',
  },
  {
    what: 'How long a run waits for what was acknowledged before it',
    at: ['aggregation/rollup/run/upstream.ts', 'MAX_WAIT_MS'],
    beyond: 'it goes on without, and tells of it: `unseen`',
  },
  {
    what: 'Tries of a window that fails for what may pass',
    at: ['aggregation/rollup/run/log/run-record.ts', 'TRANSIENT_ATTEMPTS'],
    beyond: 'the run gives it up',
    unit: 'tries',
  },
  {
    what: 'Until the schedule tries a window again that a run gave up',
    at: ['aggregation/rollup/plan/plan.ts', 'FAILED_PAUSE_MS'],
    beyond: 'a run by hand tries at once',
  },
  {
    what: 'Runs that are remembered',
    at: ['aggregation/rollup/run/log/run-log.ts', 'KEPT_RUNS'],
    beyond: 'the oldest are forgotten',
    unit: 'runs',
  },
]

export const processLimits: readonly Limit[] = [
  {
    what: 'The share of the journal for senders that can try again',
    at: ['gateway/journal/watermarks.ts', 'RETRYING_SENDERS_SHARE'],
    beyond: ends('journal_full'),
    unit: 'share',
  },
  {
    what: 'The share of the journal for beacons and pixels',
    at: ['gateway/journal/watermarks.ts', 'ALL_SENDERS_SHARE'],
    beyond: ends('journal_full'),
    unit: 'share',
  },
  {
    what: 'A journal, at least, of each worker',
    at: ['config/schema/gateway-schema.ts', 'MIN_JOURNAL_BYTES'],
    beyond: 'the configuration is refused',
  },
  {
    what: 'Events in memory, in mode `stream`',
    at: ['gateway/journal/stream/stream-journal.ts', 'MOST_WAITING_BYTES'],
    beyond: ends('journal_full'),
  },
  {
    what: 'Delivered events that come again after a crash, as time',
    at: ['gateway/journal/disk/disk-journal.ts', 'CHECKPOINT_MS'],
    beyond: 'none',
  },
  {
    what: 'Connections',
    at: ['http/connections.ts', 'MAX_CONNECTIONS'],
    beyond: 'newcomers are not taken',
    unit: 'connections',
  },
  {
    what: 'Connections, from which on idle ones give way',
    at: ['http/connections.ts', 'CROWDED_CONNECTIONS'],
    beyond: 'idle ones are closed, then those that have sent nothing',
    unit: 'connections',
  },
  {
    what: 'Addresses whose requests are counted',
    at: ['gateway/apps/address-limit.ts', 'MAX_LIMITED_ADDRESSES'],
    beyond: 'those that were not heard of for longest are forgotten',
    unit: 'addresses',
  },
  {
    what: 'Bytes that cost an address as much as a request',
    at: ['gateway/apps/address-limit.ts', 'BYTES_A_REQUEST'],
    beyond: 'they are charged',
  },
  {
    what: 'Refused clients that are remembered, of each kind',
    at: ['gateway/apps/refusals.ts', 'MAX_CLIENTS'],
    beyond: 'those that came once, and longest ago, are forgotten',
    unit: 'clients',
  },
  {
    what: '… that are told by `headgate status`',
    at: ['gateway/apps/refusals.ts', 'MAX_TOLD'],
    beyond: 'those with fewer requests are not told',
    unit: 'clients',
  },
  {
    what: '… that have a series of their own in the metrics',
    at: ['gateway/apps/refusals.ts', 'MAX_SERIES'],
    beyond: 'they are counted as `~other`',
    unit: 'clients',
  },
  {
    what: '… that are told in the log, a minute',
    at: ['gateway/apps/refusals.ts', 'MAX_LINES_A_MINUTE'],
    beyond: 'they are not told',
    unit: 'lines',
  },
  {
    what: 'Fields for which events are rejected, by app and code, that are told by `headgate status`',
    at: ['http/reconciliation.ts', 'MAX_FIELDS_TOLD'],
    beyond: 'those with fewer events are not told; the metric has all',
    unit: 'fields',
  },
  {
    what: '… that are told in the log, a minute',
    at: ['gateway/apps/rejected-fields.ts', 'MAX_FIELD_LINES_A_MINUTE'],
    beyond: 'they are not told',
    unit: 'lines',
  },
  {
    what: 'Starts of a worker that fail, before the first has worked',
    at: ['cli/serve/cluster.ts', 'MOST_FIRST_STARTS'],
    beyond: 'the gateway ends',
    unit: 'starts',
  },
  {
    what: 'The longest pause before a worker is started again',
    at: ['cli/serve/cluster.ts', 'MOST_PAUSE_MS'],
    beyond: 'it is started',
  },
  {
    what: 'Requests in flight, at a shutdown',
    at: ['cli/serve/shutdown.ts', 'IN_FLIGHT_MS'],
    beyond: 'they are broken off',
  },
  {
    what: 'A run under way, at a shutdown',
    at: ['cli/serve/shutdown.ts', 'RUNS_MS'],
    beyond: 'the shutdown goes on without',
  },
  {
    what: 'How long the lease of a process that died holds others up',
    at: ['aggregation/rollup/commit/lease.ts', 'LEASE_MS'],
    beyond: 'another takes the window',
  },
]

export const streamLimits: readonly Limit[] = [
  {
    what: 'A record: it is sent when it is so large',
    at: ['gateway/deliver/pack/pack.ts', 'RECORD_TARGET_BYTES'],
    beyond: 'the next record begins',
  },
  {
    what: 'A record, at most',
    at: ['gateway/deliver/pack/pack.ts', 'RECORD_MAX_BYTES'],
    beyond: 'the next record begins',
  },
  {
    what: 'Events of a record',
    at: ['gateway/deliver/pack/pack.ts', 'RECORD_MAX_LINES'],
    beyond: 'the next record begins',
    unit: 'events',
  },
  {
    what: 'Records of a call',
    at: ['gateway/deliver/sinks/kinesis/kinesis.ts', 'MAX_RECORDS'],
    beyond: 'the next call takes them',
    unit: 'records',
  },
  {
    what: 'A call',
    at: ['gateway/deliver/sinks/kinesis/kinesis.ts', 'MAX_CALL_BYTES'],
    beyond: 'the next call takes them',
  },
  {
    what: 'Time of a call, from asking for credentials to the last byte of the answer',
    at: ['gateway/deliver/sinks/kinesis/kinesis.ts', 'CALL_TIMEOUT_MS'],
    beyond: '`ETIMEDOUT`: the sink is failing, it is tried again',
  },
  {
    what: '… of which credentials may take so much, as of any call to AWS',
    at: ['std/aws/client-options.ts', 'CREDENTIALS_SHARE'],
    beyond: '`CredentialsProviderError`: the sink is paused, and the fallback opens',
    unit: 'share',
  },
  {
    what: 'Records a second, of a shard',
    at: ['gateway/deliver/sinks/kinesis/pacing.ts', 'SHARD_RECORDS_PER_SECOND'],
    beyond: 'calls wait',
    unit: 'records',
  },
  {
    what: 'Bytes a second, of a shard',
    at: ['gateway/deliver/sinks/kinesis/pacing.ts', 'SHARD_BYTES_PER_SECOND'],
    beyond: 'calls wait',
  },
]

export const lakeLimits: readonly Limit[] = [
  {
    what: 'A line in `raw/`',
    at: ['aggregation/ingest/compact/line-screen.ts', 'MAX_LINE_BYTES'],
    beyond: 'it is kept in `dead/`, and counted as malformed',
  },
  {
    what: '… values and names in it',
    at: ['aggregation/ingest/compact/line-values.ts', 'MAX_LINE_VALUES'],
    beyond: 'likewise',
    unit: 'values and names',
  },
  {
    what: 'An object in `raw/`, inflated',
    at: ['aggregation/ingest/compact/inflate-files.ts', 'MAX_INFLATED_OBJECT_BYTES'],
    beyond:
      'what lies behind it is not read, as of an object that is damaged; Parquet, of which the texts count and 64 bytes a row, is set aside in `dead/`: split it',
  },
  {
    what: '… or so many times its size',
    at: ['aggregation/ingest/compact/inflate-files.ts', 'MAX_GROWTH'],
    beyond: 'the larger of the two counts',
    unit: 'times',
  },
  {
    what: 'Lines that become one Parquet object',
    at: ['wiring/aggregation.ts', 'COMPACTION_BYTES'],
    beyond: 'the next object has them',
  },
  {
    what: 'Raw objects that become one Parquet object',
    at: ['aggregation/ingest/index/pending.ts', 'MAX_INPUTS'],
    beyond: 'the next has them',
    unit: 'objects',
  },
  {
    what: 'A compacted object that is joined to others',
    at: ['aggregation/ingest/joined/join-hour.ts', 'SMALL_BYTES'],
    beyond: 'it stays as it is',
  },
  {
    what: 'Compacted objects in one that they are joined to',
    at: ['aggregation/ingest/joined/join-hour.ts', 'MAX_JOINED_BYTES'],
    beyond: 'the next has them',
  },
  {
    what: 'Minutes that one object may touch',
    at: ['aggregation/ingest/compact/compact.ts', 'MAX_MINUTES'],
    beyond: 'it is set aside in `dead/`, and named: split it by time',
    unit: 'minutes',
  },
  {
    what: 'Tries to take in an object that exhausts `aggregation.engine.memoryLimit`, is worked on for nine tenths of `aggregation.engine.timeout` and more, or ends its process while an event of ours does not',
    at: ['aggregation/ingest/duckdb/affordable.ts', 'TRIES'],
    beyond: 'it is set aside in `dead/`, and named',
    unit: 'tries',
  },
  {
    what: 'An object that is uploaded to S3',
    at: ['lake/s3-body.ts', 'MAX_BYTES'],
    beyond: '`lake_failed`: it is not stored',
  },
  {
    what: 'Time of a call to S3, from asking for credentials to the last byte of the answer',
    at: ['lake/s3.ts', 'CALL_MS'],
    beyond: '`ETIMEDOUT`: it is tried again',
  },
  {
    what: '… and so much more for each byte of an object, there and back',
    at: ['std/aws/whole-call.ts', 'SLOWEST_BYTES_PER_MS'],
    beyond: 'likewise',
    unit: 'bytes a millisecond',
  },
  {
    what: 'How long attempts are begun',
    at: ['lake/s3.ts', 'RETRY_FOR_MS'],
    beyond: '`lake_failed`: whoever needs it tries again in his own time',
  },
  {
    what: 'An answer of AWS, or an error of it, but for objects',
    at: ['std/aws/answers.ts', 'MAX_ANSWER_BYTES'],
    beyond: '`AnswerTooLarge`: it is tried again',
  },
  {
    what: 'Things in `raw/` and `quarantine/` that are no files, and are named in the log',
    at: ['lake/passed-over.ts', 'MOST_NAMED'],
    beyond: 'they are passed over without a word',
    unit: 'things',
  },
  {
    what: 'How long events may be on their way to the lake',
    at: ['aggregation/ingest/lake-arrivals.ts', 'MAX_ON_THE_WAY_MS'],
    beyond: '`headgate reconcile` does not find them; windows have them',
  },
  {
    what: 'How long a file that a writer left unfinished is kept',
    at: ['lake/fs.ts', 'ABANDONED_AFTER_MS'],
    beyond: 'it is removed',
  },
  {
    what: 'How long files of rollups are kept that no manifest names',
    at: ['aggregation/rollup/commit/orphan-sweep.ts', 'KEPT_MS'],
    beyond: 'they are removed',
  },
]

export const directLimits: readonly Limit[] = [
  {
    what: 'An object in `quarantine/`',
    at: ['aggregation/ingest/quarantine/object-lines.ts', 'MAX_OBJECT_BYTES'],
    beyond: 'it stays there: `too_large`',
  },
  {
    what: 'A line of it',
    at: ['aggregation/ingest/quarantine/object-lines.ts', 'MAX_DIRECT_RECORD_BYTES'],
    beyond: 'it is a dead letter: `line_too_long`',
  },
  {
    what: 'Events of a line',
    at: ['event/decode/spans.ts', 'MAX_EVENTS_PER_BODY'],
    beyond: 'those behind them are dead letters: `too_many_events`',
    unit: 'events',
  },
  {
    what: 'Events of an object',
    at: ['aggregation/ingest/quarantine/quarantine.ts', 'MAX_EVENTS_PER_OBJECT'],
    beyond: 'those behind them are dead letters: `too_many_events`',
    unit: 'events',
  },
  {
    what: 'Record tokens of an object that nobody of ours signed',
    at: ['aggregation/ingest/quarantine/attribution.ts', 'MAX_BAD_TOKENS'],
    beyond: 'its further ones are not checked: `unchecked`',
    unit: 'tokens',
  },
  {
    what: 'Dead letters of an object',
    at: ['aggregation/ingest/quarantine/dead-letters.ts', 'MAX_DEAD_LETTERS'],
    beyond: 'the rest is told by number',
    unit: 'letters',
  },
  {
    what: 'Dead letters of a line',
    at: ['aggregation/ingest/quarantine/dead-letters.ts', 'MAX_LETTERS_A_LINE'],
    beyond: 'the rest is told by number',
    unit: 'letters',
  },
  {
    what: 'Time of an app in a pass',
    at: ['aggregation/ingest/quarantine/quarantine.ts', 'PASS_MS'],
    beyond: 'its further objects wait for the next: `later`',
  },
]
