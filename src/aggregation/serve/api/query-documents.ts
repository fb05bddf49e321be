import Type, { type TObject } from 'typebox'
import { MAX_GROUPS } from '../../explore/explore-sql.ts'
import { MAX_EXPLORED_BYTES, MAX_EXPLORED_ROWS } from '../../explore/range-budget.ts'
import { MAX_STEP_BUCKETS } from '../histogram.ts'
import { OtelHistogram } from '../histogram-formats/otel-histogram.ts'
import { PrometheusHistogram } from '../histogram-formats/prometheus-histogram.ts'
import { PipelineState } from '../pipeline.ts'
import { MAX_CHANGED_WINDOWS, MAX_RANKED_WINDOWS } from '../ranking.ts'
import { MAX_RELEASES } from '../releases.ts'
import { MAX_POINTS, MAX_ROWS, MAX_SERIES_WINDOWS } from '../series.ts'
import { MAX_RANKED_ROWS } from '../tally/by-value.ts'
import { MAX_BATCH_CHARS, MAX_BATCHED } from './batch.ts'
import { describe, describeBatch, describeExploration, describeQuery, withTable } from './described.ts'
import { EventsAnswer, ExploreAnswer } from './explore-answer.ts'
import { EventsParameters, ExploreParameters, MAX_EXAMPLES } from './explore-parameters.ts'
import { AlertsAnswer, ObjectivesAnswer } from './objective-answers.ts'
import { ChangesAnswer, ComparisonAnswer } from './period-answers.ts'
import {
  AppsAnswer,
  BatchAnswer,
  HistogramAnswer,
  MetricsAnswer,
  ReleasesAnswer,
  SeriesAnswer,
  StepsAnswer,
  TopAnswer,
} from './query-answers.ts'
import {
  AlertsParameters,
  ChangesParameters,
  compareParameters,
  histogramParameters,
  MetricsParameters,
  ObjectivesParameters,
  releasesParameters,
  seriesParameters,
  topParameters,
} from './query-parameters.ts'

/** Strict, and each with the names that any of them takes: whoever has put one on the wrong route is told so. */
function besideEachOther<Route extends string>(all: Readonly<Record<Route, TObject>>) {
  const schemas: readonly TObject[] = Object.values(all)
  const ofAny = [...new Set(schemas.flatMap(({ properties }) => Object.keys(properties)))]
  return (route: Route) =>
    Type.Object(all[route].properties, { additionalProperties: false, namesElsewhere: ofAny })
}

/** What the parameters of each route are judged by. */
const parametersOf = (sets: readonly string[]) =>
  besideEachOther({
    series: seriesParameters(sets),
    histogram: histogramParameters(sets),
    compare: compareParameters(sets),
    changes: ChangesParameters,
    top: topParameters(sets),
    releases: releasesParameters(sets),
    objectives: ObjectivesParameters,
    explore: ExploreParameters,
    alerts: AlertsParameters,
    events: EventsParameters,
    metrics: MetricsParameters,
  })

