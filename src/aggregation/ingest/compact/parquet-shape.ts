import { type ColumnName, type ColumnType, columns } from '../../../event/schema/event.ts'
import type { SqlValue } from '../duckdb/sql-session.ts'
import { fileList, readParquet } from '../duckdb/sql-text.ts'
import { columnTypes } from './event-sql.ts'

const typeOf: ReadonlyMap<string, string> = new Map(columnTypes)
/** Without a weight a row stands for itself. A unit cannot be told for all rows of a file. */
export const NEEDED_OF_FILES: readonly ColumnName[] = columns.flatMap(({ name, required }) =>
  required && name !== 'weight' ? [name] : [],
)

/** Name, in lower case as SQL compares it, and type of each column of a Parquet file. */
export const columnsOf = (file: string): string =>
  `SELECT lower(column_name), column_type FROM (DESCRIBE SELECT * FROM ${readParquet([file])})`

/**
 * Each part of the schema of a Parquet file, in its order and below the root, those within columns as well: its name as
 * above, of how many parts it is, and what it is where DuckDB takes it for a double: a decimal of more than 38 digits,
 * of which that reads other numbers.
 */
export const partsOf = (file: string): string =>
  `SELECT lower(name), COALESCE(num_children, 0),
      CASE WHEN duckdb_type = 'DOUBLE' AND type <> 'DOUBLE' THEN format('DECIMAL({},{})', precision, scale) END
    FROM parquet_schema(${fileList([file])}) WHERE column_id > 0 ORDER BY column_id`

const WHOLE = /^(U?(TINY|SMALL|BIG)INT|U?INTEGER|DOUBLE)$/
const AS_TEXT = /^(VARCHAR|BOOLEAN|U?(TINY|SMALL|BIG)INT|U?INTEGER|DOUBLE)$/
/**
 * A column in one of these types is read as ours are, each value by itself. FLOAT has rounded its times, and
 * what a list, a UUID or JSON says is no text that a gateway would have stored.
 */
const READABLE_AS: Readonly<Record<ColumnType, RegExp>> = {
  text: AS_TEXT,
  json: /^(VARCHAR|JSON)$/,
  bigint: WHOLE,
  integer: WHOLE,
  double: /^(U?(TINY|SMALL|BIG)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(([1-9]|[12]\d|3[0-8]),\d+\))$/,
}
/** Times in units and zones of their own, where ours are epoch milliseconds. */
const IS_DATE = /^(TIMESTAMP|DATE)/
/** As much of a type of DuckDB as a message shows: that of a nested column may be pages long. Ours. */
const MAX_TYPE_CHARS = 60

export type FileColumns = ReadonlyMap<SqlValue | undefined, SqlValue | undefined>

type SqlRow = readonly SqlValue[]

/** Columns of a Parquet file, by what `columnsOf` and `partsOf` answer. */
export function fileColumns(described: readonly SqlRow[], parts: readonly SqlRow[]): FileColumns {
  const decimals = columnsAmong(parts).flatMap(([name, , type]) =>
    type === null ? [] : [[name, type] as const],
  )
  return new Map([...described.map(([name, type]) => [name, type] as const), ...decimals])
}

/** The column of ours that a file has several of, as DuckDB compares names; it would read the first without a word. */
export function repeatedAmong(parts: readonly SqlRow[]): ColumnName | undefined {
  const names = columnsAmong(parts).map(([name]) => name)
  return columns.find(({ name }) => names.indexOf(name) !== names.lastIndexOf(name))?.name
}

/** Without the parts that are within another. */
function columnsAmong(parts: readonly SqlRow[]): readonly SqlRow[] {
  let within = 0
  return parts.filter(([, children]) => {
    const isColumn = within === 0
    within += Number(children) - (isColumn ? 0 : 1)
    return isColumn
  })
}

const typeIn = (found: FileColumns, name: ColumnName) => String(found.get(name))

/** Columns of ours that are there in a type that is not read as theirs. */
export const unlikeOurs = (found: FileColumns): readonly ColumnName[] =>
  columns.flatMap(({ name, type }) =>
    found.has(name) && !READABLE_AS[type].test(typeIn(found, name)) ? [name] : [],
  )

/** What a row counts beside its texts. Ours: its numbers have some 50 bytes, and a few kilobytes may say any number of rows. */
const ROW_BYTES = 64
/** Which are stored as texts, or as what is read as one. */
const IS_TEXT = /^(VARCHAR|JSON)$/

/** What the rows of a file take without their texts, as far as its footer says how many they are. */
export const rowBytesIn = (file: string): string =>
  `SELECT COUNT(*) * ${ROW_BYTES} FROM ${readParquet([file])}`

/** What all texts that engines read take, inflated, be it one and the same in each row; null without rows. */
export function textBytesIn(file: string, found: FileColumns): string {
  const lengths = columns.flatMap(({ name }) =>
    IS_TEXT.test(typeIn(found, name)) ? [`COALESCE(strlen(${name}), 0)`] : [],
  )
  return `SELECT SUM(${['0', ...lengths].join(' + ')}) FROM ${readParquet([file])}`
}

/** How many values each of the columns has. */
export const emptyAmong = (file: string, names: readonly ColumnName[]): string =>
  `SELECT ${names.map((name) => `COUNT(${name})`).join(', ')} FROM ${readParquet([file])}`

/**
 * What is not of an event in the columns, of which `empty` have no value at all; undefined when all that engines read can
 * be read. Nothing of nothing is read in any type that holds text and numbers, if an event may be without.
 */
export function shapeFault(found: FileColumns, empty: ReadonlySet<string>): string | undefined {
  const missing = NEEDED_OF_FILES.filter((name) => !found.has(name))
  if (missing.length > 0) return `It lacks the columns ${missing.join(', ')}`
  const isAbsent = (name: ColumnName) =>
    empty.has(name) && !NEEDED_OF_FILES.includes(name) && AS_TEXT.test(typeIn(found, name))
  const name = unlikeOurs(found).find((each) => !isAbsent(each))
  if (name === undefined) return undefined
  const is = typeIn(found, name).slice(0, MAX_TYPE_CHARS)
  const instead = typeOf.get(name) === 'BIGINT' && IS_DATE.test(is) ? `: write epoch_ms(${name})` : ''
  return `Its column ${name} is ${is}, which is not read as ${typeOf.get(name)}${instead}`
}

/**
 * Fails when anything of the columns that engines read cannot be read, to the last page. What is of its row alone keeps none
 * of the others away, such as a time that is infinite, or attributes that are no JSON.
 */
export function readWhole(file: string, found: FileColumns): string {
  const casts = columns
    .filter(({ name }) => found.has(name))
    .map(({ name }) => `TRY_CAST(${name} AS ${typeOf.get(name)})`)
  // A sum of what depends on every value: nothing of it is known from the footer.
  return `SELECT bit_xor(hash(${casts.join(', ')})) FROM ${readParquet([file])}`
}
