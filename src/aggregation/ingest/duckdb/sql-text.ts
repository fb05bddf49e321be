/**
 * A SQL string. The only way in which a path, an id or any other text enters a statement. A statement ends at a NUL,
 * wherever that stands.
 */
export function quote(text: string): string {
  const [first = '', ...rest] = text.split('\0').map((part) => `'${part.replaceAll("'", "''")}'`)
  return rest.length === 0 ? first : `(${[first, ...rest].join(' || chr(0) || ')})`
}

/** A list of files as DuckDB reads it, each path taken literally: it would expand `*`, `?` and `[` in them. */
export function fileList(paths: readonly string[]): string {
  return `[${paths.map((path) => quote(path.replace(/[[*?]/g, '[$&]'))).join(', ')}]`
}

/** What is below a folder such as `dt=…` is no column; and many write texts without saying that they are in UTF-8. */
export const PARQUET_OPTIONS = 'hive_partitioning = false, binary_as_string = true'

export const readParquet = (files: readonly string[]): string =>
  `read_parquet(${fileList(files)}, union_by_name = true, ${PARQUET_OPTIONS})`
