import type { MeantField } from '../../../event/left-out.ts'
import {
  type Column,
  type ColumnName,
  type ColumnType,
  columns,
  DEFAULTS,
  EVENT_VERSION,
} from '../../../event/schema/event.ts'
import { LEDGER_NAME } from '../../../event/schema/ledger-event.ts'
import { MAX_INSTANT_MS, MIN_EPOCH_MS } from '../../../std/input/instant.ts'
import { fileList, PARQUET_OPTIONS, quote, readParquet } from '../duckdb/sql-text.ts'
import type { LineFault } from './line-faults.ts'
import { MAX_LINE_BYTES } from './line-screen.ts'
import { areNames, boundedField, COUNTED_BY, isTooLong, NAMES, readField } from './text-bounds.ts'

const DUCKDB_TYPES: Readonly<Record<ColumnType, string>> = {
  text: 'VARCHAR',
  bigint: 'BIGINT',
  integer: 'INTEGER',
  double: 'DOUBLE',
  json: 'JSON',
}

const TIMES: readonly ColumnName[] = ['event_time', 'received_time']
/** Latest instant that a JavaScript Date can hold, epoch ms. */
const MAX_TIME_MS = 8_640_000_000_000_000
/** As for whoever asks: what is less was hardly meant as milliseconds, and nobody can name a later year. */
const isTime = (field: string) => `${field} BETWEEN ${MIN_EPOCH_MS} AND ${MAX_INSTANT_MS}`
const isFine = (field: string) => `${field} > ${MAX_INSTANT_MS}`

/** Column → DuckDB type, in storage order. */
type Types = readonly (readonly [string, string])[]
export const columnTypes: Types = columns.map(({ name, type }) => [name, DUCKDB_TYPES[type]])
const lineTypes: Types = [['v', 'BIGINT'], ...columnTypes]
const required = columns.filter((column) => column.required).map(({ name }) => name)
const isDefaulted = (name: ColumnName): name is keyof typeof DEFAULTS => name in DEFAULTS

/** What a line must say, whoever put it into the lake: nobody can tell it for them. */
export const NEEDED: readonly ColumnName[] = required.filter((name) => !isDefaulted(name))

/** What makes a row an event. Prefix: of the row's columns. `FAULTS_OF_LINE` says the same of a line that is none. */
const isEvent = (prefix: string) =>
  [
    `${prefix}v = ${EVENT_VERSION}`,
    ...NEEDED.map((name) => `${prefix}${name} IS NOT NULL`),
    ...TIMES.map((name) => isTime(`${prefix}${name}`)),
    areNames(prefix),
  ].join(' AND ')

/** A column of an event in a line, with what it is taken to say where it says nothing. */
function lineField(column: Pick<Column, 'name' | 'type'>, prefix = ''): string {
  const field = boundedField(column, prefix)
  if (!isDefaulted(column.name)) return field
  const value = quote(String(DEFAULTS[column.name]))
  return `COALESCE(${field}, CAST(${value} AS ${DUCKDB_TYPES[column.type]}))`
}

/** A Parquet file to be made, and what is to be written into it about what it is made from. */
export interface ParquetTarget {
  readonly path: string
  readonly madeFrom: string
}

const MADE_FROM = 'headgate_inputs'

/**
 * A row group is read as a whole, packed and unpacked: of long texts, none of which comes twice, the 122,880 rows that
 * DuckDB takes by default are more than the least memory that an engine may have. Ours: a quarter of that.
 */
const ROW_GROUP_BYTES = 33_554_432

/** In no order: to sort as many columns takes as long again as all else, and made the files of ids in sequence larger. */
const copyTo = (query: string, path: string, [name, text]: readonly [name: string, text: string]) =>
  `COPY (${query}) TO ${quote(path)}
    (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE_BYTES ${ROW_GROUP_BYTES}, KV_METADATA {${name}: ${quote(text)}})`

/** The result of a query as a file that says of itself what another did, which an ingest or a join has made. */
export const copyLike = (query: string, path: string, of: { madeFrom?: string; joined?: string }): string =>
  copyTo(query, path, of.joined === undefined ? [MADE_FROM, of.madeFrom ?? ''] : [JOINED, of.joined])

const toParquet = (query: string, { path, madeFrom }: ParquetTarget) =>
  copyTo(query, path, [MADE_FROM, madeFrom])

const textIn = (file: string, name: string) =>
  `SELECT decode(value) FROM parquet_kv_metadata(${fileList([file])}) WHERE key = ${quote(name)}::BLOB`

/** What a Parquet file says that it was made from, in one row; none for a file that others made. */
export const madeFromOf = (file: string): string => textIn(file, MADE_FROM)