/** How each route is told in the OpenAPI document. */
export const documentsOf = (sets: readonly string[], parameters = parametersOf(sets)) => ({
  series: describeQuery(
    parameters('series'),
    'series',
    [
      'One metric over time',
      `Percentiles per step and of the whole range. At most ${MAX_POINTS} steps and ${MAX_SERIES_WINDOWS} windows, and ${MAX_ROWS} windows × values.`,
    ],
    SeriesAnswer,
  ),
  histogram: describeQuery(
    parameters('histogram'),
    'histogram',
    [
      'How the values of a metric are spread',
      `A histogram of the whole range, or of each step; what one of another format lacks, and why it is empty, says the header x-headgate-notices. At most ${MAX_POINTS} steps with ${MAX_STEP_BUCKETS} buckets, ${MAX_SERIES_WINDOWS} windows, and ${MAX_ROWS} windows × values.`,
    ],
    Type.Union([HistogramAnswer, StepsAnswer, OtelHistogram, PrometheusHistogram]),
  ),
  compare: describeQuery(
    parameters('compare'),
    'compare',
    [
      'Two ranges compared',
      `Whether a is slower than its base b, and how surely. Each at most ${MAX_SERIES_WINDOWS} windows, and ${MAX_ROWS} windows × values.`,
    ],
    ComparisonAnswer,
  ),
  changes: describeQuery(
    parameters('changes'),
    'changes',
    [
      'What changed, and where',
      `How a share has changed, split over the values of sets without a residual. Each range at most ${MAX_CHANGED_WINDOWS} windows × sets, counting one more set, and both ${MAX_RANKED_ROWS} windows × values.`,
    ],
    ChangesAnswer,
  ),
  top: describeQuery(
    parameters('top'),
    'top',
    [
      'Values of a set, ranked',
      `Slowest routes, busiest countries. At most ${MAX_RANKED_WINDOWS} windows, and ${MAX_RANKED_ROWS} windows × values.`,
    ],
    TopAnswer,
  ),
  releases: describeQuery(
    parameters('releases'),
    'releases',
    [
      'When each release appeared',
      `The window in which each version of the app has its first rows, the newest first. At most ${MAX_RELEASES} of them, ${MAX_RANKED_WINDOWS} windows, and ${MAX_RANKED_ROWS} windows × values.`,
    ],
    ReleasesAnswer,
  ),
  objectives: withTable(
    describeQuery(
      parameters('objectives'),
      'objectives',
      [
        'What is left of objectives',
        'Budget and burn of each objective that is configured, by the rows that are there now. JSON; or CSV, to who accepts text/csv: a line of each objective and of each value.',
      ],
      ObjectivesAnswer,
    ),
  ),
  explore: withTable(
    describeExploration(
      describeQuery(
        parameters('explore'),
        'explore',
        [
          'Events themselves, exactly',
          `Order statistics of the events of one metric that are in the lake, each once, by any combination of dimensions; groups, of which there are at most ${MAX_GROUPS}; and up to ${MAX_EXAMPLES} of the slowest one by one. JSON; or CSV, to who accepts text/csv: a line of all and of each group. Their objects hold at most ${MAX_EXPLORED_ROWS} rows in ${MAX_EXPLORED_BYTES} bytes. Not in a batch.`,
        ],
        ExploreAnswer,
      ),
    ),
  ),
  events: describeExploration(
    describeQuery(
      parameters('events'),
      'events',
      [
        'What arrived, and what did not',
        `Single events of an app as they are in the lake, and what the gateway refused or rejected and what lies in dead/: for who sees nothing. Needs the scopes read and events. At most ${MAX_EXPLORED_ROWS} rows in ${MAX_EXPLORED_BYTES} bytes of objects. Not in a batch.`,
      ],
      EventsAnswer,
    ),
  ),
  alerts: describeQuery(
    parameters('alerts'),
    'alerts',
    ['State of alerts', 'By the newest windows: whether what they look for goes on. Nothing is sent.'],
    AlertsAnswer,
  ),
  metrics: describeQuery(
    parameters('metrics'),
    'metricNames',
    ['Metrics of an app', 'Those with rows in the range, most rows first.'],
    MetricsAnswer,
  ),
  batch: describeBatch(
    'batch',
    [
      'Several queries at once',
      `Up to ${MAX_BATCHED} of those about an app, answered one after another, each in a turn of its own. At most ${MAX_BATCH_CHARS} characters of answers: from the first that has no room on none is computed.`,
    ],
    BatchAnswer,
  ),
  apps: describe(
    'apps',
    ['Apps and the token', 'The apps that the token may read, its scopes, and the sets that there are.'],
    AppsAnswer,
  ),
  pipeline: describe(
    'pipeline',
    ['State of the pipeline', 'From gateway to rollups, of all apps. The gateway is null when unknown.'],
    PipelineState,
  ),
})
