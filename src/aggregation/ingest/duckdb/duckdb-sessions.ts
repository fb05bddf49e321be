import { type ChildProcess, fork } from 'node:child_process'
import { rm } from 'node:fs/promises'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { bestEffort } from '../../../std/files/files.ts'
import { processorMs } from '../../../std/files/process-identity.ts'
import { lineBudget } from '../../../std/line-budget.ts'
import { codeInWords, inWordsOfC } from '../../../std/system-faults.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { DuckdbAnswer, DuckdbReply, DuckdbRequest } from './duckdb-child.ts'
import { CRASH, type OpenSqlSession, type SqlSession, type SqlValue, tookTooLong } from './sql-session.ts'
import { sweepAbandoned, workFolder } from './work-folder.ts'

export interface DuckdbOptions {
  readonly memoryLimitBytes: number
  readonly threads: number
  /** Where DuckDB spills to, and where its callers put files on their way from or to the lake. */
  readonly tempDir: string
  /** Folders that statements may use besides `tempDir`: the lake's. */
  readonly directories: readonly string[]
  /** Longest life of a session: it is killed then. */
  readonly timeoutMs: number
  readonly telemetry: Telemetry
  readonly clock: Clock
  /** Work that nobody waits for. */
  readonly isBackground?: boolean
}

/** Longest message that is kept of an error of DuckDB's. */
const MAX_MESSAGE_CHARS = 200
/** A window is computed in two sessions at most; a work folder older than three belongs to nobody. */
const LIVES_AT_MOST = 3

/** The child next to this file: TypeScript in tests, JavaScript in dist. */
const child = new URL(import.meta.url.replace(/duckdb-sessions(\.\w+)$/, 'duckdb-child$1'))

/** DuckDB in a child process a session. The child ends when it is closed, when it is killed, and when its parent is gone. */
export function duckdbSessions(options: DuckdbOptions): OpenSqlSession {
  const { memoryLimitBytes, threads, tempDir, timeoutMs, isBackground = false } = options
  const settings = { memoryLimitBytes, threads, isBackground, directories: [tempDir, ...options.directories] }
  const tellEnd = endTeller(options)
  return async (signal) => {
    if (signal.aborted) throw new AppError('cancelled', 'Cancelled before the session was opened')
    // Two processes that spill into one folder would overwrite each other's files.
    const spillDir = await workFolder(tempDir, 'duckdb')
    await sweepAbandoned(spillDir, LIVES_AT_MOST * timeoutMs)
    const duckdb = new DuckdbProcess({ signal, timeoutMs, tellEnd, spillDir })
    try {
      await duckdb.ask({ kind: 'open', settings: { ...settings, spillDir } })
    } catch (error) {
      await duckdb.close()
      throw error
    }
    return session(duckdb)
  }
}

function session(duckdb: DuckdbProcess): SqlSession {
  return {
    async run(statements) {
      await duckdb.ask({ kind: 'run', statements })
    },
    rows: (query) => chunks(duckdb, query),
    close: () => duckdb.close(),
  }
}

/** The child holds one chunk more than was asked for. */
async function* chunks(duckdb: DuckdbProcess, query: string): AsyncGenerator<SqlValue[][]> {
  let isOver = false
  try {
    for (let request: DuckdbRequest = { kind: 'query', query }; !isOver; request = { kind: 'next' }) {
      const { rows, isLast } = await duckdb.ask(request)
      isOver = isLast
      if (rows.length > 0) yield rows
    }
  } finally {
    // After an error the process may be gone; the error itself is already on its way to the caller.
    if (!isOver) await bestEffort(duckdb.ask({ kind: 'finish' }))
  }
}

interface Waiter {
  readonly resolve: (answer: DuckdbAnswer) => void
  readonly reject: (error: AppError) => void
}

/** An engine that always ends so tells it of each process: a line a minute says as much. */
function endTeller({ telemetry: { log }, clock }: DuckdbOptions): (why: AppError) => void {
  /** By what is told: signals and codes of exit are few. */
  const budgets = new Map<string, () => boolean>()
  return (why) => {
    const mayTell = budgets.get(why.message) ?? lineBudget(clock, 1)
    budgets.set(why.message, mayTell)
    if (mayTell()) log.warn({ err: why }, 'DuckDB ended with work under way')
  }
}

interface ProcessOptions extends Pick<DuckdbOptions, 'timeoutMs'> {
  readonly signal: AbortSignal
  readonly tellEnd: (why: AppError) => void
  readonly spillDir: string
}

/** The child and the requests that wait for its replies, which come in the order of the requests. */
class DuckdbProcess {
  readonly #process: ChildProcess
  readonly #waiting: Waiter[] = []
  readonly #ended: Promise<unknown>
  /** Set once no more replies can come. */
  #failure: AppError | undefined

