import { appendFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { compactClean, compactJudged, judgeLines, MALFORMED_LINES, minutesOf } from './event-sql.ts'
import { inflate, type LineFile } from './inflate.ts'
import { screen } from './screen.ts'
import { isInputFault, type SqlSession } from './sql-session.ts'

/** What a Parquet file holds, as the index keeps it. */
export interface Contents {
  readonly rows: number
  readonly bytes: number
  readonly minutes: Readonly<Record<string, number>>
  readonly arrivalMinMs: number | null
  readonly arrivalMaxMs: number | null
}

export interface Compacted extends Contents {
  readonly parquet: string
  /** Local file of the lines that are no events; undefined when there are none. */
  readonly dead: string | undefined
  readonly malformed: number
  /** Inputs that broke off, each counted as malformed beside the lines in `dead`. */
  readonly damaged: readonly LineFile[]
}

/**
 * NDJSON files → one Parquet file in `folder`. First as if every line were an event, which holds for what the gateway
 * writes and is twice as fast; if one is not, line by line.
 */
export async function compact(
  session: SqlSession,
  files: readonly LineFile[],
  folder: string,
): Promise<Compacted> {
  const parquet = join(folder, 'events.parquet')
  const { paths, damaged } = await inflate(files, folder)
  try {
    await session.run([compactClean(paths, parquet)])
    const malformed = damaged.length
    return { ...(await contentsOf(session, parquet)), parquet, dead: undefined, malformed, damaged }
  } catch (error) {
    if (!isInputFault(error)) throw error
  }
  const lines = join(folder, 'lines.ndjson')
  const dead = join(folder, 'dead.ndjson')
  let lost = await screen(paths, { lines, dead })
  await session.run([judgeLines(lines), compactJudged(parquet)])
  for await (const rows of session.rows(MALFORMED_LINES)) {
    lost += rows.length
    await appendFile(dead, rows.map(([line]) => `${line}\n`).join(''))
  }
  const contents = await contentsOf(session, parquet)
  return {
    ...contents,
    parquet,
    dead: lost > 0 ? dead : undefined,
    malformed: lost + damaged.length,
    damaged,
  }
}

export async function contentsOf(session: SqlSession, parquet: string): Promise<Contents> {
  const minutes: Record<string, number> = {}
  let rows = 0
  let arrivalMinMs: number | null = null
  let arrivalMaxMs: number | null = null
  for await (const chunk of session.rows(minutesOf(parquet))) {
    for (const [minute, count, first, last] of chunk) {
      if (minute !== null) minutes[String(minute)] = Number(count)
      rows += Number(count)
      arrivalMinMs = Math.min(arrivalMinMs ?? Infinity, Number(first))
      arrivalMaxMs = Math.max(arrivalMaxMs ?? -Infinity, Number(last))
    }
  }
  return { rows, bytes: (await stat(parquet)).size, minutes, arrivalMinMs, arrivalMaxMs }
}
