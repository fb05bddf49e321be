import { vitals } from './format.js'
import { SHOWN } from './views.js'

/** Enough for a percentile to mean something; the server's lowCount. */
const ENOUGH = 20

/** Tables that are seen at a glance, and asked for with each refresh. */
const MOST_RANKINGS = 4

/** How people call the values of a dimension. */
const WORDS = {
  page_route: {
    title: 'Routes',
    ofTimes: 'Slowest routes',
    ofOthers: 'Routes, highest first',
    column: 'Route',
  },
  country: { title: 'Countries', column: 'Country' },
  device_type: { title: 'Devices', column: 'Device' },
  user_agent_name: { title: 'Browsers', column: 'Browser' },
  os_name: { title: 'Operating systems', column: 'Operating system' },
  app_version: { title: 'Versions of the app', column: 'Version' },
  environment: { title: 'Environments', column: 'Environment' },
  navigation_type: { title: 'Kinds of navigation', column: 'Navigation' },
  network_effective_type: { title: 'Networks', column: 'Network' },
  user_agent_version: { title: 'Versions of browsers', column: 'Browser version' },
  language: { title: 'Languages', column: 'Language' },
  resource_type: { title: 'Kinds of resources', column: 'Resource' },
  http_request_method: { title: 'Methods of requests', column: 'Method' },
  http_response_status_code: { title: 'Statuses of responses', column: 'Status' },
  error_type: { title: 'Kinds of errors', column: 'Error' },
  exception_type: { title: 'Kinds of exceptions', column: 'Exception' },
  sdk_name: { title: 'Clients', column: 'Client' },
  sdk_version: { title: 'Versions of clients', column: 'Client version' },
}

/** What is ranked of the sets that all metrics have: the first of one dimension, each dimension once. */
export function rankingsOf(sets) {
  const byDimension = new Map()
  for (const { name, dimensions, metrics } of sets) {
    const [dimension] = dimensions
    if (dimensions.length === 1 && metrics === undefined && !byDimension.has(dimension))
      byDimension.set(dimension, { set: name, title: dimension, column: dimension, ...WORDS[dimension] })
  }
  return [...byDimension.values()].slice(0, MOST_RANKINGS)
}

/** The set that counts all of a metric, whose numbers are the large ones; undefined where the rollups have none. */
export const wholeOf = (sets) =>
  sets.find(({ dimensions, metrics }) => dimensions.length === 0 && metrics === undefined)?.name

const NO_WHOLE =
  'Not known: no set of the rollups is without dimensions. { name: app, dimensions: [] } in aggregation.rollups is one.'

/** One slow visitor must not push a thousand others out of the table: values with enough measurements come first. */
export async function ranked(api, query, signal) {
  try {
    const answer = await api.get('/query/top', { ...query, minN: ENOUGH, limit: SHOWN }, signal)
    if (answer.values.length === SHOWN) return answer
    const all = await api.get('/query/top', { ...query, limit: 100 }, signal)
    const known = new Set(answer.values.map(({ value }) => value))
    const others = all.values.filter(({ value }) => !known.has(value))
    return { ...all, values: [...answer.values, ...others].slice(0, SHOWN) }
  } catch (error) {
    // A rollup without this set, or a range that is too long for a ranking: the rest of the page is still right.
    if (error.status === 400 || error.status === 422) return { unavailable: error.message }
    throw error
  }
}

/** A series with its total, or why there can be none. */
export const seriesOf = async (api, query, signal) =>
  query.set === undefined ? { total: null, unavailable: NO_WHOLE } : api.get('/query/series', query, signal)

/** The total of each web vital, as it comes. What is not among the names of the range has none to ask for. */
export const vitalTotals = (api, { query, names, signal }, take) =>
  vitals.map(async ({ metric, unit }) =>
    take(
      metric,
      names.includes(metric)
        ? await seriesOf(api, { ...query, metric, unit, q: '0.75' }, signal)
        : { total: null },
    ),
  )