  constructor({ signal, timeoutMs, tellEnd, spillDir }: ProcessOptions) {
    this.#process = fork(child, {
      serialization: 'advanced',
      // Standard error stays: a native crash has no other way to say what happened.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: environmentIn(spillDir),
    })
    this.#process.on('message', (reply: DuckdbReply) => this.#settle(reply))

    const cancel = () => this.#kill(new AppError('cancelled', 'The session was cancelled'))
    signal.addEventListener('abort', cancel)
    // It may have been aborted while the folders were made.
    if (signal.aborted) cancel()
    let late: Promise<void> | undefined
    const timer = setTimeout(() => {
      late = this.#killLate(timeoutMs)
    }, timeoutMs)
    this.#ended = endOf(this.#process).then(async (why) => {
      await late
      signal.removeEventListener('abort', cancel)
      clearTimeout(timer)
      if (this.#waiting.length > 0) tellEnd(why)
      this.#fail(why)
      await rm(spillDir, { recursive: true, force: true })
    })
  }

  ask(request: DuckdbRequest): Promise<DuckdbAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure)
      this.#waiting.push({ resolve, reject })
      // One that did not start has no channel: its end is told a turn later.
      if (this.#process.connected) this.#process.send(request, () => {})
    })
  }

  async close(): Promise<void> {
    this.#fail(new AppError('cancelled', 'The session was closed'))
    if (this.#process.connected) this.#process.disconnect()
    await this.#ended
  }

  #settle(reply: DuckdbReply): void {
    const waiter = this.#waiting.shift()
    if (reply.kind === 'failed') waiter?.reject(sqlError(reply.message))
    else waiter?.resolve(reply)
  }

  async #killLate(timeoutMs: number): Promise<void> {
    this.#kill(tookTooLong(timeoutMs, await processorMs(Number(this.#process.pid))))
  }

  #kill(why: AppError): void {
    this.#fail(why)
    this.#process.kill('SIGKILL')
  }

  #fail(why: AppError): void {
    this.#failure ??= why
    for (const waiter of this.#waiting.splice(0)) waiter.reject(this.#failure)
  }
}

/**
 * All that the child sees of the world. Nothing of ours: it reads in native code what strangers wrote, and our environment
 * holds credentials and keys. What DuckDB keeps in a home or a temporary folder lies in the session's own.
 */
const environmentIn = (spillDir: string) => ({ HOME: spillDir, TMPDIR: spillDir, TZ: 'UTC', LANG: 'C.UTF-8' })

function endOf(process: ChildProcess): Promise<AppError> {
  return new Promise((resolve) => {
    process.once('error', (cause) => resolve(notStarted(cause)))
    process.once('exit', (code, killer) => resolve(ended(code, killer)))
  })
}

const notStarted = (cause: Error): AppError =>
  new AppError('engine_failed', `DuckDB did not start: ${codeInWords(cause)}`, { cause })

/** Signals of native code that went wrong by itself: for what it read, where it does so with nothing else. */
const CRASHES = ['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE']

/** A SIGKILL that is not ours is the kernel's answer to a lack of memory. */
function ended(code: number | null, killer: string | null): AppError {
  if (killer === 'SIGKILL') return new AppError('engine_out_of_memory', 'DuckDB was killed from outside')
  const details = killer !== null && CRASHES.includes(killer) ? { kind: CRASH, ofItself: true } : {}
  return new AppError('engine_failed', `DuckDB ended with ${killer ?? `exit code ${code}`}`, { details })
}

/**
 * What a statement needs beyond `memoryLimitBytes`, and how much of that is used. What the machine, or the disk that is
 * spilled to, has not got sounds otherwise.
 */
const ITS_LIMIT =
  /^Out of Memory Error: (?:failed to allocate|failed to pin|could not allocate)[^()]*\([^()]* used\)/

/** Names columns and types, and what is written in statements of ours; never a value. */
const OF_NAMES = /^(?:Binder|Catalog) Error/
/** A quote begins SQL or data, but that of a word such as `can't`. */
const FROM_QUOTE = /(?:["`{[\n]|(?<!n)'|'(?!t\b)).*$/s
/** A number of the data, which has no quotes. */
const NUMBER = / with value .*(?= can't be cast)/s
const FROM_LINE_END = /\n.*$/s

/** The first words only: what follows a quote or a bracket in DuckDB's messages is SQL or data. */
function sqlError(text: string): AppError {
  const message = text.replace(/^Error: /, '').replace(NUMBER, '')
  const words = message
    .replace(OF_NAMES.test(message) ? FROM_LINE_END : FROM_QUOTE, '')
    .slice(0, MAX_MESSAGE_CHARS)
    .trim()
  const code = words.startsWith('Out of Memory') ? 'engine_out_of_memory' : 'engine_failed'
  const kind = words.replace(/ Error.*$/s, '')
  return new AppError(code, `DuckDB: ${words}${inWordsOfC(message)}`, {
    details: { kind, ...(ITS_LIMIT.test(words) && { ofItself: true }) },
  })
}
