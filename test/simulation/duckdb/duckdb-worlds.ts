import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { Workbench } from '../../../src/aggregation/ingest/objects/workbench.ts'
import { type Lake, MAX_GET_BYTES } from '../../../src/lake/lake.ts'
import { sleep } from '../../../src/std/async/abort.ts'
import { AppError } from '../../../src/std/errors.ts'
import { chunks, rowsAtHand } from '../../fakes/aggregation/store.ts'
import type { OpenEngine } from '../aggregation.ts'
import type { SimulatedProcess } from '../machine.ts'
import { MOST_COMPUTE_MS, workbenchOn, writeFile } from '../reference-engine.ts'
import type { Carried, DuckdbAnswers, DuckdbWork, ToldAnswer } from './work.ts'

/** One piece of work of a world takes a fraction of a second, the first a start of DuckDB besides. */
const MOST_WORK_MS = 120_000

/**
 * DuckDB for simulated worlds. It works in a thread of its own, in real time, while the world stands still: to the world
 * that takes no time at all, and always as long.
 */
export class DuckdbWorlds {
  readonly #turn = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  readonly #channel = new MessageChannel()
  readonly #thread: Worker
  readonly #mostWorkMs: number
  /** Why nothing more is asked. */
  #over: Error | undefined
  /** Of the thread, however it came. */
  readonly ended: Promise<void>
  /** Pieces of work by their kind. */
  readonly asked: Record<DuckdbWork['kind'], number> = {
    compute: 0,
    rows: 0,
    compact: 0,
    madeFrom: 0,
    join: 0,
    joined: 0,
    sum: 0,
    end: 0,
  }

  /** With the program of its thread. */
  constructor(program = new URL('thread.ts', import.meta.url), mostWorkMs = MOST_WORK_MS) {
    this.#mostWorkMs = mostWorkMs
    const { port1, port2 } = this.#channel
    port1.unref()
    this.#thread = new Worker(program, {
      workerData: { port: port2, turn: this.#turn },
      transferList: [port2],
    })
    this.#thread.once('error', (error: Error) => {
      this.#over = error
    })
    this.ended = new Promise<void>((resolve) => {
      this.#thread.once('exit', () => {
        this.#over ??= new Error('The thread of DuckDB ended')
        resolve()
      })
    })
  }

  /** Ends the thread and its DuckDB. */
  async close(): Promise<void> {
    if (this.#over === undefined) this.#ask({ kind: 'end' })
    this.#channel.port1.close()
    await this.#thread.terminate()
  }

  readonly openEngine: OpenEngine = ({ process, lake, watch }) => ({
    engine: {
      name: 'duckdb',
      compute: async (plan, signal) => {
        const ended = watch(plan)
        try {
          await sleep(process.entropy.uniform() * MOST_COMPUTE_MS, signal)
          const files = await carried(lake, plan.inputs)
          const computed = this.#ask({ kind: 'compute', plan, files })
          for (const { name, body } of computed.files) await lake.put(name, Buffer.from(body))
          signal.throwIfAborted()
          return computed.result
        } finally {
          ended()
        }
      },
    },
    sortRows: async (keys) => {
      const rows = this.#ask({ kind: 'rows', files: await carried(lake, keys) })
      return rowsAtHand(() => chunks(rows))
    },
    workbench: this.#workbench(process),
  })

  #workbench(process: SimulatedProcess): Workbench {
    const { files } = process
    const read = async (path: string): Promise<Uint8Array> => files.readFile(path, MAX_GET_BYTES)
    const all = (paths: readonly string[]) =>
      Promise.all(paths.map(async (path, at) => ({ name: `${at}.parquet`, body: await read(path) })))
    return workbenchOn(process, {
      compact: async ({ folder, madeFrom }, inputs) => {
        const lines = await Promise.all(
          inputs.map(async ({ path, gzip }, at) => ({ name: `${at}.lines`, gzip, body: await read(path) })),
        )
        const { summary, parquet, dead, damaged } = this.#ask({ kind: 'compact', lines, madeFrom })
        const [parquetPath, deadPath] = [`${folder}/events.parquet`, `${folder}/dead.ndjson`]
        const bytes = await writeFile(files, parquetPath, parquet)
        if (dead !== undefined) await writeFile(files, deadPath, dead)
        return {
          ...{ ...summary, bytes, parquet: parquetPath, dead: dead === undefined ? undefined : deadPath },
          damaged: inputs.filter((_, at) => damaged.includes(at)),
          unreadable: [],
        }
      },
      readMadeFrom: async (_, path) =>
        this.#ask({ kind: 'madeFrom', file: { name: 'events.parquet', body: await read(path) } }),
      join: async (_, paths, { path, keys }) =>
        writeFile(files, path, this.#ask({ kind: 'join', files: await all(paths), keys })),
      readJoined: async (_, path) =>
        this.#ask({ kind: 'joined', file: { name: 'events.parquet', body: await read(path) } }),
      sumRows: async (_, paths) => this.#ask({ kind: 'sum', files: await all(paths) }),
    })
  }

  #ask<Kind extends DuckdbWork['kind']>(work: DuckdbWork & { readonly kind: Kind }): DuckdbAnswers[Kind] {
    if (this.#over !== undefined) throw this.#over
    const { port1 } = this.#channel
    this.asked[work.kind] += 1
    Atomics.store(this.#turn, 0, 0)
    port1.postMessage(work)
    if (Atomics.wait(this.#turn, 0, 0, this.#mostWorkMs) === 'timed-out') {
      // The answer may still come, and would be taken for that to what is asked next.
      this.#over = new Error(`DuckDB did not answer within ${this.#mostWorkMs} ms: ${work.kind}`)
      throw this.#over
    }
    const told = receiveMessageOnPort(port1)?.message as ToldAnswer
    if ('answer' in told) return told.answer as DuckdbAnswers[Kind]
    const { code, message, details } = told
    throw code === undefined ? new Error(message) : new AppError(code, message, { details: { ...details } })
  }
}

async function carried(lake: Lake, keys: readonly string[]): Promise<readonly Carried[]> {
  const files: Carried[] = []
  for (const name of keys) {
    const body = await lake.get(name)
    if (body === undefined) throw new AppError('input_missing', `${name} is not in the lake`)
    files.push({ name, body })
  }
  return files
}
