import Type, { type TObject, type TSchema } from 'typebox'
import { anyRequest, poolAnswers, problemAnswer, tokenNeeded } from '../../../http/documented.ts'
import { MAX_STEP_BUCKETS } from '../histogram.ts'
import { OtelHistogram } from '../histogram-formats/otel-histogram.ts'
import { PrometheusHistogram } from '../histogram-formats/prometheus-histogram.ts'
import { PipelineState } from '../pipeline.ts'
import {
  AppsAnswer,
  ChangesAnswer,
  ComparisonAnswer,
  HistogramAnswer,
  MetricsAnswer,
  SeriesAnswer,
  StepsAnswer,
  TopAnswer,
} from './query-answers.ts'
import {
  ChangesParameters,
  compareParameters,
  histogramParameters,
  MetricsParameters,
  seriesParameters,
  topParameters,
} from './query-parameters.ts'
import { MAX_CHANGED_WINDOWS, MAX_RANKED_WINDOWS } from '../ranking.ts'
import { MAX_POINTS, MAX_ROWS, MAX_SERIES_WINDOWS } from '../series.ts'
import { MAX_RANKED_ROWS } from '../tally/by-value.ts'

const describe = (
  operationId: string,
  texts: readonly [string, string],
  answer: TSchema,
  querystring?: TSchema,
) => ({
  operationId,
  summary: texts[0],
  description: texts[1],
  tags: ['query'],
  security: [{ bearer: [] }],
  ...(querystring && { querystring }),
  response: {
    ...anyRequest,
    ...tokenNeeded,
    ...(operationId !== 'apps' && poolAnswers),
    200: answer,
    ...(querystring && {
      400: problemAnswer('A parameter is not valid; `detail` names it.'),
      422: problemAnswer('The range or the step asks for too much at once.'),
    }),
  },
})

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
    metrics: MetricsParameters,
  })

/** How each route is told in the OpenAPI document. */
export const documentsOf = (sets: readonly string[], parameters = parametersOf(sets)) => ({
  series: describe(
    'series',
    [
      'One metric over time',
      `Percentiles per step and of the whole range. At most ${MAX_POINTS} steps and ${MAX_SERIES_WINDOWS} windows, and ${MAX_ROWS} windows × values.`,
    ],
    SeriesAnswer,
    parameters('series'),
  ),
  histogram: describe(
    'histogram',
    [
      'How the values of a metric are spread',
      `A histogram of the whole range, or of each step; why one of another format is empty says the header x-headgate-notices. At most ${MAX_POINTS} steps with ${MAX_STEP_BUCKETS} buckets, ${MAX_SERIES_WINDOWS} windows, and ${MAX_ROWS} windows × values.`,
    ],
    Type.Union([HistogramAnswer, StepsAnswer, OtelHistogram, PrometheusHistogram]),
    parameters('histogram'),
  ),
  compare: describe(
    'compare',
    [
      'Two ranges compared',
      `Whether a is slower than its base b, and how surely. Each at most ${MAX_SERIES_WINDOWS} windows, and ${MAX_ROWS} windows × values.`,
    ],
    ComparisonAnswer,
    parameters('compare'),
  ),
  changes: describe(
    'changes',
    [
      'What changed, and where',
      `How a share has changed, split over the values of sets without a residual. Each range at most ${MAX_CHANGED_WINDOWS} windows × sets, counting one more set, and both ${MAX_RANKED_ROWS} windows × values.`,
    ],
    ChangesAnswer,
    parameters('changes'),
  ),
  top: describe(
    'top',
    [
      'Values of a set, ranked',
      `Slowest routes, busiest countries. At most ${MAX_RANKED_WINDOWS} windows, and ${MAX_RANKED_ROWS} windows × values.`,
    ],
    TopAnswer,
    parameters('top'),
  ),
  metrics: describe(
    'metricNames',
    ['Metrics of an app', 'Those with rows in the range, most rows first.'],
    MetricsAnswer,
    parameters('metrics'),
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
