import type { ColumnName } from '../../../event/schema/event.ts'
import { copyLike, storedColumns } from '../compact/event-sql.ts'
import { quote, readParquet } from '../duckdb/sql-text.ts'
import { ERASED_BY, type ErasureTarget, IDENTITY_CHARS } from './erasure-target.ts'

/** NULL, which is no answer, where a row lacks one of the columns. */
function isErased({ app, by, salt, digest, fromMs, toMs }: ErasureTarget): string {
  const id = `CAST(${ERASED_BY[by]} AS VARCHAR)`
  return [
    `CAST(app_id AS VARCHAR) = ${quote(app)}`,
    `sha256(${quote(salt)} || ${id}) = ${quote(digest)}`,
    ...(fromMs === undefined ? [] : [`event_time >= ${fromMs}`]),
    ...(toMs === undefined ? [] : [`event_time < ${toMs}`]),
  ].join(' AND ')
}

/** What tells deliveries of one event from other events, as `reconcile` does. */
const IDENTITY: readonly ColumnName[] = ['app_id', 'received_time', 'event_id', 'name', 'value']

const erasedRows = (files: readonly string[], target: ErasureTarget): string => {
  const names = [...IDENTITY, 'event_time', ERASED_BY[target.by]] as const
  return `FROM ${storedColumns(files, names)} WHERE ${isErased(target)}`
}

/** How many rows of any of the files are to go. */
export const countErased = (files: readonly string[], target: ErasureTarget): string =>
  `SELECT COUNT(*) ${erasedRows(files, target)}`

const minuteOf = (time: string) => `TRY_CAST(floor(${time} / 60000) * 60000 AS BIGINT)`

/** The same for each delivery of an event, in an object of rows or of lines: `identityOf` says it of a line. */
const IDENTITY_TEXT = `substr(sha256(concat_ws(chr(10), app_id, CAST(received_time AS BIGINT), event_id, name,
    TRY_CAST(floor(value * 1e6 + 0.5) AS HUGEINT))), 1, ${IDENTITY_CHARS})`

/** What they are: an identity, minutes of arrival and of event time, and how many rows have all of these. */
export const listErased = (file: string, target: ErasureTarget): string =>
  `SELECT ${IDENTITY_TEXT}, ${minuteOf('received_time')}, ${minuteOf('event_time')}, COUNT(*)
    ${erasedRows([file], target)} GROUP BY ALL`

const keptRows = (file: string, target: ErasureTarget): string =>
  `SELECT * FROM ${readParquet([file])} WHERE NOT COALESCE(${isErased(target)}, false)`

const sumOf = (query: string): string =>
  `(SELECT {rows: COUNT(*), sum: SUM(CAST(hash(each_row) AS HUGEINT))} FROM (${query}) each_row)`

/** One file → another without what is to go; fails unless every value of every other row is in it. */
export const copyKept = (
  file: string,
  path: string,
  { target, footer }: { readonly target: ErasureTarget; readonly footer: Parameters<typeof copyLike>[2] },
): readonly string[] => [
  copyLike(keptRows(file, target), path, footer),
  `CREATE OR REPLACE TEMP TABLE kept AS SELECT CASE
    WHEN ${sumOf(keptRows(file, target))} IS DISTINCT FROM ${sumOf(`SELECT * FROM ${readParquet([path])}`)}
    THEN error('what was written is not what was to be kept') END AS fault`,
]
