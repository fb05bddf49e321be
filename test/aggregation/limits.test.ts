import { test } from 'tap'
import {
  MAX_DIRECT_RECORD_BYTES,
  MAX_OBJECT_BYTES,
} from '../../src/aggregation/ingest/quarantine/object-lines.ts'
import { HEARTBEAT_MS, LEASE_MS } from '../../src/aggregation/rollup/commit/lease.ts'
import { DEFAULT_SETS } from '../../src/aggregation/rollup/model/definition.ts'
import * as measure from '../../src/aggregation/rollup/model/measure.ts'
import { FAILED_PAUSE_MS } from '../../src/aggregation/rollup/plan/plan.ts'
import { MAX_WINDOWS_PER_TICK } from '../../src/aggregation/rollup/plan/plan-share.ts'
import { MAX_LISTED_WINDOWS } from '../../src/aggregation/rollup/plan/planner.ts'
import { KEPT_RUNS } from '../../src/aggregation/rollup/run/log/run-log.ts'
import { MAX_WAITING_RUNS, UNCONFIRMED_WINDOWS } from '../../src/aggregation/rollup/run/submit.ts'
import { MAX_QUANTILES, MAX_VALUES } from '../../src/aggregation/serve/parameters.ts'
import { MAX_CHANGED_WINDOWS, MAX_RANKED_WINDOWS } from '../../src/aggregation/serve/ranking.ts'
import * as series from '../../src/aggregation/serve/series.ts'
import { MAX_RANKED_ROWS, MAX_TALLIES } from '../../src/aggregation/serve/tally/by-value.ts'
import { LOW_COUNT } from '../../src/aggregation/serve/tally/tally.ts'
import { parseConfig } from '../../src/config/parse.ts'
import {
  MAX_QUERIES_OF_TOKEN,
  MAX_WAITING_QUERIES,
  QUERIES_AT_ONCE,
  QUERY_DEADLINE_MS,
} from '../../src/http/query-pool.ts'
import { systemClock } from '../../src/std/clock.ts'
import { quietTelemetry } from '../../src/std/telemetry.ts'
import { wireAggregation } from '../../src/wiring/aggregation.ts'
import { openLake } from '../../src/wiring/open-lake.ts'
import { seededEntropy } from '../fakes/entropy.ts'

const [SECOND_MS, MINUTE_MS, HOUR_MS] = [1_000, 60_000, 3_600_000]

test('the numbers of the design', async (t) => {
  for (const [what, actual, designed] of [
    ['scale of the histogram', measure.SCALE, 5],
    ['largest value in parts', measure.MAX_MICROS, 10n ** 18n],
    ['smallest value that is not zero', Number(measure.ZERO_BELOW_SQL), 1e-6],
    ['side of a border', Number(measure.EPSILON_SQL), 1e-9],
    ['bucket of zeros', measure.ZERO_BUCKET, -(2 ** 15)],
    ['parts of a weight', measure.WEIGHT_UNIT, 1_000],
    ['parts of a value', measure.MICROS, 1e6],
    ['bytes of a direct record', MAX_DIRECT_RECORD_BYTES, 2 ** 20],
    ['bytes of an object of direct records', MAX_OBJECT_BYTES, 256 * 2 ** 20],
    ['lease', LEASE_MS, 60 * SECOND_MS],
    ['heartbeat', HEARTBEAT_MS, 15 * SECOND_MS],
    ['windows of a scheduled run', MAX_WINDOWS_PER_TICK, 96],
    ['pause of the schedule after a failure', FAILED_PAUSE_MS, HOUR_MS],
    ['windows without a confirmation', UNCONFIRMED_WINDOWS, 200],
    ['windows of a request', MAX_LISTED_WINDOWS, 10_000],
    ['runs that wait', MAX_WAITING_RUNS, 32],
    ['runs remembered', KEPT_RUNS, 1_000],
    ['a low count', LOW_COUNT, 20],
    ['points of a series', series.MAX_POINTS, 3_000],
    ['windows of a series', series.MAX_SERIES_WINDOWS, 20_000],
    ['windows × values of a series', series.MAX_ROWS, 60_000],
    ['values ranked at a time', MAX_TALLIES, 4_000],
    ['queries at a time', QUERIES_AT_ONCE, 2],
    ['queries that wait', MAX_WAITING_QUERIES, 32],
    ['queries of a token', MAX_QUERIES_OF_TOKEN, 8],
    ['a query, waiting included', QUERY_DEADLINE_MS, 10 * SECOND_MS],
    ['windows of a ranking', MAX_RANKED_WINDOWS, 10_100],
    ['windows × values of a ranking', MAX_RANKED_ROWS, 1_500_000],
    ['windows × sets of each range of a change', MAX_CHANGED_WINDOWS, 20_000],
    ['quantiles of a query', MAX_QUANTILES, 10],
    ['values of a query', MAX_VALUES, 20],
  ] as const) {
    t.equal(actual, designed, what)
  }
  t.ok(measure.RELATIVE_ERROR <= 0.011, 'a percentile is within 1.1 %')
})

test('the schedule keeps its times without being asked for', async (t) => {
  const { schedule } = parseConfig({}, {}).aggregation
  t.match(schedule, { grain: '15m', grace: 2 * MINUTE_MS, horizon: 7 * 24 * HOUR_MS, tick: 15 * SECOND_MS })
})

test('a rollup has the 500 metrics and values with most rows, configured or not', async (t) => {
  const rollups = [{ id: 'mine', sets: [{ name: 'os', dimensions: ['os_name'] }] }]
  for (const [grain, grainMs] of [
    ['1m', MINUTE_MS],
    ['5m', 5 * MINUTE_MS],
    ['15m', 15 * MINUTE_MS],
    ['1h', HOUR_MS],
  ] as const) {
    for (const [configured, sets] of [
      [[], DEFAULT_SETS],
      [rollups, rollups[0]?.sets],
    ] as const) {
      const config = parseConfig(
        { dataDir: t.testdir(), aggregation: { rollups: configured, schedule: { grain } } },
        {},
      )
      const { definitions } = await wireAggregation(config, {
        clock: systemClock,
        entropy: seededEntropy(),
        telemetry: quietTelemetry(),
        lake: await openLake(config, systemClock),
        askGateway: async () => null,
      })
      t.match(definitions, [{ grainMs, bots: 'exclude', maxMetrics: 500, maxValues: 500, sets }])
    }
  }
  t.same(
    DEFAULT_SETS.map(({ dimensions }) => dimensions.join(' ')),
    [
      ...['', 'page_route', 'country', 'device_type', 'user_agent_name', 'os_name', 'app_version'],
      ...['navigation_type', 'attributes.target', 'page_route device_type'],
    ],
  )
})