const JOINED = 'headgate_joined'

/** All rows of Parquet files, with all columns that any of them has, in the order of the files → one such file. */
export const joinFiles = (files: readonly string[], path: string, joined: string): string =>
  copyTo(`SELECT * FROM ${readParquet(files)}`, path, [JOINED, joined])

/** What a Parquet file says that was joined to it, in one row; none for any other. */
export const joinedIn = (file: string): string => textIn(file, JOINED)

/** How many rows are in files, and a number in which all values of each have a part, whatever the order of the rows. */
export const sumOfRows = (files: readonly string[]): string =>
  `SELECT COUNT(*), CAST(SUM(CAST(hash(each_row) AS HUGEINT)) AS VARCHAR) FROM (SELECT * FROM ${readParquet(files)}) each_row`

/** Pieces → one Parquet file. */
export const joinPieces = (pieces: readonly string[], target: ParquetTarget): string =>
  toParquet(`SELECT * FROM ${readParquet(pieces)}`, target)

/** Files of nothing but events → one Parquet file. A single line that is none fails the statement. */
export function compactClean(files: readonly string[], target: ParquetTarget): string {
  const checked = `CASE WHEN ${isEvent('')} THEN event_id ELSE error('not an event') END AS event_id`
  const fields = columns.map((column) =>
    column.name === 'event_id' ? checked : `${lineField(column)} AS ${column.name}`,
  )
  return toParquet(`SELECT ${fields.join(', ')} FROM ${readLines(files, MAX_LINE_BYTES, lineTypes)}`, target)
}

function readLines(files: readonly string[], maxLineBytes: number, types: Types, more = ''): string {
  return `read_json(${fileList(files)}, format = 'newline_delimited', compression = 'uncompressed',
    hive_partitioning = false, maximum_object_size = ${maxLineBytes},
    columns = {${types.map(([name, type]) => `${name}: '${type}'`).join(', ')}}${more})`
}

/** Screened lines → the table `judged` of line and event; casts are those of `compactClean`, with NULL for a failure. */
export function judgeLines(lines: string): string {
  const shape = quote(JSON.stringify(Object.fromEntries(lineTypes)))
  // Every byte of a line may have become an escape of six.
  const source = readLines([lines], 6 * MAX_LINE_BYTES + 1_024, [
    ['place', 'INTEGER'],
    ['line', 'VARCHAR'],
  ])
  return `CREATE OR REPLACE TEMP TABLE judged AS
    SELECT place, line, event, COALESCE(${isEvent('event.')}, false) AS good
    FROM (SELECT place, line, from_json(CASE WHEN json_valid(line) THEN line END, ${shape}) AS event FROM ${source})`
}

export function compactJudged(target: ParquetTarget): string {
  const fields = columns.map((column) => `${lineField(column, 'event.')} AS ${column.name}`)
  return toParquet(`SELECT ${fields.join(', ')} FROM judged WHERE good`, target)
}

/** What is null is absent, wherever it stands. */
const isPresent = (name: string) => `COALESCE(json_type(line, ${quote(`$."${name}"`)}), 'NULL') <> 'NULL'`
const faultIf = (isFault: string, fault: LineFault) => `CASE WHEN ${isFault} THEN ${quote(fault)} END`

/** What `isEvent` asks for and a line of `judged` has not, all of it: `LineFault`s, with blanks between them. */
const FAULTS_OF_LINE = `CASE WHEN NOT json_valid(line) THEN ${quote('json' satisfies LineFault)}
  WHEN json_type(line) <> 'OBJECT' THEN ${quote('object' satisfies LineFault)}
  ELSE concat_ws(' ', ${[
    faultIf(`event.v IS DISTINCT FROM ${EVENT_VERSION}`, 'version'),
    ...NEEDED.flatMap((name) => [
      faultIf(`event.${name} IS NULL AND NOT ${isPresent(name)}`, `missing:${name}`),
      faultIf(`event.${name} IS NULL AND ${isPresent(name)}`, `form:${name}`),
    ]),
    ...TIMES.flatMap((name) => [
      faultIf(isFine(`event.${name}`), `fine:${name}`),
      faultIf(`NOT (${isTime(`event.${name}`)} OR ${isFine(`event.${name}`)})`, `coarse:${name}`),
    ]),
    ...NAMES.map((name) => faultIf(isTooLong(`event.${name}`), `long:${name}`)),
  ].join(', ')}) END`

/** Place of its file, the line, and why it is none. */
export const MALFORMED_LINES = `SELECT place, line, ${FAULTS_OF_LINE} FROM judged WHERE NOT good`

