import { constants, setPriority } from 'node:os'
import {
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBDecimalValue,
  DuckDBInstance,
  type DuckDBResult,
  type DuckDBValue,
} from '@duckdb/node-api'
import { textDecoder } from '@duckdb/node-api/lib/vectors/dataAccessors.js'
import type { SqlValue } from './sql-session.ts'
import { quote } from './sql-text.ts'

/**
 * What the parent asks. One reply each, in order; a query is answered by its first chunk, and `next` by the following one,
 * until one says that it is the last.
 */
export type DuckdbRequest =
  | { readonly kind: 'open'; readonly settings: DuckdbSettings }
  | { readonly kind: 'run'; readonly statements: readonly string[] }
  | { readonly kind: 'query'; readonly query: string }
  | { readonly kind: 'next' }
  | { readonly kind: 'finish' }

export interface DuckdbSettings {
  readonly memoryLimitBytes: number
  readonly threads: number
  /** The spill folder of this session alone. */
  readonly spillDir: string
  /** The only folders that a statement can read or write. */
  readonly directories: readonly string[]
  /** Everything else on the machine goes before it. */
  readonly isBackground: boolean
}

export type DuckdbReply = DuckdbAnswer | { readonly kind: 'failed'; readonly message: string }

export interface DuckdbAnswer {
  readonly kind: 'done'
  readonly rows: SqlValue[][]
  readonly isLast: boolean
}

const DONE: DuckdbAnswer = { kind: 'done', rows: [], isLast: true }

// The driver's own takes a U+FEFF off the beginning of a text, as the mark of a file: so two values became one, and rows came
// in another order than DuckDB had sorted them by.
const everyCharacter = new TextDecoder('utf-8', { ignoreBOM: true })
textDecoder.decode = (bytes: Uint8Array) => everyCharacter.decode(bytes)

let connection: DuckDBConnection | undefined
let open: DuckDBResult | undefined
/** The chunk that comes next. */
let ahead: DuckDBDataChunk | null | undefined

/** An interrupt that comes before its statement has begun is lost; the next finds it. */
const INTERRUPT_EVERY_MS = 10
/** What takes longer does not look for interrupts, and ends with the process. */
const MAX_DYING_MS = 1_000

let isOrphan = false
let turn = Promise.resolve()

// The channel closes when the parent closes the session, and also when it dies: nothing outlives it. An exit would wait for
// the statement under way, which is interrupted first.
process.on('disconnect', () => {
  isOrphan = true
  setInterval(() => connection?.interrupt(), INTERRUPT_EVERY_MS)
  setTimeout(process.kill, MAX_DYING_MS, process.pid, 'SIGKILL')
  turn.then(() => process.exit(0))
})

process.on('message', (request: DuckdbRequest) => {
  turn = turn.then(async () => {
    if (isOrphan) return
    const reply = await answer(request).catch((error: unknown) => ({
      kind: 'failed' as const,
      message: String(error),
    }))
    if (!isOrphan) process.send?.(reply satisfies DuckdbReply)
  })
})

async function answer(request: DuckdbRequest): Promise<DuckdbAnswer> {
  switch (request.kind) {
    case 'open':
      connection = await connect(request.settings)
      return DONE
    case 'run':
      for (const statement of request.statements) await connection?.run(statement)
      return DONE
    case 'query':
      open = await connection?.stream(request.query)
      ahead = await open?.fetchChunk()
      return nextChunk()
    case 'next':
      return nextChunk()
    case 'finish':
      open = undefined
      ahead = undefined
      return DONE
  }
}

async function connect(settings: DuckdbSettings): Promise<DuckDBConnection> {
  if (settings.isBackground) setPriority(constants.priority.PRIORITY_LOW)
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${settings.memoryLimitBytes}B`,
    threads: String(settings.threads),
    temp_directory: settings.spillDir,
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const opened = await instance.connect()
  await opened.run(`SET allowed_directories = [${settings.directories.map(quote).join(', ')}]`)
  await opened.run('SET enable_external_access = false')
  await opened.run('SET lock_configuration = true')
  return opened
}

/** Looks whether there is another: most queries are answered by one chunk, and need not be asked for a second. */
async function nextChunk(): Promise<DuckdbAnswer> {
  if (!ahead || ahead.rowCount === 0) return DONE
  const rows = ahead.getRows().map((row) => row.map(plain))
  ahead = await open?.fetchChunk()
  const isLast = !ahead?.rowCount
  if (isLast) open = undefined
  return { kind: 'done', rows, isLast }
}

/** Numbers, text and booleans as they are, BIGINT, HUGEINT and DECIMAL(n,0) as bigint, anything else as text. */
function plain(value: DuckDBValue): SqlValue {
  if (typeof value !== 'object' || value === null) return value ?? null
  return value instanceof DuckDBDecimalValue ? value.value : String(value)
}
