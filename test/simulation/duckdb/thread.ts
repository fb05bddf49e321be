import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type MessagePort, workerData } from 'node:worker_threads'
import { compact } from '../../../src/aggregation/ingest/compact/compact.ts'
import { duckdbJoining, madeFromIn } from '../../../src/aggregation/ingest/compact/join-files.ts'
import type { SqlSession } from '../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { duckdbEngine, duckdbRows } from '../../../src/aggregation/rollup/engines/duckdb-engine.ts'
import { sessionPool } from '../../../src/aggregation/rollup/engines/kept-session.ts'
import { fsLake } from '../../../src/lake/fs.ts'
import { systemClock } from '../../../src/std/clock.ts'
import { AppError, unreachable } from '../../../src/std/errors.ts'
import { openDuckdb, placesIn } from '../../fakes/aggregation/sessions.ts'
import { rowsOf } from '../../fakes/aggregation/store.ts'
import { seededEntropy } from '../../fakes/entropy.ts'
import type { Carried, CompactedLines, Computed, DuckdbAnswers, DuckdbWork, ToldAnswer } from './work.ts'

/** A thread beside simulated worlds, in real time and on a real disk: it does one piece of work at a time. */
const { port, turn } = workerData as {
  readonly port: MessagePort
  readonly turn: Int32Array<SharedArrayBuffer>
}

const MEMORY_BYTES = 512_000_000
const PIECE_BYTES = 67_108_864
const TIMEOUT_MS = 900_000
const root = mkdtempSync(join(tmpdir(), 'headgate-world-'))
const places = placesIn(root)
const { openSession, letGo } = sessionPool({
  openSession: openDuckdb(places, MEMORY_BYTES),
  timeoutMs: TIMEOUT_MS,
  clock: systemClock,
})
const never = new AbortController().signal
let works = 0

port.on('message', (work: DuckdbWork) => {
  void told(work).then((answer) => {
    port.postMessage(answer)
    Atomics.store(turn, 0, 1)
    Atomics.notify(turn, 0)
    if (work.kind === 'end') port.close()
  })
})

async function told(work: DuckdbWork): Promise<ToldAnswer> {
  try {
    return { answer: await done(work) }
  } catch (error) {
    if (!(error instanceof AppError)) return { code: undefined, message: String(error), details: {} }
    const { code, message, details } = error
    return { code, message, details }
  }
}

/** In a folder of its own, which is gone afterwards. */
async function done(work: DuckdbWork): Promise<DuckdbAnswers[DuckdbWork['kind']]> {
  const dir = join(places.lakeDir, `${++works}`)
  const lake = fsLake(dir)
  mkdirSync(dir, { recursive: true })
  const options = { lake, openSession, tempDir: places.tempDir, memoryLimitBytes: MEMORY_BYTES }
  try {
    switch (work.kind) {
      case 'compute': {
        place(dir, work.files)
        const engine = duckdbEngine({ ...options, entropy: seededEntropy() })
        const result = await engine.compute(work.plan, never)
        const files = result.outputs.map(({ key }) => ({ name: key, body: readFileSync(join(dir, key)) }))
        return { result, files } satisfies Computed
      }
      case 'rows': {
        place(dir, work.files)
        const names = work.files.map(({ name }) => name)
        return await rowsOf(duckdbRows({ ...options, entropy: seededEntropy() })(names, never))
      }
      case 'compact':
        return await compacted(dir, work)
      case 'madeFrom':
        place(dir, [work.file])
        return await inSession((session) => madeFromIn(session, join(dir, work.file.name)))
      case 'join': {
        place(dir, work.files)
        const path = join(dir, 'joined.parquet')
        await inSession((session) =>
          duckdbJoining.join(session, pathsIn(dir, work.files), { path, keys: work.keys }),
        )
        return readFileSync(path)
      }
      case 'joined':
        place(dir, [work.file])
        return await inSession((session) => duckdbJoining.readJoined(session, join(dir, work.file.name)))
      case 'sum':
        place(dir, work.files)
        return await inSession((session) => duckdbJoining.sumRows(session, pathsIn(dir, work.files)))
      case 'end':
        await letGo()
        return undefined
      default:
        return unreachable(work)
    }
  } finally {
    rmSync(work.kind === 'end' ? root : dir, { recursive: true })
  }
}

const pathsIn = (dir: string, files: readonly Carried[]): readonly string[] =>
  files.map(({ name }) => join(dir, name))

async function inSession<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
  const session = await openSession(never)
  return work(session).finally(() => session.close())
}

async function compacted(
  dir: string,
  { lines, madeFrom }: DuckdbWork & { readonly kind: 'compact' },
): Promise<CompactedLines> {
  place(dir, lines)
  const files = lines.map(({ name, gzip }) => ({ path: join(dir, name), gzip }))
  const session = await openSession(never)
  const tools = { session, folder: dir, pieceBytes: PIECE_BYTES, madeFrom }
  const { parquet, dead, damaged, bytes, ...summary } = await compact(tools, files).finally(() =>
    session.close(),
  )
  return {
    summary,
    parquet: readFileSync(parquet),
    dead: dead === undefined ? undefined : readFileSync(dead),
    damaged: damaged.map((file) => files.indexOf(file as (typeof files)[number])),
  }
}

function place(dir: string, files: readonly Carried[]): void {
  for (const { name, body } of files) {
    const path = join(dir, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, body)
  }
}
