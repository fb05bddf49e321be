export type CsvCell = string | number | boolean | null | undefined

export const CSV_TYPE = 'text/csv; charset=utf-8; header=present'

/** `notices` as JSON, where an answer has no room for them. */
export const NOTICES_HEADER = 'x-headgate-notices'

/** A table as CSV: https://www.rfc-editor.org/rfc/rfc4180 */
export const csvOf = (rows: readonly (readonly CsvCell[])[]): string =>
  rows.map((row) => `${row.map(written).join(',')}\r\n`).join('')

/**
 * What would make a spreadsheet compute a text that a stranger sent; an apostrophe before it says that it is one.
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
const FORMULA = /^[=+\-@\t\r]/

function written(cell: CsvCell): string {
  if (typeof cell !== 'string') return String(cell ?? '')
  const text = FORMULA.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Whether a request that accepts these wants a table: whoever names it does. */
export const wantsCsv = (accept: string | undefined): boolean =>
  /(?:^|,)\s*text\/csv\s*(?:$|[,;])/i.test(accept ?? '')
