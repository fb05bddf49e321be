import { AppError } from '../../../std/errors.ts'
import { MAX_DIRECT_RECORD_BYTES } from '../quarantine/object-lines.ts'

/** One record, and the line in which it begins, from 1. */
export interface CsvRow {
  readonly line: number
  readonly cells: readonly string[]
}

/** What stands between cells: a comma, or what spreadsheets write where that is in numbers. */
const SEPARATORS = [',', ';', '\t'] as const

/** The one by which the first line, the names, is parted. */
export const separatorOf = (head: string): string =>
  SEPARATORS.find((each) => head.split(/[\r\n]/, 1)[0]?.includes(each)) ?? ','

/**
 * RFC 4180, from pieces of any length: quoted cells may hold separators, line ends and doubled quotes. Empty lines are no
 * records. One without an end would be all of a file: it is an error beyond what a line may have.
 */
export function createCsvReader(separator: string) {
  let cells: string[] = []
  let cell = ''
  let chars = 0
  let line = 1
  let startLine = 1
  let state: 'plain' | 'quoted' | 'closed' = 'plain'

  function endCell(): void {
    cells.push(cell)
    cell = ''
    state = 'plain'
  }

  function endRow(): CsvRow[] {
    endCell()
    const row = { line: startLine, cells }
    startLine = line
    cells = []
    chars = 0
    return row.cells.join('') === '' && row.cells.length === 1 ? [] : [row]
  }

  function takeQuoted(char: string): void {
    if (char === '"') state = 'closed'
    else cell += char
  }

  function takeOther(char: string): void {
    if (char === separator) endCell()
    else if (char === '"' && (state === 'closed' || cell === '')) {
      if (state === 'closed') cell += char
      state = 'quoted'
    } else if (char !== '\r') cell += char
  }

  return {
    read(text: string): readonly CsvRow[] {
      const rows: CsvRow[] = []
      for (const char of text) {
        if (char === '\n') line += 1
        if (++chars > MAX_DIRECT_RECORD_BYTES) throw tooLong(startLine)
        if (state === 'quoted') takeQuoted(char)
        else if (char === '\n') rows.push(...endRow())
        else takeOther(char)
      }
      return rows
    },
    last: endRow,
  }
}

const tooLong = (line: number): AppError =>
  new AppError(
    'malformed_body',
    `The record that begins in line ${line} has more than ${MAX_DIRECT_RECORD_BYTES} characters: is a quote not closed?`,
  )
