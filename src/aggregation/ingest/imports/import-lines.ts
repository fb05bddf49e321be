import { AppError } from '../../../std/errors.ts'
import { unreadableAs } from '../../../std/files/magic-bytes.ts'
import { kindOf, unreadableKindOf } from '../compact/gunzip.ts'
import { isInflateError } from '../compact/inflate-files.ts'
import type { SqlSession } from '../duckdb/sql-session.ts'
import { bytesOf, createSplitter, type Line } from '../quarantine/object-lines.ts'
import { type CsvRow, createCsvReader, separatorOf } from './csv-rows.ts'
import { type ImportedColumn, importedColumns, rowLine } from './imported-columns.ts'
import { type ParquetFile, parquetRows } from './parquet-rows.ts'

/** A line of JSON, or of a table what is one then. */
export interface ImportLine extends Line {
  /** Why it is not even looked into. */
  readonly fault?: string | undefined
}

export interface ImportContent extends ParquetFile {
  /** The most that it may hold, inflated. */
  readonly maxBytes: number
  /** It is only looked at. */
  readonly isDryRun?: boolean
  /** A session that may read the file. */
  readonly openSession: () => Promise<SqlSession>
}

/** What turns pieces of a text into lines, which are to be taken before the next piece is given. */
interface LineReader {
  linesEndingIn(chunk: Buffer): Iterable<ImportLine>
  last(): Iterable<ImportLine>
}

/**
 * The lines of a file, by its bytes, whatever it is called: Parquet, or NDJSON or CSV, plain or compressed by gzip. Of what
 * is damaged comes what can be read, and then `malformed_body`.
 */
export async function* importLines(content: ImportContent): AsyncGenerator<Iterable<ImportLine>> {
  const kind = await unreadableKindOf(content.path)
  if (kind === undefined) yield* linesOfText(content)
  else if (kind === 'Parquet') yield* linesOfParquet(content)
  else throw unreadable(kind)
}

/** What a row counts beside what it says, as of objects in `raw/`: one that says nothing takes time as well. Ours. */
const ROW_BYTES = 64

async function* linesOfParquet(content: ImportContent): AsyncGenerator<Iterable<ImportLine>> {
  const { maxBytes } = content
  const session = await content.openSession()
  let bytes = 0
  try {
    for await (const rows of parquetRows(session, content)) {
      bytes = rows.reduce((sum, row) => sum + row.bytes.length + ROW_BYTES, bytes)
      if (bytes > maxBytes) throw new AppError('body_too_large', `Its rows have more than ${maxBytes} bytes`)
      yield rows.map((row) => ({ ...row, isTooLong: false }))
    }
  } catch (error) {
    if (!isOfFile(error)) throw error
    throw new AppError('malformed_body', `It cannot be read as Parquet. ${error.message}`, { cause: error })
  } finally {
    await session.close()
  }
}

/** It lies here whole, so that whatever the engine has to say is of what it says. */
const isOfFile = (error: unknown): error is AppError =>
  error instanceof AppError && error.code === 'engine_failed' && error.details['kind'] !== undefined

async function* linesOfText({
  path,
  maxBytes,
  isDryRun,
}: ImportContent): AsyncGenerator<Iterable<ImportLine>> {
  const isGzip = (await kindOf(path)) === 'gzip'
  let reader: LineReader | undefined
  try {
    for await (const chunk of bytesOf({ path, isGzip }, maxBytes)) {
      reader ??= readerOf(chunk)
      yield reader.linesEndingIn(chunk)
    }
  } catch (error) {
    if (!isInflateError(error)) throw error
    throw new AppError('malformed_body', isDryRun ? BROKEN : `${BROKEN} ${REST}`, { cause: error })
  }
  if (reader === undefined) throw new AppError('malformed_body', 'It is empty.')
  yield reader.last()
}

const BROKEN = 'It breaks off or is damaged.'
const REST =
  'Some of what came before that may be imported; the whole of it under the same name completes it.'

const unreadable = (kind: string): AppError =>
  new AppError(
    'malformed_body',
    `It is ${kind}; NDJSON and CSV are read as text in UTF-8, plain or compressed by gzip, and Parquet as it is.`,
  )

const MARK = /^\ufeff/

/** By its beginning: an event of JSON begins with a bracket, and no name of a column does. */
function readerOf(beginning: Buffer): LineReader {
  const kind = unreadableAs(beginning)
  if (kind !== undefined) throw unreadable(kind)
  const head = beginning.toString('utf8').replace(MARK, '').trimStart()
  return /^[{[]/.test(head) ? createSplitter() : csvLines(separatorOf(head))
}

function csvLines(separator: ReturnType<typeof separatorOf>): LineReader {
  const reader = createCsvReader(separator)
  const decoder = new TextDecoder()
  let columns: readonly ImportedColumn[] | undefined

  function* taken(rows: Iterable<CsvRow>): Generator<ImportLine> {
    for (const row of rows) {
      if (columns === undefined) columns = columnsOf(row)
      else yield lineOf(row, columns)
    }
  }

  return {
    linesEndingIn: (chunk) => taken(reader.read(decoder.decode(chunk, { stream: true }))),
    last: () => taken(reader.read(decoder.decode(), true)),
  }
}

function columnsOf({ line, cells, fault }: CsvRow): readonly ImportedColumn[] {
  if (fault === undefined) return importedColumns(cells)
  throw new AppError('malformed_body', `The columns cannot be read, which line ${line} names: ${fault.why}.`)
}

function lineOf({ line: number, cells, fault }: CsvRow, columns: readonly ImportedColumn[]): ImportLine {
  if (fault !== undefined)
    return { number, bytes: Buffer.from(fault.written), isTooLong: false, fault: fault.why }
  const isText = !cells.some((cell) => cell.includes('\ufffd'))
  const bytes = rowLine(columns, cells)
  return { number, bytes, isTooLong: false, fault: isText ? undefined : 'It is not UTF-8' }
}
