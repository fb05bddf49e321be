import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Lake } from '../../../lake/lake.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { codeOf } from '../../../std/expected-errors.ts'
import { FILE_MODE } from '../../../std/files/files.ts'
import { asNoRoom } from '../../../std/files/no-room.ts'
import { oneOf } from '../../../std/input/did-you-mean.ts'
import { invalid } from '../../../std/input/invalid.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import { MAX_INFLATED_OBJECT_BYTES } from '../compact/inflate-files.ts'
import type { OpenSqlSession } from '../duckdb/sql-session.ts'
import { workFolder } from '../duckdb/work-folder.ts'
import { type ImportReport, type ImportTask, importFile } from './import-file.ts'
import { importMetrics } from './metrics.ts'
import type { ImportApp } from './past-event.ts'

/**
 * The longest body of a request. Ours: a request has 25 s to arrive (http/server.ts), which is as much as comes then at
 * 85 Mbit/s. `headgate import` reads files of any size.
 */
export const MAX_IMPORT_BYTES = 268_435_456
/** Bodies that are imported at a time, each a file in the temporary folder meanwhile. Ours. */
export const MAX_IMPORTS = 2
/** A part of the path of the lake. */
export const IMPORT_NAME = '^[a-z0-9-]{1,64}$'
export const IMPORT_NAME_FORM = '1 to 64 of a-z, 0-9 and -'
const BUSY_RETRY_MS = 10_000

export interface ImportRequest {
  /** Its id. */
  readonly app: string
  /** What the import is called: the same one is done again under the same name. */
  readonly name: string
}

/** A file, and what is done with it. */
interface FileImport extends ImportRequest, Pick<ImportTask, 'path' | 'onProgress'> {
  /** Nothing is stored: what would be is judged and counted. */
  readonly isDryRun?: boolean
}

/** The way for events of a time that is over. */
export interface Imports {
  /** A file of this machine, of any size. Repeatable after any crash, and when it was stopped. */
  importFile(request: FileImport, signal: AbortSignal): Promise<ImportReport>
  /** The same of what comes, as a file in the temporary folder once all of it is there. */
  importStream(
    request: Omit<FileImport, 'path'>,
    stream: AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<ImportReport>
  /** What a request brings: nothing of it is imported before all of it is there. */
  importBody(request: ImportRequest, body: AsyncIterable<Buffer>, signal: AbortSignal): Promise<ImportReport>
}

export interface ImportsOptions {
  readonly lake: Pick<Lake, 'put'>
  /** Sessions that may read this file. */
  readonly sessionsFor: (path: string) => OpenSqlSession
  readonly tempDir: string
  /** Those that are configured now. */
  readonly apps: () => readonly ImportApp[]
  readonly clock: Clock
  readonly telemetry: Telemetry
}

const NAME = new RegExp(IMPORT_NAME)

export function createImports(options: ImportsOptions): Imports {
  const { lake, sessionsFor, tempDir, clock, telemetry } = options
  const tell = importMetrics(telemetry)
  let underWay = 0

  function appCalled(id: string): ImportApp {
    const apps = options.apps()
    const ids = apps.map((app) => app.id)
    const app = apps[ids.indexOf(id)]
    if (app !== undefined) return app
    throw invalid(
      'app',
      ids.length === 0 ? 'must be one of the apps of the configuration, which has none' : oneOf(ids, id),
    )
  }

  /** Before anything of it is read, which may take long. */
  function checked({ app, name }: ImportRequest): ImportApp {
    const found = appCalled(app)
    if (!NAME.test(name)) throw invalid('name', `must be ${IMPORT_NAME_FORM}`)
    return found
  }

  async function imported(
    { app: id, name, isDryRun = false, ...file }: FileImport & Pick<ImportTask, 'maxBytes' | 'file'>,
    signal: AbortSignal,
  ): Promise<ImportReport> {
    const app = checked({ app: id, name })
    const openSession = () => sessionsFor(file.path)(signal)
    const task = { ...file, app, name, isDryRun, openSession, tempDir }
    const report = await importFile(task, { lake, clock, signal }).catch((error: unknown) => {
      throw asNoRoom(error)
    })
    if (isDryRun) return report
    tell(app.id, report)
    const { accepted, rejected } = report
    telemetry.log.info({ app: app.id, accepted, rejected }, 'events of the past were imported')
    return report
  }

  async function received(request: Omit<FileImport, 'path'> & Pick<ImportTask, 'maxBytes'>, coming: Coming) {
    checked(request)
    const folder = await workFolder(tempDir, 'ingest')
    try {
      const path = join(folder, 'import')
      await keep(coming, path)
      return await imported({ ...request, path, file: '' }, coming.signal)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  return {
    importFile: (request, signal) =>
      imported({ ...request, file: basename(request.path), maxBytes: Number.POSITIVE_INFINITY }, signal),
    importStream: (request, content, signal) =>
      received(
        { ...request, maxBytes: Number.POSITIVE_INFINITY },
        { content, signal, mostBytes: Number.POSITIVE_INFINITY },
      ),
    async importBody(request, body, signal) {
      if (underWay >= MAX_IMPORTS)
        throw new AppError('overloaded', `${underWay} imports are under way.`, {
          retryAfterMs: BUSY_RETRY_MS,
        })
      underWay += 1
      try {
        return await received(
          { ...request, maxBytes: MAX_INFLATED_OBJECT_BYTES },
          { content: body, signal, mostBytes: MAX_IMPORT_BYTES },
        )
      } finally {
        underWay -= 1
      }
    },
  }
}

/** What is imported once all of it is there. */
interface Coming {
  readonly content: AsyncIterable<Buffer>
  readonly mostBytes: number
  readonly signal: AbortSignal
}

/** What a connection says that ended in the middle of a body; and a wait that was ended. */
const CUT = ['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR']

async function keep({ content, mostBytes, signal }: Coming, path: string): Promise<void> {
  const within = (coming: AsyncIterable<Buffer>) => withinLimit(coming, mostBytes)
  try {
    await pipeline(content, within, createWriteStream(path, { mode: FILE_MODE }), { signal })
  } catch (error) {
    if (!CUT.includes(codeOf(error))) throw error
    throw new AppError('cancelled', 'It ended before all of it was there: nothing of it was imported.', {
      cause: error,
    })
  }
}

async function* withinLimit(coming: AsyncIterable<Buffer>, mostBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of coming) {
    bytes += chunk.length
    if (bytes > mostBytes) throw bodyTooLarge()
    yield chunk
  }
}

export const bodyTooLarge = (): AppError =>
  new AppError(
    'body_too_large',
    `A request may bring ${MAX_IMPORT_BYTES} bytes; \`headgate import\` takes files of any size.`,
  )
