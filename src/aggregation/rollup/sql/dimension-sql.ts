import { ATTRIBUTE, type Dimension } from '../../../event/schema/dimensions.ts'
import type { ColumnName } from '../../../event/schema/event.ts'
import { quote } from '../../ingest/duckdb/sql-text.ts'
import type { DimensionSet } from '../model/definition.ts'

/** The value of a dimension, and the unit, that a row lacks. */
export const UNKNOWN = '~unknown'

type Sets = readonly DimensionSet[]

const dimensionsOf = (sets: Sets): readonly Dimension[] => [
  ...new Set(sets.flatMap(({ dimensions }) => dimensions)),
]

/** Called by their places: names of attributes are none of SQL. */
export const dimensionColumns = (sets: Sets): readonly string[] => dimensionsOf(sets).map((_, at) => `d${at}`)

/** What each of these columns is, of a row of events. `attribute`: one as text. */
export function dimensionFields(
  sets: Sets,
  attribute: (name: string) => string,
): Readonly<Record<string, string>> {
  const columns = dimensionColumns(sets)
  return Object.fromEntries(
    dimensionsOf(sets).map((dimension, at) => {
      const texts = textsOf(dimension, attribute).map((text) => `NULLIF(${text}, '')`)
      return [columns[at], `COALESCE(${texts.join(', ')}, '${UNKNOWN}')`]
    }),
  )
}

const isAttribute = (dimension: Dimension): dimension is `${typeof ATTRIBUTE}${string}` =>
  dimension.startsWith(ATTRIBUTE)

/** Where the value stands, in the order in which it is looked for. */
function sourcesOf(dimension: Dimension): readonly ColumnName[] {
  if (isAttribute(dimension)) return ['attributes']
  return dimension === 'page_route' ? ['page_route', 'page_path'] : [dimension]
}

/** What is read of an event for them. */
export const dimensionSources = (sets: Sets): readonly ColumnName[] => dimensionsOf(sets).flatMap(sourcesOf)

/** As texts. A status is a number. */
function textsOf(dimension: Dimension, attribute: (name: string) => string): readonly string[] {
  if (isAttribute(dimension)) return [attribute(dimension.slice(ATTRIBUTE.length))]
  return sourcesOf(dimension).map((column) =>
    column === 'http_response_status_code' ? `CAST(${column} AS VARCHAR)` : column,
  )
}

/** Queries of all values, and more, that the columns of dimensions may have: attributes are not looked through for them. */
export function dimensionTexts(sets: Sets): Readonly<Record<string, readonly string[]>> {
  const columns = dimensionColumns(sets)
  return Object.fromEntries(
    dimensionsOf(sets).flatMap((dimension, at) =>
      isAttribute(dimension) ? [] : [[columns[at], textQueries(dimension)]],
    ),
  )
}

/** Looks only for paths that take the place of a route. */
const textQueries = (dimension: Dimension) =>
  textsOf(dimension, String).map(
    (text, at) =>
      `SELECT DISTINCT ${text} AS v FROM events${at === 0 ? '' : ` WHERE COALESCE(${dimension}, '') = ''`}`,
  )

/** The columns of a set's dimensions. */
export function setColumns(sets: Sets, { dimensions }: DimensionSet): readonly string[] {
  const all = dimensionsOf(sets)
  return dimensions.map((dimension) => `d${all.indexOf(dimension)}`)
}

/** The value of a set, of a row that has the columns. */
export const setValue = (sets: Sets, set: DimensionSet): string =>
  setColumns(sets, set)
    .map((column) => `CAST(${column} AS VARCHAR)`)
    .join(" || ' | ' || ") || "''"

/** Only rows of the metrics that the set is kept of. */
export function whereApplies(set: DimensionSet): string {
  const condition = applies(set)
  return condition === undefined ? '' : ` WHERE ${condition}`
}

/** `appliesTo`, in SQL; undefined where it does to all. */
export function applies({ metrics }: DimensionSet): string | undefined {
  if (metrics === undefined) return undefined
  const conditions = metrics.map((name) => {
    const beginning = name.slice(0, -1)
    return name.endsWith('*')
      ? `SUBSTR(metric, 1, ${beginning.length}) = ${quote(beginning)}`
      : `metric = ${quote(name)}`
  })
  return `(${conditions.join(' OR ')})`
}
