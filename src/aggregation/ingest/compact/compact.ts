import { appendFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextLoopRound } from 'node:timers/promises'
import { AppError } from '../../../std/errors.ts'
import {
  allRows,
  endedItsProcess,
  isInputFault,
  isOutOfMemory,
  type SqlSession,
  type SqlValue,
} from '../duckdb/sql-session.ts'
import type { MinuteRows } from '../index/minute-rows.ts'
import type { Doubt } from './doubts.ts'
import {
  compactClean,
  compactJudged,
  GOOD_LINES,
  joinPieces,
  judgeLines,
  linesOf,
  linesWith,
  MALFORMED_LINES,
  minutesOf,
  NO_NUMBERS,
  OPTIONAL_NUMBERS,
  type ParquetTarget,
} from './event-sql.ts'
import { type Inflated, inflate, type LineFile, type UnreadableFile } from './inflate-files.ts'
import { createFaultTally, type FaultTally, type FaultyLines, whyNoNumber } from './line-faults.ts'
import { hasLongLine, screen } from './line-screen.ts'
import { createMistyped, type Mistyped } from './mistyped.ts'
import { type Piece, piecesOf } from './pieces.ts'

/** What a Parquet file holds, as the index keeps it. */
export interface ParquetSummary {
  readonly rows: number
  readonly bytes: number
  readonly minutes: MinuteRows
  readonly arrivalMinMs: number | null
  readonly arrivalMaxMs: number | null
}

export interface Compacted extends ParquetSummary {
  readonly parquet: string
  /** Local file of the lines that are no events; undefined when there are none. */
  readonly dead: string | undefined
  readonly malformed: number
  /** Whose lines those are, and why they are none. */
  readonly faulty: readonly FaultyLines[]
  /** Events with fields that were nearly ours, or with no number where one belongs, which are not in the file. */
  readonly leftOut: readonly Doubt[]
  /** Inputs that broke off, each counted as malformed beside the lines in `dead`. */
  readonly damaged: readonly LineFile[]
  /** Inputs that hold no lines, each counted as malformed. */
  readonly unreadable: readonly UnreadableFile[]
}

/**
 * A piece that does not fit is halved down to this, or to a line that is longer. Ours: some lines of as many values as they
 * have bytes, each of which takes fifty and more, fit into the least `memoryLimit`.
 */
export const LEAST_PIECE_BYTES = 131_072

/** Minutes that one object may touch. Ours: those of a leap year, so that a year of history fits into one object. */
export const MAX_MINUTES = 527_040

export interface CompactTools {
  readonly session: SqlSession
  readonly folder: string
  /** Most bytes of lines that are read at a time: what they are judged in is memory. */
  readonly pieceBytes: number
  /** Written into the file, for `madeFromIn`. */
  readonly madeFrom: string
}

/** NDJSON files → one Parquet file in `folder`. */
export async function compact(tools: CompactTools, files: readonly LineFile[]): Promise<Compacted> {
  const inflated = await inflate(files, tools.folder)
  let { pieceBytes } = tools
  for (;;) {
    try {
      return await compactPieces({ ...tools, pieceBytes }, inflated)
    } catch (error) {
      if (!isOutOfMemory(error) || pieceBytes <= LEAST_PIECE_BYTES) throw error
      pieceBytes = Math.max(LEAST_PIECE_BYTES, pieceBytes / 2)
    }
  }
}

/** Whether a file was refused for the minutes that it touches, as it is by whoever reads it. */
export const touchesTooMany = (error: unknown): error is AppError =>
  error instanceof AppError && error.details['kind'] === TOO_MANY_MINUTES

async function compactPieces(
  { session, folder, pieceBytes, madeFrom }: CompactTools,
  { paths, damaged, unreadable }: Inflated,
): Promise<Compacted> {
  const dead = join(folder, 'dead.ndjson')
  await rm(dead, { force: true })
  const made: string[] = []
  const tally: LineTally = { faults: createFaultTally(), leftOut: new Map(), mistyped: createMistyped() }
  for await (const piece of piecesOf(paths, pieceBytes, join(folder, 'piece.ndjson'))) {
    const path = join(folder, `piece-${made.length}.parquet`)
    made.push(path)
    const lines = join(folder, 'lines.ndjson')
    await compactPiece(session, piece, { parquet: { path, madeFrom }, lines, dead, tally })
  }
  const parquet = join(folder, made.length > 1 ? 'events.parquet' : 'piece-0.parquet')
  if (made.length > 1) await session.run([joinPieces(made, { path: parquet, madeFrom })])
  const { faults, leftOut } = tally
  return {
    ...(await contentsOf(session, parquet)),
    parquet,
    dead: faults.lines > 0 ? dead : undefined,
    malformed: faults.lines + damaged.length + unreadable.length,
    faulty: faults.told(),
    leftOut: Array.from(leftOut, ([why, rows]) => ({ why, rows })),
    damaged,
    unreadable,
  }
}

