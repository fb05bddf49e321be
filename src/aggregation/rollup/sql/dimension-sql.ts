import { ATTRIBUTE, type Dimension } from '../../../event/schema/dimensions.ts'
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

/** Where the value stands, in the order in which it is looked for. A status is a number. */
function textsOf(dimension: Dimension, attribute: (name: string) => string): readonly string[] {
  if (dimension.startsWith(ATTRIBUTE)) return [attribute(dimension.slice(ATTRIBUTE.length))]
  if (dimension === 'page_route') return ['page_route', 'page_path']
  return dimension === 'http_response_status_code' ? [`CAST(${dimension} AS VARCHAR)`] : [dimension]
}

/** The value of a set, of a row that has the columns. */
export function setValue(sets: Sets, { dimensions }: DimensionSet): string {
  const all = dimensionsOf(sets)
  const columns = dimensionColumns(sets)
  return dimensions.map((dimension) => columns[all.indexOf(dimension)]).join(" || ' | ' || ") || "''"
}

/** Only rows of the metrics that the set is kept of: `appliesTo`, in SQL. */
export function whereApplies({ metrics }: DimensionSet): string {
  if (metrics === undefined) return ''
  const conditions = metrics.map((name) => {
    const beginning = name.slice(0, -1)
    return name.endsWith('*')
      ? `SUBSTR(metric, 1, ${beginning.length}) = ${quote(beginning)}`
      : `metric = ${quote(name)}`
  })
  return ` WHERE (${conditions.join(' OR ')})`
}
