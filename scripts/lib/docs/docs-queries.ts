import { readFileSync } from 'node:fs'
import Type, { type TObject, type TSchema } from 'typebox'
import { MAX_GROUPS } from '../../../src/aggregation/explore/explore-sql.ts'
import { MAX_EXPLORED_BYTES, MAX_EXPLORED_ROWS } from '../../../src/aggregation/explore/range-budget.ts'
import { MAX_DEAD_BYTES, MAX_DEAD_OBJECTS } from '../../../src/aggregation/explore/turned-away.ts'
import {
  EXPLORATIONS_AT_ONCE,
  EXPLORE_DEADLINE_MS,
  MAX_WAITING_EXPLORATIONS,
} from '../../../src/aggregation/explore/turns.ts'
import { MAX_BATCH_CHARS, MAX_BATCHED } from '../../../src/aggregation/serve/api/batch.ts'
import {
  EventsParameters,
  ExploreParameters,
  MAX_ARRIVED,
  MAX_EXAMPLES,
} from '../../../src/aggregation/serve/api/explore-parameters.ts'
import {
  AlertsParameters,
  ChangesParameters,
  compareParameters,
  histogramParameters,
  MAX_URL_CHARS,
  MetricsParameters,
  ObjectivesParameters,
  releasesParameters,
  seriesParameters,
  topParameters,
} from '../../../src/aggregation/serve/api/query-parameters.ts'
import { MAX_STEP_BUCKETS } from '../../../src/aggregation/serve/histogram.ts'
import { MAX_OBJECTIVE_VALUES } from '../../../src/aggregation/serve/objectives/compute-objective.ts'
import { MAX_CHANGED_SETS, MAX_QUANTILES, MAX_VALUES } from '../../../src/aggregation/serve/parameters.ts'
import { MAX_CHANGED_WINDOWS, MAX_RANKED_WINDOWS } from '../../../src/aggregation/serve/ranking.ts'
import { MAX_APPEARED_CHARS, MAX_RELEASES } from '../../../src/aggregation/serve/releases.ts'
import { MAX_POINTS, MAX_ROWS, MAX_SERIES_WINDOWS } from '../../../src/aggregation/serve/series.ts'
import { MAX_RANKED_ROWS } from '../../../src/aggregation/serve/tally/by-value.ts'
import { MAX_ALERT_WINDOWS, MAX_ALERTS } from '../../../src/config/schema/alert-schema.ts'
import {
  MAX_OBJECTIVE_ROWS,
  MAX_OBJECTIVE_WINDOWS,
  MAX_OBJECTIVES,
} from '../../../src/config/schema/objective-schema.ts'
import { DIMENSIONS } from '../../../src/event/schema/dimensions.ts'
import { problems } from '../../../src/http/problems.ts'
import {
  MAX_QUERIES_OF_TOKEN,
  MAX_WAITING_QUERIES,
  QUERIES_AT_ONCE,
  QUERY_DEADLINE_MS,
} from '../../../src/http/query-pool.ts'
import { MAX_CRITERIA } from '../../../src/std/input/condition.ts'
import { told } from '../../../src/std/input/expectation.ts'
import { whatToDo } from './what-to-do.ts'

interface Schema {
  readonly description?: string
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

interface QueryOperation {
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly tags: readonly string[]
  readonly parameters?: readonly { readonly name: string }[]
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: Schema }>> }>
  >
}

/** What may be asked, as the OpenAPI document has it: that is rendered from the routes, and held to them by a test. */
const routes: readonly (QueryOperation & { readonly path: string; readonly method: string })[] =
  Object.entries<Record<string, QueryOperation>>(
    JSON.parse(readFileSync('openapi/aggregation.json', 'utf8')).paths,
  ).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags }]) => tags.includes('query'))
      .map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })),
  )

/** The same parameters with the words for people, which OpenAPI does not know. */
const forms: Readonly<Record<string, TObject>> = {
  series: seriesParameters([]),
  histogram: histogramParameters([]),
  compare: compareParameters([]),
  changes: ChangesParameters,
  top: topParameters([]),
  releases: releasesParameters([]),
  objectives: ObjectivesParameters,
  explore: ExploreParameters,
  alerts: AlertsParameters,
  events: EventsParameters,
  metricNames: MetricsParameters,
}

/** Failures of a query, in the order in which one meets them. */
const CODES = [
  'unauthorized',
  'scope_missing',
  'app_not_in_token',
  'invalid_request',
  'query_too_large',
  'range_too_large',
  'unknown_dimension',
  'queries_busy',
  'query_timeout',
  'shutting_down',
] as const

const digits = (value: number): string => value.toLocaleString('en-US')
const cell = (text: string): string => text.replaceAll('|', '\\|')

