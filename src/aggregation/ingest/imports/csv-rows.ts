import { MAX_DIRECT_RECORD_BYTES } from '../quarantine/object-lines.ts'
import { MAX_IMPORTED_COLUMNS, TOO_MANY_COLUMNS } from './imported-columns.ts'

/** One record, and the line in which it begins, from 1. */
export interface CsvRow {
  readonly line: number
  readonly cells: readonly string[]
  /** Why it is none: then it is this one line alone. */
  readonly fault?: { readonly why: string; readonly written: string }
}

/** What stands between cells: a comma, or what spreadsheets write where that is in numbers. */
const SEPARATORS = [',', ';', '\t'] as const
type Separator = (typeof SEPARATORS)[number]

/** A cell that begins with no quote. */
const PLAIN = { ',': /[^,\n]*/y, ';': /[^;\n]*/y, '\t': /[^\t\n]*/y } satisfies Record<Separator, RegExp>
/** The end of a record, or of the text. */
const LINE_END = /\r?(?:\n|$)/y

/** The one by which the first line, the names, is parted. */
export const separatorOf = (head: string): Separator =>
  SEPARATORS.find((each) => head.split(/[\r\n]/, 1)[0]?.includes(each)) ?? ','

/** What is read, and of what form. */
interface Reading {
  readonly text: string
  /** Nothing comes behind it. */
  readonly isLast: boolean
  readonly separator: Separator
  /** How many cells the first record has, and so each. */
  readonly width: number
}

type Found =
  | { readonly kind: 'record'; readonly cells: readonly string[]; readonly end: number }
  | { readonly kind: 'fault'; readonly why: string }
  /** It goes on in what comes. */
  | { readonly kind: 'open' }

const OPEN: Found = { kind: 'open' }
const fault = (why: string): Found => ({ kind: 'fault', why })

const TOO_WIDE = fault(`There are ${TOO_MANY_COLUMNS}`)
const NOT_CLOSED = fault('A quote is not closed')
const BEHIND_QUOTE = fault('There is text behind a closing quote: a quote within quotes is written twice, ""')
const TOO_LONG = `It has more than ${MAX_DIRECT_RECORD_BYTES} characters: is a quote not closed?`

/**
 * RFC 4180, from pieces of any length: quoted cells may hold separators, line ends and doubled quotes. Empty lines are no
 * records. A quote that was not meant as one takes lines with it until something is wrong: then the line in which that record
 * began is refused, and what is behind it is read anew. Rows are to be taken before the next piece is given.
 */
export function createCsvReader(separator: Separator) {
  /** From the beginning of a record. */
  let text = ''
  let line = 1
  let width = Number.POSITIVE_INFINITY
  /** In a line that was refused before its end came. */
  let isPassing = false

  function passLine(from: number): number {
    const end = text.indexOf('\n', from)
    isPassing = end < 0
    if (isPassing) return text.length
    line += 1
    return end + 1
  }

  /** Why the line is refused, once all of it is there. */
  function whyRefused(found: Found, from: number, isLast: boolean) {
    if (found.kind === 'fault' && (isLast || text.includes('\n', from))) return found.why
    return text.length - from > MAX_DIRECT_RECORD_BYTES ? TOO_LONG : undefined
  }

  function* take(cells: readonly string[]): Generator<CsvRow> {
    if (isEmpty(cells)) return
    if (width === Number.POSITIVE_INFINITY) width = cells.length
    yield { line, cells }
  }

  return {
    *read(piece: string, isLast = false): Generator<CsvRow> {
      text += piece
      let at = isPassing ? passLine(0) : 0
      while (at < text.length) {
        const found = recordAt({ text, isLast, separator, width }, at)
        if (found.kind === 'record' && found.end - at <= MAX_DIRECT_RECORD_BYTES) {
          yield* take(found.cells)
          line += lineEndsIn(text.slice(at, found.end))
          at = found.end
          continue
        }
        const why = whyRefused(found, at, isLast)
        if (why === undefined) break
        const [written = ''] = text.slice(at).split('\n', 1)
        yield { line, cells: [], fault: { why, written } }
        at = passLine(at)
      }
      text = text.slice(at)
    },
  }
}

const lineEndsIn = (text: string): number => text.split('\n').length - 1

function recordAt(reading: Reading, from: number): Found {
  const { text, isLast, separator, width } = reading
  const cells: string[] = []
  let at = from
  for (;;) {
    const cell = text[at] === '"' ? quotedCell(text, at + 1) : plainCell(reading, at)
    if (cell === undefined) return isLast ? NOT_CLOSED : OPEN
    cells.push(cell.text)
    at = cell.end
    if (!text.startsWith(separator, at)) return endedAt(reading, cells, at)
    if (cells.length >= MAX_IMPORTED_COLUMNS) return TOO_WIDE
    if (cells.length >= width) return countFault(`more than ${width}`, width)
    at += separator.length
  }
}

function endedAt({ text, isLast, width }: Reading, cells: readonly string[], at: number): Found {
  LINE_END.lastIndex = at
  if (!LINE_END.test(text)) return BEHIND_QUOTE
  const end = LINE_END.lastIndex
  if (!isLast && text[end - 1] !== '\n') return OPEN
  const isWhole = cells.length === width || width === Number.POSITIVE_INFINITY || isEmpty(cells)
  return isWhole ? { kind: 'record', cells, end } : countFault(`${cells.length}`, width)
}

interface Cell {
  readonly text: string
  /** The place behind it. */
  readonly end: number
}

function plainCell({ text, separator }: Reading, from: number): Cell {
  const plain = PLAIN[separator]
  plain.lastIndex = from
  plain.test(text)
  const end = plain.lastIndex
  return { text: text.slice(from, text[end - 1] === '\r' ? end - 1 : end), end }
}

/** Undefined where it is not closed. */
function quotedCell(text: string, from: number): Cell | undefined {
  let cell = ''
  let at = from
  for (;;) {
    const quote = text.indexOf('"', at)
    if (quote < 0) return undefined
    cell += text.slice(at, quote)
    if (text[quote + 1] !== '"') return { text: cell, end: quote + 1 }
    cell += '"'
    at = quote + 2
  }
}

const isEmpty = (cells: readonly string[]): boolean => cells.length === 1 && cells[0] === ''

const countFault = (count: string, width: number): Found =>
  fault(`It has ${count} cells, and there are ${width} columns`)
