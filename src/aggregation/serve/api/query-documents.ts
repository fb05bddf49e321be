import Type, { type TObject, type TSchema } from 'typebox'
import {
  anyRequest,
  poolAnswers,
  poolAnswersOf,
  problemAnswer,
  tokenNeeded,
} from '../../../http/documented.ts'
import { MAX_QUERIES_OF_TOKEN, type PoolLimits } from '../../../http/query-pool.ts'
import { MAX_GROUPS } from '../../explore/explore-sql.ts'
import { MAX_EXPLORED_BYTES, MAX_EXPLORED_ROWS } from '../../explore/range-budget.ts'
import { EXPLORATIONS_AT_ONCE, EXPLORE_DEADLINE_MS, MAX_WAITING_EXPLORATIONS } from '../../explore/turns.ts'
import { MAX_STEP_BUCKETS } from '../histogram.ts'
import { OtelHistogram } from '../histogram-formats/otel-histogram.ts'
import { PrometheusHistogram } from '../histogram-formats/prometheus-histogram.ts'
import { PipelineState } from '../pipeline.ts'
import { MAX_CHANGED_WINDOWS, MAX_RANKED_WINDOWS } from '../ranking.ts'
import { MAX_RELEASES } from '../releases.ts'
import { MAX_POINTS, MAX_ROWS, MAX_SERIES_WINDOWS } from '../series.ts'
import { MAX_RANKED_ROWS } from '../tally/by-value.ts'
import { MAX_BATCH_CHARS, MAX_BATCHED } from './batch.ts'
import { ExploreAnswer } from './explore-answer.ts'
import { ExploreParameters, MAX_EXAMPLES } from './explore-parameters.ts'
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
  BatchParameters,
  ChangesParameters,
  compareParameters,
  histogramParameters,
  MetricsParameters,
  ObjectivesParameters,
  releasesParameters,
  seriesParameters,
  topParameters,
} from './query-parameters.ts'

/** The turns of explorations, which take longer than other queries. */
export const EXPLORATIONS: PoolLimits = {
  atOnce: EXPLORATIONS_AT_ONCE,
  waiting: MAX_WAITING_EXPLORATIONS,
  ofToken: MAX_QUERIES_OF_TOKEN,
  deadlineMs: EXPLORE_DEADLINE_MS,
}

const describe = (operationId: string, texts: readonly [string, string], answer: TSchema) => ({
  operationId,
  summary: texts[0],
  description: texts[1],
  tags: ['query'],
  security: [{ bearer: [] }],
  response: {
    ...anyRequest,
    ...tokenNeeded,
    ...(operationId !== 'apps' && poolAnswers),
    200: answer,
  },
})

/** One that is asked by its parameters. */
function describeQuery(querystring: TSchema, ...[operationId, texts, answer]: Parameters<typeof describe>) {
  const described = describe(operationId, texts, answer)
  return {
    ...described,
    querystring,
    response: {
      ...described.response,
      400: problemAnswer('A parameter is not valid; `detail` names it.'),
      422: problemAnswer('The range or the step asks for too much at once.'),
    },
  }
}

/** One that is answered as a table, too. */
const withTable = <Document extends ReturnType<typeof describeQuery>>(document: Document) => {
  const content = {
    'application/json': { schema: document.response[200] },
    'text/csv': { schema: Type.String() },
  }
  return { ...document, response: { ...document.response, 200: { content } } }
}

/** One about events, which has turns of its own. */
function describeExploration(...described: Parameters<typeof describeQuery>) {
  const { response, ...rest } = withTable(describeQuery(...described))
  return {
    ...rest,
    response: {
      ...response,
      ...poolAnswersOf(EXPLORATIONS),
      422: problemAnswer(
        'The range holds too much: `detail` names the largest that fits. Or a dimension is none: `detail` names those that there are.',
      ),
    },
  }
}

/** Several of them, in a body. */
function describeBatch(...described: Parameters<typeof describe>) {
  const { response, ...rest } = describe(...described)
  const unread = {
    400: problemAnswer('The body is not valid; `detail` names what is wrong.'),
    413: problemAnswer('The body is above 1 MiB.'),
    415: problemAnswer('The body is not application/json.'),
  }
  return { ...rest, body: BatchParameters, response: { ...response, ...unread } }
}

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
  explore: describeExploration(
    parameters('explore'),
    'explore',
    [
      'Events themselves, exactly',
      `Order statistics of the events of one metric that are in the lake, each once, by any combination of dimensions; groups, of which there are at most ${MAX_GROUPS}; and up to ${MAX_EXAMPLES} of the slowest one by one. JSON; or CSV, to who accepts text/csv: a line of all and of each group. Their objects hold at most ${MAX_EXPLORED_ROWS} rows in ${MAX_EXPLORED_BYTES} bytes. Not in a batch.`,
    ],
    ExploreAnswer,
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