function parameterRows({ operationId, parameters = [] }: QueryOperation): string[] {
  const properties = forms[operationId]?.properties ?? {}
  const [named, documented] = [Object.keys(properties), parameters.map(({ name }) => name)]
  if (named.join() !== documented.join())
    throw new Error(`${operationId} takes ${documented}, and its forms are of ${named}`)
  return Object.entries(properties).map(([name, schema]) => {
    const { description = '', example, default: value } = told(schema)
    const optional = Type.IsOptional(schema) || value !== undefined
    const otherwise = value === undefined ? (optional ? '' : '**required**') : `\`${value}\``
    const shown = example === undefined ? '' : `\`${example}\``
    return `| \`${name}\` | ${cell(formOf(schema))} | ${otherwise} | ${shown} | ${cell(description)} |`
  })
}

const formOf = (schema: TSchema): string =>
  Type.IsEnum(schema)
    ? `one of ${schema.enum.map((each) => `\`${each}\``).join(', ')}`
    : String(told(schema).form)

const parametersOf = (route: QueryOperation & { readonly path: string }): string => `### \`GET ${route.path}\`

${route.description}

| parameter | form | default | example | |
|---|---|---|---|---|
${parameterRows(route).join('\n')}`

/** The members of an answer, those of its lists behind a dot. */
function memberRows(schema: Schema, path: string): string[] {
  const { properties = {}, required = [] } = schema
  return Object.entries(properties).flatMap(([name, member]) => {
    const at = `${path}${name}`
    const [within, inside] = member.items === undefined ? [member, `${at}.`] : [member.items, `${at}[].`]
    const parts = within.anyOf?.find(({ properties: some }) => some !== undefined) ?? within
    const rare = required.includes(name) ? '' : ' Not always there.'
    const row = `| \`${at}\` | ${cell(member.description ?? WORDS[name] ?? '')}${rare} |`
    return [row, ...memberRows(parts, inside)]
  })
}

/** What needs no word in the document, where its place tells it. */
const WORDS: Readonly<Record<string, string>> = {
  avg: 'The mean, weighted.',
  min: 'The least value.',
  max: 'The largest value.',
  step: 'Length of a step.',
  q: 'By quantile.',
  value:
    'The value that was ranked. Those of several dimensions are joined by ` | `; what an event did not say is `~unknown`.',
  values: 'The ranking, highest first.',
  completeness: 'What the answer is made of.',
  sum: 'The sum of the values, weighted.',
  sampleSum: 'The sum of the values, weighted.',
  scale: 'That of these buckets.',
  schema: 'That of these buckets.',
  positive: 'The buckets above zero.',
  a: 'The side that is asked about.',
  b: 'Its base, with the same members.',
  base: 'The earlier range, or another that it is compared with.',
  now: 'The range that is asked about.',
  set: 'Its name.',
}

/** `form` is which of several an answer may have. */
function answerOf(path: string, only?: readonly string[], form = 0): string {
  const schema = routes.find((route) => route.path === path)?.responses['200']?.content?.['application/json']
    ?.schema
  const rows = schema === undefined ? [] : memberRows(schema.anyOf?.[form] ?? schema, '')
  const shown =
    only === undefined ? rows : rows.filter((row) => only.some((name) => row.startsWith(`| \`${name}`)))
  if (shown.length === 0) throw new Error(`${path} has no such answer`)
  return `| member | |\n|---|---|\n${shown.join('\n')}`
}

function errorRows(): string[] {
  const documented = new Set(routes.flatMap(({ responses }) => Object.keys(responses)))
  return CODES.map((code) => {
    const { status } = problems[code]
    if (!documented.has(`${status}`)) throw new Error(`No query answers ${status} (${code})`)
    return `| ${status} | \`${code}\` | ${whatToDo[code]} |`
  })
}

const dimensions = (): string =>
  `A set of your own is made of up to three of ${DIMENSIONS.map((name) => `\`${name}\``).join(', ')}, and of attributes, as in \`attributes.variant\`.`