/** Numbers that a line may be without. */
export const OPTIONAL_NUMBERS: readonly ColumnName[] = columns.flatMap(({ name, type }) =>
  (type === 'integer' || type === 'double') && !NEEDED.includes(name) ? [name] : [],
)

/** How many events of `judged` say something else there, of which the casts make nothing. */
export const NO_NUMBERS = `SELECT ${OPTIONAL_NUMBERS.map(
  (name) => `COUNT(*) FILTER (event.${name} IS NULL AND ${isPresent(name)})`,
).join(', ')} FROM judged WHERE good`

/** Lines of files, and of those that were judged the events: for `linesWith`. */
export const linesOf = (files: readonly string[]): string =>
  `SELECT json AS line FROM read_json_objects(${fileList(files)}, format = 'newline_delimited',
    compression = 'uncompressed', hive_partitioning = false, maximum_object_size = ${MAX_LINE_BYTES})`
export const GOOD_LINES = 'SELECT line FROM judged WHERE good'

/** How many lines have each of the fields, whose names are letters, digits and `_ . @ -`, and not its column beside it. */
export function linesWith(lines: string, fields: readonly Pick<MeantField, 'name' | 'column'>[]): string {
  const counts = fields.map(
    ({ name, column }) => `COUNT(*) FILTER (${isPresent(name)} AND NOT ${isPresent(column)})`,
  )
  return `SELECT ${counts.join(', ')} FROM (${lines})`
}

/**
 * Minute of event time, rows in it, first and last arrival, of those that are a time. Ledger events belong to none: no
 * window is computed anew for one that comes late. By position: a file of others may have a column of any name that we
 * would give.
 */
export function minutesOf(file: string): string {
  const arrival = `CASE WHEN received_time BETWEEN 0 AND ${MAX_INSTANT_MS} THEN received_time END`
  // Others may have columns of numbers where ours are texts.
  return `SELECT CASE WHEN CAST(name AS VARCHAR) = ${quote(LEDGER_NAME)} THEN NULL ELSE event_time - event_time % 60000 END,
      COUNT(*), MIN(${arrival}), MAX(${arrival})
    FROM read_parquet(${fileList([file])}, ${PARQUET_OPTIONS})
    WHERE event_time BETWEEN 0 AND ${MAX_TIME_MS} GROUP BY 1 ORDER BY 1`
}

/**
 * Rows of Parquet files, by these columns. Columns that a file lacks are NULL, and ones that none has exist all the same;
 * texts are bounded. What is not asked for is not even planned: that takes longer than to read some rows.
 */
export function eventRows(files: readonly string[], names: readonly ColumnName[]): string {
  const fields = columns.filter(({ name }) => names.includes(name))
  const read = columns.filter(({ name }) => names.includes(name) || COUNTED_BY.includes(name))
  return `SELECT ${fields.map((column) => `${readField(column)} AS ${column.name}`).join(', ')}
    FROM (SELECT ${read.map(({ name }) => READ_ROWS[name] ?? name).join(', ')} FROM ${readStored(files, read)}) stored`
}

/**
 * In what a column is read, whatever is in each file: where nothing is said DuckDB takes the one type that holds all of
 * theirs, and a cast to that which fails for one row fails for all files. A double tells each time to the millisecond.
 */
const READ_AS: Readonly<Record<ColumnType, string>> = {
  ...DUCKDB_TYPES,
  bigint: 'DOUBLE',
  integer: 'DOUBLE',
  json: 'VARCHAR',
}

/** What is then made of it row by row: of a text that is no JSON, where attributes belong, a text of JSON. */
const READ_ROWS: Partial<Readonly<Record<ColumnName, string>>> = {
  http_response_status_code: 'TRY_CAST(http_response_status_code AS INTEGER) AS http_response_status_code',
  attributes: "COALESCE(TRY_CAST(attributes AS JSON), to_json(NULLIF(attributes, ''))) AS attributes",
}

/** Some columns of any Parquet files, none of their texts bounded: a column that a file lacks is NULL. */
export const storedColumns = (files: readonly string[], names: readonly ColumnName[]): string =>
  readStored(
    files,
    columns.filter(({ name }) => names.includes(name)),
  )

function readStored(files: readonly string[], read: readonly Column[]): string {
  const schema = read.map(
    ({ name, type }) => `'${name}': {name: '${name}', type: '${READ_AS[type]}', default_value: NULL}`,
  )
  return `read_parquet(${fileList(files)}, schema = MAP {${schema.join(', ')}}, ${PARQUET_OPTIONS})`
}

/** Rows of files of lines, without the lines that are no events. */
export function eventLines(files: readonly string[]): string {
  return `SELECT * FROM ${readLines(files, MAX_LINE_BYTES, lineTypes, ', ignore_errors = true')} WHERE ${isEvent('')}`
}