/** What is told of the lines of all pieces. */
interface LineTally {
  readonly faults: FaultTally
  /** By what is to be told, how many events. */
  readonly leftOut: Map<string, number>
  readonly mistyped: Mistyped
}

interface PieceTarget {
  readonly parquet: ParquetTarget
  readonly lines: string
  readonly dead: string
  readonly tally: LineTally
}

/**
 * First as if every line were an event, which holds for what the gateway writes and is twice as fast; if one is not, line
 * by line. Those that are none are added to `dead`, and to the tally.
 */
async function compactPiece(
  session: SqlSession,
  piece: readonly Piece[],
  target: PieceTarget,
): Promise<void> {
  const isFast = !(await hasLongLine(piece)) && (await isClean(session, piece, target.parquet))
  if (!isFast) await compactScreened(session, piece, target)
  const paths = piece.map(({ path }) => path)
  const { mistyped, leftOut } = target.tally
  const fields = await mistyped.inHeads(paths)
  if (fields.length === 0) return
  const [counts = []] = await allRows(session, linesWith(isFast ? linesOf(paths) : GOOD_LINES, fields))
  for (const [at, { text }] of fields.entries()) addLines(leftOut, text, counts[at])
}

function addLines(leftOut: Map<string, number>, why: string, counted: SqlValue | undefined): void {
  const lines = Number(counted)
  if (lines > 0) leftOut.set(why, (leftOut.get(why) ?? 0) + lines)
}

async function compactScreened(
  session: SqlSession,
  piece: readonly Piece[],
  { parquet, lines, dead, tally: { faults, leftOut, mistyped } }: PieceTarget,
): Promise<void> {
  await screen(piece, { lines, dead }, (place, fault) => faults.add(place, fault))
  await session.run([judgeLines(lines), compactJudged(parquet)])
  const [counts = []] = await allRows(session, NO_NUMBERS)
  for (const [at, name] of OPTIONAL_NUMBERS.entries()) addLines(leftOut, whyNoNumber(name), counts[at])
  for await (const rows of session.rows(MALFORMED_LINES)) {
    for (const [place, line, why] of rows) {
      const hintsOf = () => mistyped.inLine(String(line)).map(({ text }) => text)
      if (faults.add(Number(place), String(why), hintsOf)) await nextLoopRound()
    }
    await appendFile(dead, rows.map(([, line]) => `${line}\n`).join(''))
  }
}

/** Whether all lines were events, which are in the file then. */
async function isClean(
  session: SqlSession,
  piece: readonly Piece[],
  parquet: ParquetTarget,
): Promise<boolean> {
  const paths = piece.map(({ path }) => path)
  try {
    await session.run([compactClean(paths, parquet)])
    return true
  } catch (error) {
    // What ends its process may not when its lines are looked at first.
    if (!isInputFault(error) && !endedItsProcess(error)) throw error
    return false
  }
}

/** Fails for the file when it touches more minutes than one object may. */
export async function contentsOf(session: SqlSession, parquet: string): Promise<ParquetSummary> {
  const startsMs: number[] = []
  const rowsOf: number[] = []
  let rows = 0
  let arrivalMinMs: number | null = null
  let arrivalMaxMs: number | null = null
  for await (const chunk of session.rows(minutesOf(parquet))) {
    for (const [minute, count, first, last] of chunk) {
      if (minute !== null) {
        startsMs.push(Number(minute))
        rowsOf.push(Number(count))
      }
      rows += Number(count)
      if (first === null) continue
      arrivalMinMs = Math.min(arrivalMinMs ?? Infinity, Number(first))
      arrivalMaxMs = Math.max(arrivalMaxMs ?? -Infinity, Number(last))
    }
    if (startsMs.length > MAX_MINUTES) throw tooManyMinutes()
  }
  const minutes = { startsMs: new Float64Array(startsMs), rows: new Float64Array(rowsOf) }
  return { rows, bytes: (await stat(parquet)).size, minutes, arrivalMinMs, arrivalMaxMs }
}

const TOO_MANY_MINUTES = 'Too many minutes'
const tooManyMinutes = () =>
  new AppError(
    'engine_failed',
    `It touches more than ${MAX_MINUTES} minutes: a year of them at most can be in one object`,
    {
      details: { kind: TOO_MANY_MINUTES },
    },
  )