const bounds = (): string => `| of | at most | beyond it |
|---|---|---|
| a series | ${digits(MAX_POINTS)} steps, ${digits(MAX_SERIES_WINDOWS)} windows, ${digits(MAX_ROWS)} windows × values, ${MAX_VALUES} values | 422 with the longest range that fits; 400 for values |
| a histogram | as a series; ${digits(MAX_STEP_BUCKETS)} buckets in its steps | 422 |
| a comparison | each side as a series | 422; 400 for values |
| a change | each range ${digits(MAX_CHANGED_WINDOWS)} windows × sets, with one set more; both ${digits(MAX_RANKED_ROWS)} windows × values; ${MAX_CHANGED_SETS} sets | 422; 400 for sets |
| a ranking | ${digits(MAX_RANKED_WINDOWS)} windows, ${digits(MAX_RANKED_ROWS)} windows × values | 422 |
| releases | as a ranking; ${digits(MAX_APPEARED_CHARS)} characters of different values; ${MAX_RELEASES} in an answer | 422; 400 for \`limit\` |
| objectives | ${MAX_OBJECTIVES}; of each ${digits(MAX_OBJECTIVE_WINDOWS)} windows, by value ${digits(MAX_OBJECTIVE_ROWS)} windows × \`maxValues\`; ${MAX_OBJECTIVE_VALUES} values in an answer | the configuration is refused; \`found\` has how many values there were |
| an exploration | ${digits(MAX_EXPLORED_ROWS)} rows and ${digits(MAX_EXPLORED_BYTES)} bytes of objects; ${MAX_VALUES} values; ${MAX_GROUPS} groups and ${MAX_EXAMPLES} examples in an answer | 422 \`range_too_large\` with the largest range that fits; 400 for values and examples |
| single events | \`from\` and \`to\` as an exploration; ${MAX_ARRIVED} of each kind in an answer; the newest ${MAX_DEAD_OBJECTS} objects of dead letters, each of ${digits(MAX_DEAD_BYTES)} bytes | 422; 400 for \`limit\` |
| explorations, and single events | ${EXPLORATIONS_AT_ONCE} at a time; ${MAX_WAITING_EXPLORATIONS} wait; ${EXPLORE_DEADLINE_MS / 1_000} s until its turn, and as long for its work | 503 |
| alerts | ${MAX_ALERTS}; each looks at ${MAX_ALERT_WINDOWS} windows, and as many before; ${MAX_CRITERIA} criteria | the configuration is refused |
| a batch | ${MAX_BATCHED} queries of ${digits(MAX_URL_CHARS)} characters; ${digits(MAX_BATCH_CHARS)} characters of answers | 400; 422 in place of the first answer that is too long, and of those behind it, which are not computed |
| a query | ${MAX_QUANTILES} quantiles | 400 |
| queries | ${QUERIES_AT_ONCE} at a time; ${MAX_WAITING_QUERIES} wait; of one token ${MAX_QUERIES_OF_TOKEN} in all | 503 \`queries_busy\` |
| a query | ${QUERY_DEADLINE_MS / 1_000} s until its turn, and as long for its work | 503 \`query_timeout\` |`

const routeTable = (): string => `| route | what it has | |
|---|---|---|
${routes.map(({ path, method, summary, description }) => `| \`${method} ${path}\` | ${summary} | ${description} |`).join('\n')}`

const parameterTables = (): string =>
  routes
    .filter(({ parameters = [] }) => parameters.length > 0)
    .map(parametersOf)
    .join('\n\n')

const errors = (): string => `| status | code | what to do |
|---|---|---|
${errorRows().join('\n')}`

/** What only an objective has. */
const OF_OBJECTIVES = ['at`', 'target', 'window`', 'from', 'to`', 'n`', 'share', 'budget', 'burn', 'lowCount']
  .concat(['value`', 'values', 'found'])
  .map((name) => `objectives[].${name}`)

/** What only an alert has. */
const OF_ALERTS = ['when', 'for', 'minCount', 'from', 'to`', 'state', 'windows'].map(
  (name) => `alerts[].${name}`,
)

const sections: Readonly<Record<string, () => string>> = {
  routes: routeTable,
  dimensions,
  parameters: parameterTables,
  series: () => answerOf('/query/series'),
  ranking: () => answerOf('/query/top', ['values', 'found']),
  histogram: () => answerOf('/query/histogram', ['zero', 'buckets', 'n`', 'rows', 'sum', 'min', 'max']),
  steps: () => answerOf('/query/histogram', ['step'], 1),
  otel: () => answerOf('/query/histogram', undefined, 2),
  prometheus: () => answerOf('/query/histogram', undefined, 3),
  comparison: () =>
    answerOf('/query/compare', ['at', 'a`', 'a.', 'b`', 'ratio', 'shareDiff', 'shape', 'verdict', 'alpha']),
  changes: () => answerOf('/query/changes', ['at', 'base', 'now', 'delta', 'sets', 'sentence']),
  exploration: () => answerOf('/query/explore'),
  arrivals: () => answerOf('/query/events'),
  releases: () => answerOf('/query/releases', ['metric', 'releases', 'found', 'unnamedRows']),
  objectives: () => answerOf('/query/objectives', OF_OBJECTIVES),
  alerts: () => answerOf('/alerts', OF_ALERTS),
  batch: () => answerOf('/query/batch'),
  bounds,
  errors,
}

/**
 * The page with its sections rendered anew: each stands between `<!-- rendered: NAME -->` and `<!-- /rendered -->`. What is
 * around them is written by hand, and its examples are pasted by test/process/queries-page.test.ts.
 */
export function queriesPage(page: string): string {
  const found: string[] = []
  const text = page.replace(
    /(<!-- rendered: (\w+) -->\n)[\s\S]*?(<!-- \/rendered -->)/g,
    (_, begin, name, end) => {
      found.push(name)
      return `${begin}${sections[name]?.()}\n${end}`
    },
  )
  if (found.join() !== Object.keys(sections).join())
    throw new Error(`docs/queries.md has the sections ${found}`)
  return text
}
